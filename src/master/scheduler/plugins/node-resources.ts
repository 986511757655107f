import type { FilterPlugin, ScorePlugin } from './types.js';

/** Requests of CPU, memory, storage, extended resources, and the number of pods fit into what is left of the node. */
export const nodeResourcesFit: FilterPlugin = {
  name: 'NodeResourcesFit',
  local: true,
  wakeOn: ['pod-deleted', 'node'],
  prepare: ({ requests }) => {
    const wanted = Object.entries(requests).filter(([, amount]) => amount > 0);
    return (node) => {
      const reasons: string[] = [];
      let unresolvable = false;
      const podLimit = node.allocatable['pods'] ?? 0;
      if (node.pods.size + 1 > podLimit) {
        reasons.push('Too many pods');
        if (podLimit < 1) unresolvable = true;
      }
      for (const [resource, amount] of wanted) {
        const total = node.allocatable[resource] ?? 0;
        if (amount <= total - (node.requested[resource] ?? 0)) continue;
        reasons.push(`Insufficient ${resource}`);
        if (amount > total) unresolvable = true;
      }
      if (reasons.length === 0) return undefined;
      return { plugin: 'NodeResourcesFit', reasons, unresolvable };
    };
  },
};

/** The more is left, the better. */
export const leastAllocated: ScorePlugin = {
  name: 'NodeResourcesFit',
  weight: 1,
  local: true,
  normalize: 'none',
  prepare:
    ({ scoring }) =>
    (node) => {
      const cpu = leftShare(node.allocatable['cpu'], node.scoring.cpu + scoring.cpu);
      const memory = leftShare(node.allocatable['memory'], node.scoring.memory + scoring.memory);
      return Math.floor((cpu + memory) / 2);
    },
};

function leftShare(total: number | undefined, used: number): number {
  if (total === undefined || total === 0 || used > total) return 0;
  return Math.floor(((total - used) * 100) / total);
}

/** CPU and memory are used in about the same share. */
export const balancedAllocation: ScorePlugin = {
  name: 'NodeResourcesBalancedAllocation',
  weight: 1,
  local: true,
  normalize: 'none',
  prepare:
    ({ requests }) =>
    (node) => {
      const share = (resource: string): number => {
        const total = node.allocatable[resource] ?? 0;
        if (total === 0) return 0;
        return Math.min(1, ((node.requested[resource] ?? 0) + (requests[resource] ?? 0)) / total);
      };
      const deviation = Math.abs(share('cpu') - share('memory')) / 2;
      return Math.floor((1 - deviation) * 100);
    },
};
