/**
 * Pods that wait for a node: active ones by priority and age, those that back off after a failure, and those that no
 * node takes until something changes that may help them.
 * @see kubernetes pkg/scheduler/backend/queue
 */
import type { Clock } from '../../lib/clock.js';
import type { ClusterEvent } from './plugins/types.js';
import type { PodInfo } from './pod-info.js';

const backoffMsInitial = 1000;
const backoffMsMax = 10_000;
/** Unschedulable pods are tried again after so long in any case. */
const flushMs = 5 * 60_000;

const attemptFailed = 'ScheduleAttemptFailure';
const podChanged = 'UnscheduledPodUpdate';

/** Where a pod waits. */
export type WaitingPlace = 'active' | 'backoff' | 'unschedulable';

/** Is told that a pod has come to a place, and why (kube-scheduler's names of events). */
export type OnIncoming = (place: WaitingPlace, event: string) => void;

const eventNames: Readonly<Record<ClusterEvent, string>> = {
  node: 'NodeUpdate',
  'pod-deleted': 'AssignedPodDelete',
  'pod-placed': 'AssignedPodAdd',
  'pod-scaled-down': 'AssignedPodUpdate',
  volume: 'PvcUpdate',
  namespace: 'NamespaceUpdate',
};

/** How long a pod waited for its place, and in how many attempts. */
export interface Waited {
  readonly attempts: number;
  readonly sinceMs: number;
}

interface Waiting {
  info: PodInfo;
  attempts: number;
  /** When it came into the queue, on the monotonic clock. */
  readonly sinceMs: number;
  /** The plugins that the last attempt failed by. */
  plugins: ReadonlySet<string>;
  /** When the present back-off ends, on the monotonic clock. */
  readyAtMs: number;
  /** The pod itself has changed while it was in flight. */
  changed: boolean;
  /** Events that may help; empty: any. */
  wakeOn: ReadonlySet<ClusterEvent>;
  cancel: (() => void) | undefined;
}

/** Queues pods for scheduling by priority: active, backing off or unschedulable (kube-scheduler backend/queue). */
export class SchedulingQueue {
  readonly #clock: Clock;
  readonly #onReady: () => void;
  readonly #onIncoming: OnIncoming;
  readonly #active = new Map<number, Map<string, Waiting>>();
  #priorities: number[] = [];
  readonly #backingOff = new Map<string, Waiting>();
  readonly #unschedulable = new Map<string, Waiting>();
  /** Taken and not yet placed or given back; their attempts are kept here. */
  readonly #inFlight = new Map<string, Waiting>();
  /** Events since a pod in flight was taken: it may have been judged by an older state. */
  readonly #missed = new Map<string, Set<ClusterEvent>>();
  #closed = false;

  constructor(clock: Clock, onReady: () => void, onIncoming: OnIncoming = () => undefined) {
    this.#clock = clock;
    this.#onReady = onReady;
    this.#onIncoming = onIncoming;
  }

