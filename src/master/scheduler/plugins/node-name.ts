import type { FilterPlugin } from './types.js';

const failure = {
  plugin: 'NodeName',
  reasons: ["node(s) didn't match the requested node name"],
  unresolvable: true,
};

/** A pod that names its node. */
export const nodeName: FilterPlugin = {
  name: 'NodeName',
  local: true,
  wakeOn: ['node'],
  prepare: ({ pod }) => {
    const wanted = pod.spec.nodeName ?? '';
    if (wanted === '') return undefined;
    return (node) => (node.name === wanted ? undefined : failure);
  },
};
