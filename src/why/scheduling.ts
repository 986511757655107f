/**
 * Pods without a node: each node is asked again by the scheduler's own filters, which say which of them keeps the pod
 * away; the amounts are added to what they say. Pure.
 */
import { objectKey } from '../api/facts/keys.js';
import { findCondition } from '../api/facts/conditions.js';
import type {
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
} from '../api/types/core.js';
import type { StorageClass } from '../api/types/policy.js';
import { isPodTerminal } from '../api/facts/pods.js';
import { claimNames } from '../api/facts/pod-claims.js';
import type { KubeObject } from '../api/object.js';
import { SchedulerCache } from '../master/scheduler/cache.js';
import { checkNode } from '../master/scheduler/place.js';
import type { PodInfo } from '../master/scheduler/pod-info.js';
import { podInfo } from '../master/scheduler/pod-info.js';
import { explainClaim } from './claim.js';
import type { Finding, Mend } from './finding.js';
import { count, enumerate, unwell } from './finding.js';
import type { NodeRefusal } from './node-refusal.js';
import { mendRefusals, refusalOf } from './node-refusal.js';
import type { ClusterView } from './view.js';
import { nameOf } from './view.js';

/** Nodes that are shown one by one. */
const nodesShownMax = 8;

/** Why a pod has no node; undefined when it has one. */
export function explainScheduling(pod: Pod, view: ClusterView): Finding | undefined {
  if ((pod.spec.nodeName ?? '') !== '') return undefined;
  const about = nameOf(pod);
  const gates = (pod.spec.schedulingGates ?? []).map(({ name }) => name);
  const condition = findCondition(pod.status?.conditions, 'PodScheduled');
  const since = condition?.lastTransitionTime ?? pod.metadata.creationTimestamp;
  if (gates.length > 0) {
    return {
      about,
      level: 'waiting',
      says: `is not scheduled before ${enumerate(gates.map((gate) => `the gate ${gate}`))} of it is taken away`,
      since,
      details: ['a scheduling gate is taken away by the controller that has put it there'],
    };
  }
  const scheduler = pod.spec.schedulerName ?? 'default-scheduler';
  if (condition === undefined) {
    const own = scheduler === 'default-scheduler';
    return {
      about,
      level: own ? 'waiting' : 'problem',
      says: own
        ? 'waits for the scheduler, which has not looked at it yet'
        : `waits for the scheduler ${scheduler}, which says nothing`,
      since,
      mend: own
        ? [
            {
              words: 'if it stays so, see whether a scheduler is active',
              command: 'trireme cluster status',
            },
          ]
        : [{ words: `start ${scheduler}, or leave spec.schedulerName out` }],
    };
  }
  return unschedulable(pod, view, { since, message: condition.message ?? '' });
}

function unschedulable(
  pod: Pod,
  view: ClusterView,
  { since, message }: { readonly since: string | undefined; readonly message: string },
): Finding {
  const about = nameOf(pod);
  const claims = claimNames(pod).flatMap((name) => explainOwnClaim(pod, name, view) ?? []);
  const stuck = unwell(claims).filter(({ level }) => level === 'problem');
  const says = 'no node can take it';
  if (stuck.length > 0) {
    return {
      about,
      level: 'problem',
      says,
      since,
      details: [`the scheduler: ${message}`],
      causes: stuck,
    };
  }
  const { info, cache } = cacheOf(pod, view);
  const refusals = cache.nodes.flatMap((node): NodeRefusal[] => {
    const failure = checkNode(info, node, cache);
    return failure === undefined ? [] : [refusalOf({ info, node, failure, cache })];
  });
  const nominated = pod.status?.nominatedNodeName ?? '';
  if (nominated !== '') {
    return {
      about,
      level: 'waiting',
      says: `waits for less important pods to end on node ${nominated}, which make room for it`,
      since,
    };
  }
  if (cache.nodes.length > refusals.length) {
    const free = cache.nodes.filter(({ name }) => !refusals.some(({ node }) => node === name));
    const fits = enumerate(free.slice(0, 3).map(({ name }) => `node/${name}`));
    return {
      about,
      level: 'waiting',
      says: `had no node, and would fit on ${fits} now`,
      since,
      details: [`the scheduler said: ${message}`],
    };
  }
  const nodes = refusals.slice(0, nodesShownMax).map(({ node, says, details }): Finding => ({
    about: `node/${node}`,
    level: 'problem',
    says,
    details,
  }));
  const more = refusals.length - nodes.length;
  return {
    about,
    level: 'problem',
    says: refusals.length === 0 ? 'no node can take it' : noneOf(refusals.length),
    since,
    details: [
      ...(refusals.length === 0 ? [`the scheduler: ${message}`] : []),
      ...(more > 0 ? [`of the others ${summary(refusals.slice(nodesShownMax))}`] : []),
    ],
    mend: refusals.length === 0 ? addNode(view) : mendRefusals(pod, refusals, view),
    causes: nodes,
  };
}

function noneOf(nodes: number): string {
  return nodes === 1
    ? 'the only node cannot take it'
    : `none of ${count(nodes, 'node')} can take it`;
}

function summary(refusals: readonly NodeRefusal[]): string {
  const counts = new Map<string, number>();
  for (const { plugin } of refusals) counts.set(plugin, (counts.get(plugin) ?? 0) + 1);
  return enumerate([...counts].map(([plugin, nodes]) => `${nodes} say no by ${plugin}`));
}

function addNode(view: ClusterView): Mend[] {
  if (!view.knows('nodes')) return [];
  return [{ words: 'add a node', command: 'trireme token create' }];
}

/** A claim that keeps its pod from being scheduled; one that waits for its pod does not. */
function explainOwnClaim(pod: Pod, name: string, view: ClusterView): Finding | undefined {
  const claim = view
    .list<PersistentVolumeClaim>('persistentvolumeclaims', pod.metadata.namespace)
    .find(({ metadata }) => metadata.name === name);
  if (claim !== undefined) return explainClaim(claim, view, { pod });
  if (!view.knows('persistentvolumeclaims', pod.metadata.namespace)) return undefined;
  return {
    about: `persistentvolumeclaim/${name}`,
    level: 'problem',
    says: 'does not exist',
    mend: [{ words: 'make the claim, or correct the name in spec.volumes' }],
  };
}

/** Objects of a list by name, as the scheduler's informers give them. */
function source<T extends KubeObject>(
  list: readonly T[],
): {
  get: (key: { namespace?: string | undefined; name: string }) => T | undefined;
  list: () => T[];
} {
  const byKey = new Map(list.map((object) => [objectKey(object.metadata), object]));
  return { get: (key) => byKey.get(objectKey(key)), list: () => [...list] };
}

/** The cluster as the scheduler sees it. */
function cacheOf(
  pod: Pod,
  view: ClusterView,
): { readonly info: PodInfo; readonly cache: SchedulerCache } {
  const { namespace } = pod.metadata;
  const cache = new SchedulerCache({
    namespaces: source(view.list<Namespace>('namespaces')),
    claims: source(view.list<PersistentVolumeClaim>('persistentvolumeclaims', namespace)),
    volumes: source(view.list<PersistentVolume>('persistentvolumes')),
    storageClasses: source(view.list<StorageClass>('storageclasses')),
  });
  for (const node of view.list<Node>('nodes')) cache.setNode(node);
  for (const other of view.list<Pod>('pods')) {
    const node = other.spec.nodeName ?? '';
    if (node !== '' && !isPodTerminal(other)) cache.confirm(podInfo(other), node);
  }
  return { info: podInfo(pod), cache };
}
