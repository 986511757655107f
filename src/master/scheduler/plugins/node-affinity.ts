import type { Pod } from '../../../api/types/core.js';
import { matchesNodeRequirements, matchesTerm } from '../../../api/facts/node-selector.js';
import type { FilterPlugin, ScorePlugin } from './types.js';

const failure = {
  plugin: 'NodeAffinity',
  reasons: ["node(s) didn't match Pod's node affinity/selector"],
  unresolvable: true,
};
const notNamed = { ...failure, reasons: ["node(s) didn't satisfy plugin(s) [NodeAffinity]"] };

/**
 * Affinity that names its nodes, as that of a DaemonSet's pods does: what else is wrong with other nodes is not of
 * interest, so this plugin is asked first.
 */
export const namedNodes: FilterPlugin = {
  name: 'NodeAffinity',
  local: true,
  wakeOn: ['node'],
  prepare: ({ pod }) => {
    const names = namesOf(pod);
    if (names === undefined) return undefined;
    return (node) => (names.has(node.name) ? undefined : notNamed);
  },
};

/** The nodes that required affinity names; undefined when it has a term that names none. */
function namesOf(pod: Pod): Set<string> | undefined {
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if (required === undefined) return undefined;
  const names = new Set<string>();
  for (const { matchFields = [] } of required.nodeSelectorTerms) {
    const lists = matchFields
      .filter(({ key, operator }) => key === 'metadata.name' && operator === 'In')
      .map(({ values = [] }) => values);
    if (lists.length === 0) return undefined;
    const [first = [], ...others] = lists;
    for (const name of first) if (others.every((list) => list.includes(name))) names.add(name);
  }
  return names;
}

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