  /** Pods that wait, by state. */
  get counts(): {
    readonly active: number;
    readonly backoff: number;
    readonly unschedulable: number;
  } {
    let active = 0;
    for (const level of this.#active.values()) active += level.size;
    return {
      active,
      backoff: this.#backingOff.size,
      unschedulable: this.#unschedulable.size,
    };
  }

  /** The number of waiting pods that each plugin turned down at their last attempt. */
  get rejections(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const places of [this.#unschedulable, this.#backingOff]) {
      for (const { plugins } of places.values()) {
        for (const plugin of plugins) counts.set(plugin, (counts.get(plugin) ?? 0) + 1);
      }
    }
    return counts;
  }

  /** A new pod, or a new version of one that waits. `reconsider`: the change may make it schedulable. */
  add(info: PodInfo, reconsider: boolean): void {
    if (this.#closed) return;
    const waiting = this.#find(info.key);
    if (waiting === undefined) {
      const fresh = { attempts: 0, readyAtMs: 0, changed: false, cancel: undefined } as const;
      const sinceMs = this.#clock.monotonicMs();
      const waits = { info, sinceMs, plugins: new Set<string>(), wakeOn: new Set<ClusterEvent>() };
      this.#activate({ ...fresh, ...waits }, 'UnscheduledPodAdd');
      return;
    }
    if (this.#inFlight.has(info.key)) {
      waiting.info = info;
      if (reconsider) waiting.changed = true;
      return;
    }
    const level = this.#active.get(waiting.info.priority);
    if (level?.has(info.key) === true && info.priority !== waiting.info.priority) {
      level.delete(info.key);
      waiting.info = info;
      this.#activate(waiting, podChanged);
      return;
    }
    waiting.info = info;
    if (reconsider && this.#unschedulable.has(info.key)) this.#wake(waiting, podChanged);
  }

  remove(key: string): void {
    const waiting = this.#find(key);
    waiting?.cancel?.();
    if (waiting !== undefined) this.#active.get(waiting.info.priority)?.delete(key);
    this.#backingOff.delete(key);
    this.#unschedulable.delete(key);
    this.#inFlight.delete(key);
    this.#missed.delete(key);
  }

  /** The next pod; {@link done} or one of the give-back functions must follow. */
  take(): PodInfo | undefined {
    for (const priority of this.#priorities) {
      const level = this.#active.get(priority);
      if (level === undefined) continue;
      for (const [key, waiting] of level) {
        level.delete(key);
        waiting.attempts++;
        waiting.changed = false;
        this.#inFlight.set(key, waiting);
        this.#missed.set(key, new Set());
        return waiting.info;
      }
    }
    return undefined;
  }

  /** How long a pod in flight has waited; undefined for one that is not in flight. */
  waited(key: string): Waited | undefined {
    return this.#inFlight.get(key);
  }

  /** The pod is placed. */
  done(key: string): void {
    this.#inFlight.delete(key);
    this.#missed.delete(key);
  }

  /** No node takes the pod until one of these events. @param plugins those that turned it down */
  giveBackUnschedulable(
    key: string,
    wakeOn: ReadonlySet<ClusterEvent>,
    plugins: ReadonlySet<string> = new Set(),
  ): void {
    const waiting = this.#inFlight.get(key);
    if (waiting === undefined || this.#closed) return;
    const missed = this.#missed.get(key) ?? new Set();
    this.done(key);
    waiting.wakeOn = wakeOn;
    waiting.plugins = plugins;
    waiting.readyAtMs = this.#clock.monotonicMs() + backoffMs(waiting.attempts);
    if (waiting.changed || [...missed].some((event) => helps(waiting, event))) {
      this.#backOff(waiting, attemptFailed);
      return;
    }
    this.#unschedulable.set(key, waiting);
    this.#onIncoming('unschedulable', attemptFailed);
    waiting.cancel = this.#clock.schedule(flushMs, () =>
      this.#wake(waiting, 'UnschedulableTimeout'),
    );
  }

  /** Something failed that may work next time. */
  giveBackFailed(key: string): void {
    const waiting = this.#inFlight.get(key);
    if (waiting === undefined || this.#closed) return;
    this.done(key);
    waiting.plugins = new Set();
    waiting.readyAtMs = this.#clock.monotonicMs() + backoffMs(waiting.attempts);
    this.#backOff(waiting, attemptFailed);
  }

  /** Moves the pods that the event may help out of the unschedulable ones. */
  onEvent(event: ClusterEvent): void {
    for (const missed of this.#missed.values()) missed.add(event);
    for (const waiting of this.#unschedulable.values()) {
      if (helps(waiting, event)) this.#wake(waiting, eventNames[event]);
    }
  }

  close(): void {
    this.#closed = true;
    for (const waiting of [...this.#backingOff.values(), ...this.#unschedulable.values()]) {
      waiting.cancel?.();
    }
  }

  #find(key: string): Waiting | undefined {
    const elsewhere =
      this.#backingOff.get(key) ?? this.#unschedulable.get(key) ?? this.#inFlight.get(key);
    if (elsewhere !== undefined) return elsewhere;
    for (const level of this.#active.values()) {
      const waiting = level.get(key);
      if (waiting !== undefined) return waiting;
    }
    return undefined;
  }

  #wake(waiting: Waiting, event: string): void {
    waiting.cancel?.();
    waiting.cancel = undefined;
    this.#unschedulable.delete(waiting.info.key);
    this.#backOff(waiting, event);
  }

  #backOff(waiting: Waiting, event: string): void {
    const delayMs = waiting.readyAtMs - this.#clock.monotonicMs();
    if (delayMs <= 0) {
      this.#activate(waiting, event);
      return;
    }
    this.#backingOff.set(waiting.info.key, waiting);
    this.#onIncoming('backoff', event);
    waiting.cancel = this.#clock.schedule(delayMs, () => {
      this.#backingOff.delete(waiting.info.key);
      this.#activate(waiting, 'BackoffComplete');
    });
  }

  #activate(waiting: Waiting, event: string): void {
    waiting.cancel = undefined;
    this.#onIncoming('active', event);
    const { priority, key } = waiting.info;
    let level = this.#active.get(priority);
    if (level === undefined) {
      level = new Map();
      this.#active.set(priority, level);
      this.#priorities = [...this.#active.keys()].toSorted((a, b) => b - a);
    }
    level.set(key, waiting);
    this.#onReady();
  }
}

function helps(waiting: Waiting, event: ClusterEvent): boolean {
  return waiting.wakeOn.size === 0 || waiting.wakeOn.has(event);
}

function backoffMs(attempts: number): number {
  return Math.min(backoffMsMax, backoffMsInitial * 2 ** Math.max(0, attempts - 1));
}
