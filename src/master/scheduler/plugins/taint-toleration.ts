import { covers, tolerates } from '../../../api/facts/tolerations.js';
import type { FilterPlugin, ScorePlugin } from './types.js';

/** Taints NoSchedule and NoExecute keep pods away that do not tolerate them. */
export const taintToleration: FilterPlugin = {
  name: 'TaintToleration',
  local: true,
  wakeOn: ['node'],
  prepare:
    ({ pod }) =>
    ({ node }) => {
      const taint = (node.spec.taints ?? []).find(
        (taint) =>
          (taint.effect === 'NoSchedule' || taint.effect === 'NoExecute') &&
          !tolerates(pod.spec.tolerations, taint),
      );
      if (taint === undefined) return undefined;
      return {
        plugin: 'TaintToleration',
        reasons: [`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`],
        unresolvable: true,
      };
    },
};

/** Fewer untolerated PreferNoSchedule taints are better. */
export const taintPreference: ScorePlugin = {
  name: 'TaintToleration',
  weight: 3,
  local: true,
  normalize: 'reverse',
  prepare: ({ pod }) => {
    const tolerations = (pod.spec.tolerations ?? []).filter(
      ({ effect = '' }) => effect === '' || effect === 'PreferNoSchedule',
    );
    return ({ node }) =>
      (node.spec.taints ?? []).filter(
        (taint) =>
          taint.effect === 'PreferNoSchedule' && !tolerations.some((t) => covers(t, taint)),
      ).length;
  },
};
