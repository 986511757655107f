/**
 * Events about pods and the node, written in the background. Equal events become one with a count; a pod that floods is cut off;
 * what cannot be written is dropped.
 * @see client-go tools/record for the numbers
 */
import { resources } from '../client/resources.js';
import type { KubeObject } from '../api/object.js';
import type { ApiClient, ObjectKey } from '../client/types.js';
import { isApiError } from '../client/types.js';
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/log.js';

export interface EventSubject {
  readonly kind: 'Pod' | 'Node';
  readonly namespace?: string | undefined;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion?: string | undefined;
  /** For example `spec.containers{web}`. */
  readonly fieldPath?: string | undefined;
}

export type EventType = 'Normal' | 'Warning';

interface EventObject extends KubeObject {
  involvedObject: object;
  reason: string;
  message: string;
  type: string;
  source: { component: string; host: string };
  reportingComponent: string;
  reportingInstance: string;
  firstTimestamp: string;
  lastTimestamp: string;
  count: number;
}

export interface EventRecorderOptions {
  readonly client: ApiClient;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly log: Logger;
}

const limits = { known: 4096, pending: 1000, lanes: 2 } as const;
const burst = 25;
const refillPerMs = 1 / 300_000;

interface Job {
  readonly subject: EventSubject;
  readonly type: EventType;
  readonly reason: string;
  readonly message: string;
  readonly atMs: number;
}

export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #known = new Map<string, { readonly key: ObjectKey; count: number }>();
  readonly #buckets = new Map<string, { tokens: number; atMs: number }>();
  readonly #pending: Job[] = [];
  #running = 0;
  #sequence = 0;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  emit(subject: EventSubject, type: EventType, reason: string, message: string): void {
    if (!this.#allowed(`${subject.uid}/${subject.name}`)) return;
    if (this.#pending.length >= limits.pending) this.#pending.shift();
    const atMs = this.#options.clock.nowMs();
    this.#pending.push({ subject, type, reason, message: message.slice(0, 1024), atMs });
    this.#drain();
  }

  /** Token bucket per object. */
  #allowed(object: string): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    const bucket = this.#buckets.get(object) ?? { tokens: burst, atMs: nowMs };
    bucket.tokens = Math.min(burst, bucket.tokens + (nowMs - bucket.atMs) * refillPerMs);
    bucket.atMs = nowMs;
    remember(this.#buckets, object, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }

  #drain(): void {
    while (this.#running < limits.lanes) {
      const job = this.#pending.shift();
      if (job === undefined) return;
      this.#running++;
      void this.#write(job)
        .catch((error: unknown) =>
          this.#options.log.debug({ error, reason: job.reason }, 'an event could not be written'),
        )
        .finally(() => {
          this.#running--;
          this.#drain();
        });
    }
  }

  async #write(job: Job): Promise<void> {
    const { client } = this.#options;
    const { subject, type, reason, message, atMs } = job;
    const identity = [subject.uid, subject.name, subject.fieldPath, type, reason, message].join(
      '|',
    );
    const at = new Date(atMs).toISOString().replace(/\.\d+Z$/, 'Z');
    const known = this.#known.get(identity);
    if (known !== undefined) {
      known.count++;
      try {
        const patch = { count: known.count, lastTimestamp: at };
        await client.patch(resources.events, known.key, 'application/merge-patch+json', patch);
        return;
      } catch (error) {
        if (!isApiError(error, 'NotFound')) throw error;
        this.#known.delete(identity);
      }
    }
    const event = this.#build(job, at);
    const { namespace = 'default', name } = event.metadata;
    // Known before it is written: an equal event meanwhile adds to it.
    remember(this.#known, identity, { key: { namespace, name }, count: 1 });
    await client.create<EventObject>(resources.events, event);
  }

  #build({ subject, type, reason, message, atMs }: Job, at: string): EventObject {
    const { kind, namespace, name, uid, resourceVersion, fieldPath } = subject;
    const { nodeName } = this.#options;
    const stamp = BigInt(atMs) * 1_000_000n + BigInt(this.#sequence++ % 1_000_000);
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${name}.${stamp.toString(16)}`, namespace: namespace ?? 'default' },
      involvedObject: {
        ...(kind === 'Pod' ? { apiVersion: 'v1' } : {}),
        kind,
        name,
        uid,
        ...(namespace === undefined ? {} : { namespace }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
        ...(fieldPath === undefined ? {} : { fieldPath }),
      },
      reason,
      message,
      type,
      source: { component: 'kubelet', host: nodeName },
      reportingComponent: 'kubelet',
      reportingInstance: nodeName,
      firstTimestamp: at,
      lastTimestamp: at,
      count: 1,
    };
  }
}

function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= limits.known) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}
