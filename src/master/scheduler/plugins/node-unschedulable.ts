import { tolerates } from '../../../api/facts/tolerations.js';
import type { FilterPlugin } from './types.js';

const taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };
const failure = {
  plugin: 'NodeUnschedulable',
  reasons: ['node(s) were unschedulable'],
  unresolvable: true,
};

/** Nodes that are cordoned. */
export const nodeUnschedulable: FilterPlugin = {
  name: 'NodeUnschedulable',
  local: true,
  wakeOn: ['node'],
  prepare: ({ pod }) => {
    if (tolerates(pod.spec.tolerations, taint)) return undefined;
    return ({ node }) => (node.spec.unschedulable === true ? failure : undefined);
  },
};
