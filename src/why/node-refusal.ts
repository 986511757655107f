/** What the scheduler's filters say about a node, with amounts, and what would change it. Pure. */
import { tolerates } from '../api/facts/tolerations.js';
import type { Pod, Taint } from '../api/types/core.js';
import { volumeAllowsNode } from '../api/facts/volume-match.js';
import type { NodeInfo } from '../master/scheduler/node-info.js';
import type { ClusterView as SchedulerView, Failure } from '../master/scheduler/plugins/types.js';
import type { PodInfo } from '../master/scheduler/pod-info.js';
import { unboundClaims } from '../master/scheduler/plugins/volume-binding.js';
import { claimNames } from '../api/facts/pod-claims.js';
import { askable, formatAmount } from './amounts.js';
import type { Mend } from './finding.js';
import { count, enumerate } from './finding.js';
import { changeTemplate, editWorkload } from './targets.js';
import type { ClusterView } from './view.js';

/** A node that cannot take the pod. */
export interface NodeRefusal {
  readonly node: string;
  readonly plugin: string;
  readonly says: string;
  readonly details: readonly string[];
  readonly taint?: Taint | undefined;
  /** What is left of what the pod asks too much of, by resource. */
  readonly left: Readonly<Record<string, number>>;
}

interface Asked {
  readonly info: PodInfo;
  readonly node: NodeInfo;
  readonly failure: Failure;
  readonly cache: SchedulerView;
}

/** Puts a filter's answer into words. */
export function refusalOf(asked: Asked): NodeRefusal {
  const { node, failure } = asked;
  const base = { node: node.name, plugin: failure.plugin, details: [], left: {} };
  switch (failure.plugin) {
    case 'NodeResourcesFit':
      return lacking(asked);
    case 'NodeUnschedulable':
      return { ...base, says: 'is cordoned: it takes no new pods' };
    case 'TaintToleration':
      return tainted(asked);
    case 'NodeAffinity':
    case 'NodeName':
      return { ...base, says: `does not match the pod's ${selection(asked)}` };
    case 'NodePorts':
      return { ...base, says: takenPorts(asked) };
    case 'VolumeBinding':
      return { ...base, says: volumeWords(asked) };
    case 'InterPodAffinity':
    case 'PodTopologySpread':
    default:
      return { ...base, says: plainly(failure.reasons.join('; ')) };
  }
}

const plainly = (text: string): string =>
  text.replaceAll('node(s) ', '').replaceAll("didn't", 'does not');

function lacking({ info, node }: Asked): NodeRefusal {
  const left: Record<string, number> = {};
  const parts: string[] = [];
  const podLimit = node.allocatable['pods'] ?? 0;
  if (node.pods.size + 1 > podLimit) parts.push(`has its ${count(podLimit, 'pod')} already`);
  for (const [resource, amount] of Object.entries(info.requests)) {
    const total = node.allocatable[resource] ?? 0;
    const used = node.requested[resource] ?? 0;
    if (amount <= 0 || amount <= total - used) continue;
    const free = Math.max(0, total - used);
    left[resource] = free;
    const say = (value: number): string => formatAmount(resource, value);
    parts.push(
      total === 0
        ? `has no ${resource}`
        : `lacks ${say(amount - free)} of ${resource}: asked for ${say(amount)}, ${say(free)} left of ${say(total)}`,
    );
  }
  const says = enumerate(parts);
  const greatest = greatestUsers(node, Object.keys(left)[0]);
  return { node: node.name, plugin: 'NodeResourcesFit', says, details: greatest, left };
}

/** The pods that ask for most of what is lacking. */
function greatestUsers(node: NodeInfo, resource: string | undefined): string[] {
  if (resource === undefined) return [];
  const users = [...node.pods.values()]
    .map(({ key, requests }) => ({ key, amount: requests[resource] ?? 0 }))
    .filter(({ amount }) => amount > 0)
    .toSorted((a, b) => b.amount - a.amount || (a.key < b.key ? -1 : 1))
    .slice(0, 3);
  if (users.length === 0) return [];
  const words = users.map(({ key, amount }) => `${key} (${formatAmount(resource, amount)})`);
  return [`most of its ${resource} is asked for by ${enumerate(words)}`];
}

function tainted({ info, node }: Asked): NodeRefusal {
  const taint = (node.node.spec.taints ?? []).find(
    (one) => one.effect !== 'PreferNoSchedule' && !tolerates(info.pod.spec.tolerations, one),
  );
  const base = { node: node.name, plugin: 'TaintToleration', details: [], left: {}, taint };
  if (taint === undefined) return { ...base, says: 'has a taint that the pod does not tolerate' };
  const why = taintMeanings[taint.key];
  const text = `${taint.key}${(taint.value ?? '') === '' ? '' : `=${taint.value ?? ''}`}:${taint.effect}`;
  return {
    ...base,
    says: `has the taint ${text}, which the pod does not tolerate${why === undefined ? '' : ` (${why})`}`,
  };
}

/** Taints that the cluster itself sets. */
export const taintMeanings: Readonly<Record<string, string>> = {
  'node.kubernetes.io/not-ready': 'the node is not ready',
  'node.kubernetes.io/unreachable': 'nothing is heard from the node',
  'node.kubernetes.io/unschedulable': 'the node is cordoned',
  'node.kubernetes.io/memory-pressure': 'the node is short of memory',
  'node.kubernetes.io/disk-pressure': 'the node is short of disk',
  'node.kubernetes.io/pid-pressure': 'the node is short of process ids',
  'node.kubernetes.io/network-unavailable': 'the network of the node is not set up',
  'node-role.kubernetes.io/control-plane': 'the node is for masters only',
};

