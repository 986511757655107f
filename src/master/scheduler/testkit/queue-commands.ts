/** Commands on the queue of pods that wait. */
import type { ClusterEvent } from '../plugins/types.js';
import { podInfo } from '../pod-info.js';
import type { ClusterState } from './cluster-state.js';
import type { PodFields } from './objects.js';
import { podOf } from './objects.js';
import type { Command } from './command.js';

function keyOf(name: string): string {
  return `default/${name}`;
}

function counts({ queue }: ClusterState): string[] {
  const { active, backoff, unschedulable } = queue.counts;
  return [`active ${active}, backing off ${backoff}, unschedulable ${unschedulable}`];
}

/** `queue-add NAME {…}`: a new pod, or a new version of one. */
const add: Command = (state, [name = '', changed], fields: PodFields) => {
  state.queue.add(podInfo(podOf(name, fields)), changed === 'changed');
  return counts(state);
};

/** `queue-take`: the next pod. */
const take: Command = ({ queue }) => [queue.take()?.pod.metadata.name ?? 'nothing'];

/** `queue-placed NAME` */
const placed: Command = (state, [name = '']) => {
  state.queue.done(keyOf(name));
  return counts(state);
};

/** `queue-unschedulable NAME EVENT…` */
const unschedulable: Command = (state, [name = '', ...events]) => {
  state.queue.giveBackUnschedulable(keyOf(name), new Set(events as ClusterEvent[]));
  return counts(state);
};

/** `queue-failed NAME`: its binding failed. */
const failed: Command = (state, [name = '']) => {
  state.queue.giveBackFailed(keyOf(name));
  return counts(state);
};

/** `queue-event EVENT` */
const event: Command = (state, [happened]) => {
  state.queue.onEvent(happened as ClusterEvent);
  return counts(state);
};

/** `queue-remove NAME` */
const remove: Command = (state, [name = '']) => {
  state.queue.remove(keyOf(name));
  return counts(state);
};

/** `advance MS`: time passes. */
const advance: Command = (state, [ms = '0']) => {
  state.clock.advance(Number(ms));
  return counts(state);
};

export const queueCommands: Readonly<Record<string, Command>> = {
  'queue-add': add,
  'queue-take': take,
  'queue-placed': placed,
  'queue-unschedulable': unschedulable,
  'queue-failed': failed,
  'queue-event': event,
  'queue-remove': remove,
  advance,
};
