/**
 * The decision about one pod: it gets a node, or it waits, perhaps for others to be evicted. Pure: reads the cache
 * (which is as it was afterwards) and changes nothing else.
 */
import type { PodDisruptionBudget } from '../../api/types/policy.js';
import type { SchedulerCache } from './cache.js';
import { unschedulableMessage } from './messages.js';
import type { Nominations } from './nominations.js';
import type { Placer } from './place.js';
import { filterPlugins } from './plugins/index.js';
import type { ClusterEvent, Failure } from './plugins/types.js';
import type { PodInfo } from './pod-info.js';
import type { Preemption } from './preemption.js';
import { planPreemption } from './preemption.js';

/** The state of the cluster on which a decision depends. */
export interface Situation {
  readonly cache: SchedulerCache;
  readonly placer: Placer;
  readonly nominations: Nominations;
  readonly budgets: readonly PodDisruptionBudget[];
}

/** The outcome for one pod: a node to bind it to, or the cause why it waits and the pods to evict for it. */
export type Decision =
  | { readonly type: 'bind'; readonly node: string }
  | {
      readonly type: 'unschedulable';
      readonly message: string;
      /** The events that may make the pod schedulable; the queue holds it back until then. */
      readonly wakeOn: ReadonlySet<ClusterEvent>;
      /** The plugins that turned the pod down, on some node or altogether. */
      readonly plugins: ReadonlySet<string>;
      readonly preemption: Preemption;
    };

/** Decides about `info`. Pods that wait for victims to go keep their room from pods that are less important. */
export function decide(info: PodInfo, situation: Situation): Decision {
  const { cache, nominations } = situation;
  if (cache.nodes.length === 0) {
    const message = 'no nodes available to schedule pods';
    const preemption = { type: 'none', message: '' } as const;
    const plugins = new Set<string>();
    return { type: 'unschedulable', message, wakeOn: new Set(['node']), plugins, preemption };
  }
  const reserved = nominations.aheadOf(info).filter((other) => !cache.isPlaced(other.info.key));
  for (const other of reserved) cache.assume(other.info, other.node);
  try {
    return decideBesideNominated(info, situation);
  } finally {
    for (const other of reserved) cache.remove(other.info.key);
  }
}

function decideBesideNominated(info: PodInfo, situation: Situation): Decision {
  const { cache, placer, nominations, budgets } = situation;
  const nominated = nominations.nodeOf(info.key);
  const nominatedNode = nominated === undefined ? undefined : cache.node(nominated);
  const placement = placer.place(info, cache, nominatedNode);
  if (placement.type === 'node') return { type: 'bind', node: placement.node.name };
  const failures =
    placement.type === 'unschedulable'
      ? placement.failures
      : new Map(cache.nodes.map(({ name }) => [name, rejected(placement.rejection.plugin)]));
  const preemption = planPreemption(info, failures, { cache, budgets, nominatedNode });
  const outcome = placement.type === 'rejected' ? { rejection: placement.rejection } : { failures };
  const told = preemption.type === 'victims' ? '' : preemption.message;
  const plugins = new Set([...failures.values()].map(({ plugin }) => plugin));
  return {
    type: 'unschedulable',
    message: unschedulableMessage(cache.nodes.length, outcome, told),
    wakeOn: wakeEvents(plugins, preemption),
    plugins,
    preemption,
  };
}

/** A pod that is turned down as such fails on each node, and no eviction would help. */
function rejected(plugin: string): Failure {
  return { plugin, reasons: [], unresolvable: true };
}

function wakeEvents(plugins: ReadonlySet<string>, preemption: Preemption): Set<ClusterEvent> {
  const events = new Set<ClusterEvent>(
    filterPlugins.filter(({ name }) => plugins.has(name)).flatMap(({ wakeOn }) => wakeOn),
  );
  if (preemption.type === 'victims') events.add('pod-deleted');
  return events;
}