function selection({ info, node }: Asked): string {
  const { nodeSelector = {}, affinity, nodeName } = info.pod.spec;
  if (nodeName !== undefined && nodeName !== '') return `node name ${nodeName}`;
  const wrong = Object.entries(nodeSelector).filter(([key, value]) => node.labels[key] !== value);
  if (wrong.length > 0) {
    const wants = wrong.map(([key, value]) => `${key}=${value}`);
    const has = wrong.map(([key]) => {
      const value = node.labels[key];
      return value === undefined ? `no label ${key}` : `${key}=${value}`;
    });
    return `node selector ${enumerate(wants)}: it has ${enumerate(has)}`;
  }
  const terms =
    affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const words = terms.map(({ matchExpressions = [], matchFields = [] }) =>
    [...matchExpressions, ...matchFields]
      .map(({ key, operator, values = [] }) =>
        [key, operator, ...(values.length > 0 ? [`[${values.join(', ')}]`] : [])].join(' '),
      )
      .join(' and '),
  );
  return `node affinity (${words.join(', or ')})`;
}

function takenPorts({ info, node }: Asked): string {
  const taken = info.hostPorts.flatMap(({ hostPort = 0 }) => {
    const user = [...node.withHostPorts.values()].find(({ hostPorts }) =>
      hostPorts.some((port) => port.hostPort === hostPort),
    );
    return user === undefined ? [] : [`host port ${hostPort} is taken by pod ${user.key}`];
  });
  return taken.length === 0 ? 'a host port of the pod is taken' : enumerate(taken);
}

function volumeWords({ info, node, failure, cache }: Asked): string {
  const { namespace = '' } = info.pod.metadata;
  const away = claimNames(info.pod).flatMap((name) => {
    const volume = cache.volume(cache.claim(namespace, name)?.spec.volumeName ?? '');
    if (volume === undefined || volumeAllowsNode(volume, node.node)) return [];
    return [`the volume of claim ${name} is bound to other nodes`];
  });
  if (away.length > 0) return enumerate(away);
  const unbound = unboundClaims(info.pod, cache).map(({ metadata }) => metadata.name);
  const text = plainly(failure.reasons.join('; '));
  return unbound.length === 0 ? text : `${text} (claims ${enumerate(unbound)})`;
}

/** What would let one of the nodes take the pod, the least change first. */
export function mendRefusals(
  pod: Pod,
  refusals: readonly NodeRefusal[],
  view: ClusterView,
): Mend[] {
  const by = (plugin: string): NodeRefusal[] => refusals.filter((one) => one.plugin === plugin);
  const mends: Mend[] = [];
  const cordoned = by('NodeUnschedulable')[0];
  if (cordoned !== undefined) {
    const command = `trireme uncordon ${cordoned.node}`;
    mends.push({ words: 'let pods come to the node again', command });
  }
  mends.push(...mendTaints(by('TaintToleration')));
  mends.push(...mendSelection(pod, by('NodeAffinity'), view));
  const full = by('NodeResourcesFit');
  if (full.length > 0)
    mends.push(...askForLess(pod, full, view), {
      words: 'add a node, or free some of what these have',
    });
  if (by('PodTopologySpread').length + by('InterPodAffinity').length > 0) {
    const command = editWorkload(pod, view);
    mends.push({
      words: 'add a node that the rules allow, or make them preferences instead of requirements',
      ...(command === undefined ? {} : { command }),
    });
  }
  return mends;
}

function mendTaints(refusals: readonly NodeRefusal[]): Mend[] {
  const own = refusals.find(
    ({ taint }) => taint !== undefined && taintMeanings[taint.key] === undefined,
  );
  if (own?.taint !== undefined) {
    const { key, effect } = own.taint;
    const command = `trireme taint node ${own.node} ${key}:${effect}-`;
    return [{ words: `give the pod a toleration of ${key}, or take the taint away`, command }];
  }
  const first = refusals[0];
  if (first === undefined) return [];
  return [{ words: 'see what is wrong with the node', command: `trireme why node/${first.node}` }];
}

function mendSelection(pod: Pod, refusals: readonly NodeRefusal[], view: ClusterView): Mend[] {
  const first = refusals[0];
  if (first === undefined) return [];
  const pairs = Object.entries(pod.spec.nodeSelector ?? {}).map(
    ([key, value]) => `${key}=${value}`,
  );
  if (pairs.length > 0) {
    const command = `trireme label node ${first.node} --overwrite ${pairs.join(' ')}`;
    return [{ words: 'label a node so, or correct the node selector', command }];
  }
  const command = editWorkload(pod, view);
  return [{ words: 'correct the node affinity', ...(command === undefined ? {} : { command }) }];
}

/** Asks for what the node with the most room has left, where the pod has one container to change. */
function askForLess(pod: Pod, full: readonly NodeRefusal[], view: ClusterView): Mend[] {
  const [container, another] = pod.spec.containers;
  const roomiest = full
    .filter(({ left }) => Object.keys(left).length > 0 && Object.values(left).every((n) => n > 0))
    .toSorted((a, b) => (Object.values(b.left)[0] ?? 0) - (Object.values(a.left)[0] ?? 0))[0];
  if (roomiest === undefined || container === undefined || another !== undefined) return [];
  const amounts = Object.entries(roomiest.left).map(([name, n]) => `${name}=${askable(name, n)}`);
  const command = changeTemplate(pod, view, 'resources', `--requests=${amounts.join(',')}`);
  const words = `ask for less: node ${roomiest.node} has ${amounts.join(' and ')} left`;
  return [{ words, ...(command === undefined ? {} : { command }) }];
}
