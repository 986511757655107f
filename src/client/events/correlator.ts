/**
 * The correlation of occurrences into events: equal ones are one event with a count, similar ones are one "(combined
 * from similar events)", and a source that floods an object is cut off. Decides, and remembers the last
 * {@link cacheLimit} of each.
 * @see client-go tools/record/events_cache.go, whose numbers these are
 */

/** The subject of an event: an object with its kind, or a part of it. */
export interface EventSubject {
  /** @default 'v1' */
  readonly apiVersion?: string | undefined;
  readonly kind: string;
  readonly metadata: {
    readonly namespace?: string | undefined;
    readonly name: string;
    readonly uid?: string | undefined;
    readonly resourceVersion?: string | undefined;
  };
  /** For example `spec.containers{web}`. */
  readonly fieldPath?: string | undefined;
}

/** The type of an event: a normal step, or a warning. */
export type EventType = 'Normal' | 'Warning';

/** Something that happened to an object, as its source tells of it. */
export interface Occurrence {
  readonly component: string;
  readonly type: EventType;
  readonly subject: EventSubject;
  readonly reason: string;
  readonly message: string;
  /** Milliseconds since 1970. */
  readonly atMs: number;
  /** What the source did, or failed to do. */
  readonly action?: string | undefined;
  /** Another object that is concerned. */
  readonly related?: EventSubject | undefined;
}

/** The event that counts an occurrence, as it is now. */
export interface CountedEvent extends Occurrence {
  /** The event's name; the same for all that it counts. */
  readonly name: string;
  readonly firstMs: number;
  /** 1 for an event that is not there yet. */
  readonly count: number;
}

const cacheLimit = 4096;
const messageLengthMax = 1024;
/** The number of different messages with one reason that become events of their own. */
const similarLimit = 10;
const similarWindowMs = 600_000;
const spamBurst = 25;
const spamRefillPerMs = 1 / 300_000;

interface Known {
  readonly name: string;
  readonly firstMs: number;
  count: number;
}

interface Similar {
  readonly messages: Set<string>;
  lastMs: number;
}

/** Counts the occurrences of one process. */
export class EventCorrelator {
  readonly #known = new Map<string, Known>();
  readonly #similar = new Map<string, Similar>();
  readonly #buckets = new Map<string, { tokens: number; atMs: number }>();
  #sequence = 0;

  /** @returns undefined for an occurrence that is counted and not written, since its source floods the object */
  correlate(occurrence: Occurrence): CountedEvent | undefined {
    const { subject, component, type, reason, atMs } = occurrence;
    const { kind, metadata, apiVersion = 'v1', fieldPath = '' } = subject;
    const { namespace = '', name, uid = '' } = metadata;
    const source = [component, kind, namespace, name, uid, apiVersion].join('|');
    const group = [source, type, reason].join('|');
    const own = occurrence.message.slice(0, messageLengthMax);
    const combined = this.#isSimilar(group, own, atMs);
    const identity = combined ? group : [group, fieldPath, own].join('|');
    const known = this.#count(identity, name, atMs);
    if (!this.#hasToken(source, atMs)) return undefined;
    const message = combined ? `(combined from similar events): ${own}` : own;
    return { ...occurrence, ...known, message: message.slice(0, messageLengthMax) };
  }

  /** Too many messages with the same reason: those that come anew are told as one. */
  #isSimilar(group: string, message: string, nowMs: number): boolean {
    let similar = this.#similar.get(group);
    if (similar === undefined || nowMs - similar.lastMs > similarWindowMs) {
      similar = { messages: new Set(), lastMs: nowMs };
    }
    similar.lastMs = nowMs;
    similar.messages.add(message);
    remember(this.#similar, group, similar);
    if (similar.messages.size < similarLimit) return false;
    dropOldest(similar.messages);
    return true;
  }

  #count(identity: string, subject: string, atMs: number): Known {
    let known = this.#known.get(identity);
    if (known === undefined) {
      const stamp = BigInt(atMs) * 1_000_000n + BigInt(this.#sequence++ % 1_000_000);
      known = { name: `${subject}.${stamp.toString(16)}`, firstMs: atMs, count: 0 };
    }
    known.count += 1;
    remember(this.#known, identity, known);
    return known;
  }

  /** A token bucket for each source and object. */
  #hasToken(source: string, nowMs: number): boolean {
    const bucket = this.#buckets.get(source) ?? { tokens: spamBurst, atMs: nowMs };
    const refill = Math.max(0, nowMs - bucket.atMs) * spamRefillPerMs;
    bucket.tokens = Math.min(spamBurst, bucket.tokens + refill);
    bucket.atMs = nowMs;
    remember(this.#buckets, source, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }
}

/** Sets as the youngest and forgets the oldest beyond the limit. */
function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > cacheLimit) dropOldest(map);
}

function dropOldest(collection: Map<string, unknown> | Set<string>): void {
  for (const oldest of collection.keys()) {
    collection.delete(oldest);
    return;
  }
}
