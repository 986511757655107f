/**
 * Events about objects, written in the background. Equal events become one with a count; many events that differ only in
 * their message become one "(combined from similar events)"; a source that floods is cut off per object. Events are best
 * effort: a failed write is dropped.
 * @see client-go tools/record events_cache.go for the numbers
 */
import type { KubeObject } from '../../api/object.js';
import type { ApiClient } from '../types.js';
import { isApiError } from '../types.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import type { ObjectReference } from '../../api/types/core.js';
import { resources } from '../resources.js';
import { formatTime } from '../../api/facts/time.js';

/** An event's subject: at least kind and name. */
export interface EventSubject {
  readonly apiVersion?: string;
  readonly kind: string;
  readonly metadata: {
    readonly namespace?: string;
    readonly name: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
  };
}

/** Records events about objects; repetitions are counted up. */
export interface EventRecorder {
  normal(subject: EventSubject, reason: string, message: string): void;
  warning(subject: EventSubject, reason: string, message: string): void;
}

interface EventObject extends KubeObject {
  involvedObject: ObjectReference;
  reason: string;
  message: string;
  type: string;
  source: { component: string; host?: string };
  reportingComponent?: string;
  reportingInstance?: string;
  firstTimestamp: string;
  lastTimestamp: string;
  count: number;
}

interface Known {
  key: { namespace: string; name: string };
  count: number;
}

const cacheLimit = 4096;
const pendingLimit = 2000;
const lanes = 4;
const similarLimit = 10;
const similarWindowMs = 600_000;
const spamBurst = 25;
const spamRefillPerMs = 1 / 300_000;

/** Shared by the recorders of all components. */
export class EventSink {
  readonly #client: ApiClient;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #known = new Map<string, Known>();
  readonly #similar = new Map<string, { readonly messages: Set<string>; lastMs: number }>();
  readonly #tokens = new Map<string, { tokens: number; atMs: number }>();
  readonly #pending: (() => Promise<void>)[] = [];
  #running = 0;
  #sequence = 0;

  constructor(options: {
    readonly client: ApiClient;
    readonly clock: Clock;
    readonly log: Logger;
  }) {
    this.#client = options.client;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  recorder(component: string): EventRecorder {
    const emit =
      (type: string) =>
      (subject: EventSubject, reason: string, message: string): void =>
        this.#emit(component, type, subject, reason, message);
    return { normal: emit('Normal'), warning: emit('Warning') };
  }

  #emit(
    component: string,
    type: string,
    subject: EventSubject,
    reason: string,
    message: string,
  ): void {
    const about = `${component}|${subject.kind}|${subject.metadata.namespace ?? ''}/${subject.metadata.name}|${subject.metadata.uid ?? ''}`;
    if (!this.#allowed(about)) return;
    const group = `${about}|${type}|${reason}`;
    const combined = this.#isSimilar(group, message);
    const text = combined ? `(combined from similar events): ${message}` : message;
    const identity = combined ? group : `${group}|${message}`;
    if (this.#pending.length >= pendingLimit) {
      this.#pending.shift();
      this.#log.debug({ limit: pendingLimit }, 'too many events wait, the oldest is dropped');
    }
    this.#pending.push(() => this.#write(identity, component, type, subject, reason, text));
    this.#drain();
  }

  /** Token bucket per source and object. */
  #allowed(about: string): boolean {
    const nowMs = this.#clock.monotonicMs();
    const bucket = this.#tokens.get(about) ?? { tokens: spamBurst, atMs: nowMs };
    bucket.tokens = Math.min(spamBurst, bucket.tokens + (nowMs - bucket.atMs) * spamRefillPerMs);
    bucket.atMs = nowMs;
    remember(this.#tokens, about, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }

  #isSimilar(group: string, message: string): boolean {
    const nowMs = this.#clock.monotonicMs();
    let similar = this.#similar.get(group);
    if (similar === undefined || nowMs - similar.lastMs > similarWindowMs) {
      similar = { messages: new Set(), lastMs: nowMs };
    }
    similar.lastMs = nowMs;
    if (similar.messages.size < similarLimit) similar.messages.add(message);
    remember(this.#similar, group, similar);
    return similar.messages.size >= similarLimit && !similar.messages.has(message);
  }

  #drain(): void {
    while (this.#running < lanes) {
      const job = this.#pending.shift();
      if (job === undefined) return;
      this.#running++;
      void job()
        .catch((error: unknown) => this.#log.debug({ error }, 'an event could not be written'))
        .finally(() => {
          this.#running--;
          this.#drain();
        });
    }
  }

  async #write(
    identity: string,
    component: string,
    type: string,
    subject: EventSubject,
    reason: string,
    message: string,
  ): Promise<void> {
    const at = formatTime(this.#clock.nowMs());
    const known = this.#known.get(identity);
    if (known !== undefined) {
      known.count++;
      try {
        await this.#client.patch(resources.events, known.key, 'application/merge-patch+json', {
          count: known.count,
          lastTimestamp: at,
          message,
        });
        return;
      } catch (error) {
        if (!isApiError(error, 'NotFound')) throw error;
        this.#known.delete(identity);
      }
    }
    const event = this.#build({ component, type, subject, reason, message, at });
    await this.#client.create<EventObject>(resources.events, event);
    const { namespace = 'default', name } = event.metadata;
    remember(this.#known, identity, { key: { namespace, name }, count: 1 });
  }

  #build(about: {
    component: string;
    type: string;
    subject: EventSubject;
    reason: string;
    message: string;
    at: string;
  }): EventObject {
    const { component, type, subject, reason, message, at } = about;
    const { namespace, name, uid, resourceVersion } = subject.metadata;
    const stamp = BigInt(this.#clock.nowMs()) * 1_000_000n + BigInt(this.#sequence++ % 1_000_000);
    const involvedObject: ObjectReference = {
      kind: subject.kind,
      name,
      apiVersion: subject.apiVersion ?? 'v1',
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    };
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${name}.${stamp.toString(16)}`, namespace: namespace ?? 'default' },
      involvedObject,
      reason,
      message: message.slice(0, 1024),
      type,
      source: { component },
      reportingComponent: component,
      reportingInstance: '',
      firstTimestamp: at,
      lastTimestamp: at,
      count: 1,
    };
  }
}

/** Sets as the youngest and forgets the oldest beyond the limit. */
function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= cacheLimit) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}
