/** Commands that ask the scheduler about a pod. */
import { assert } from '../../../lib/assert.js';
import { decide } from '../decide.js';
import type { NodeInfo } from '../node-info.js';
import { checkNode } from '../place.js';
import { addNormalized } from '../plugins/normalize.js';
import { scorePlugins } from '../plugins/index.js';
import { podInfo } from '../pod-info.js';
import type { PodInfo } from '../pod-info.js';
import { chooseVolumes, unboundClaims } from '../plugins/volume-binding.js';
import type { ClusterState } from './cluster-state.js';
import type { PodFields } from './objects.js';
import { podOf } from './objects.js';
import type { Command } from './command.js';

/** The pod of a command: a new one, or one that an earlier command had. */
function subject(state: ClusterState, name: string, fields: PodFields): PodInfo {
  const known = Object.keys(fields).length === 0 ? state.pods.get(name) : undefined;
  const pod = known ?? podOf(name, fields);
  state.pods.set(name, pod);
  return podInfo(pod);
}

/** `schedule NAME {…}`: decides, and assumes the pod where it is bound to. */
const schedule: Command = (state, [name = ''], fields: PodFields) => {
  const info = subject(state, name, fields);
  const { cache, placer, nominations } = state;
  const decision = decide(info, { cache, placer, nominations, budgets: state.budgets.list() });
  if (decision.type === 'bind') {
    const volumes = volumesOf(state, info, decision.node);
    cache.assume(info, decision.node);
    nominations.delete(info.key);
    return [`bind to ${decision.node}`, ...volumes];
  }
  const { preemption, message, wakeOn } = decision;
  const lines = [message, `wakes on ${[...wakeOn].toSorted().join(', ')}`];
  if (preemption.type === 'victims') {
    const { node, pods, violations } = preemption.victims;
    const names = pods.map(({ pod }) => pod.metadata.name).join(', ');
    const note = violations === 0 ? '' : `, ${violations} against a budget`;
    lines.push(`nominated to ${node.name}, evicts ${names}${note}`);
    nominations.set(info, node.name);
  } else if (preemption.type === 'none') nominations.delete(info.key);
  return lines;
};

function volumesOf(state: ClusterState, info: PodInfo, nodeName: string): string[] {
  const node = state.cache.node(nodeName);
  assert(node !== undefined, 'the node is there');
  return (chooseVolumes(unboundClaims(info.pod, state.cache), node, state.cache) ?? []).map(
    (choice) =>
      'volume' in choice
        ? `  ${choice.claim.metadata.name}: volume ${choice.volume.metadata.name}`
        : `  ${choice.claim.metadata.name}: provision`,
  );
}

/** `filter NAME {…}`: what the filter plugins say of each node. */
const filter: Command = (state, [name = ''], fields: PodFields) => {
  const info = subject(state, name, fields);
  return state.cache.nodes.map((node) => {
    const failure = checkNode(info, node, state.cache);
    if (failure === undefined) return `${node.name}: fits`;
    const help = failure.unresolvable ? 'evicting does not help' : 'evicting may help';
    return `${node.name}: ${failure.plugin}: ${failure.reasons.join(', ')} (${help})`;
  });
};

/** `score NAME {…}`: the weighted scores of the nodes that take the pod, plugin by plugin where they differ from 0. */
const score: Command = (state, [name = ''], fields: PodFields) => {
  const info = subject(state, name, fields);
  const feasible = state.cache.nodes.filter(
    (node) => checkNode(info, node, state.cache) === undefined,
  );
  const totals = new Float64Array(feasible.length);
  const lines = scorePlugins.flatMap((plugin) => {
    const rate = plugin.prepare(info, state.cache, feasible);
    if (rate === undefined) return [];
    const scores = new Float64Array(feasible.length);
    addNormalized(scores, feasible.map(rate), plugin);
    for (const [index, value] of scores.entries()) totals[index] = (totals[index] ?? 0) + value;
    return [row(plugin.name, feasible, scores)];
  });
  return [...lines, row('total', feasible, totals)];
};

function row(title: string, nodes: readonly NodeInfo[], scores: Float64Array): string {
  const cells = nodes.map((node, index) => `${node.name}=${scores[index] ?? 0}`);
  return `${title}: ${cells.join(' ')}`;
}

export const decisionCommands: Readonly<Record<string, Command>> = { schedule, filter, score };
