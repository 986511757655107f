import { matchesNodeRequirements, matchesTerm } from '../node-selector.js';
import type { FilterPlugin, ScorePlugin } from './types.js';

const failure = {
  plugin: 'NodeAffinity',
  reasons: ["node(s) didn't match Pod's node affinity/selector"],
  unresolvable: true,
};

/** `nodeSelector` and required node affinity. */
export const nodeAffinity: FilterPlugin = {
  name: 'NodeAffinity',
  local: true,
  wakeOn: ['node'],
  prepare: ({ pod }) => {
    const { nodeSelector, affinity } = pod.spec;
    const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
    if (required === undefined && Object.keys(nodeSelector ?? {}).length === 0) return undefined;
    return ({ node }) => (matchesNodeRequirements(pod, node) ? undefined : failure);
  },
};

/** The weights of the preferred terms that a node matches. */
export const nodePreference: ScorePlugin = {
  name: 'NodeAffinity',
  weight: 2,
  local: true,
  normalize: 'max',
  prepare: ({ pod }) => {
    const preferred =
      pod.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    if (preferred.length === 0) return undefined;
    return ({ node }) =>
      preferred.reduce(
        (sum, { weight, preference }) => sum + (matchesTerm(preference, node) ? weight : 0),
        0,
      );
  },
};
