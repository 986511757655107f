/** Watchers that write down what they were told, and go on where they were when a stream breaks. */
import { setMaxListeners } from 'node:events';
import { delay } from '../../src/lib/clock.js';
import type { Clock } from '../../src/lib/clock.js';
import type { ClientDuplex } from '../../src/lib/grpc/index.js';
import { WatchDefinition } from '../../src/gen/etcd/rpc.js';
import type { WatchRequest, WatchResponse } from '../../src/gen/etcd/rpc.js';
import type { Event } from '../../src/gen/etcd/kv.js';
import type { Members } from './members.js';
import { keyPrefix, prefixEnd } from './traffic.js';
import type { WatchAnswer, WatchedEvent, WatchHistory } from './watch-guarantees.js';

function watched(event: Event): WatchedEvent {
  const { kv, prevKv } = event;
  if (kv === undefined) throw new Error('an event without a key');
  const base = { key: kv.key.toString(), revision: kv.modRevision };
  const previous =
    prevKv === undefined
      ? {}
      : { previous: { value: prevKv.value.toString(), modRevision: prevKv.modRevision } };
  if (event.type === 1) return { type: 'delete', ...base, ...previous };
  const { version, createRevision } = kv;
  return { type: 'put', ...base, value: kv.value.toString(), version, createRevision, ...previous };
}

type Scope = Pick<WatchHistory, 'key' | 'rangeEnd' | 'noPut' | 'noDelete' | 'withPrevious'>;

const scopes: readonly Scope[] = [
  { key: keyPrefix, rangeEnd: prefixEnd, withPrevious: true },
  { key: keyPrefix, rangeEnd: prefixEnd, noDelete: true },
  { key: `${keyPrefix}1`, withPrevious: true },
  { key: `${keyPrefix}pair`, rangeEnd: `${keyPrefix}paiz` },
];

/** A watcher at one member. */
class Watcher {
  readonly histories: WatchHistory[] = [];
  readonly #members: Members;
  readonly #at: number;
  readonly #scope: Scope;
  readonly #clock: Clock;
  readonly #stop: AbortSignal;
  #next = 1;
  readonly failures: string[] = [];

  constructor(members: Members, at: number, scope: Scope, clock: Clock, stop: AbortSignal) {
    this.#members = members;
    this.#at = at;
    this.#scope = scope;
    this.#clock = clock;
    this.#stop = stop;
  }

  /** All up to it was told. */
  get revision(): number {
    return this.#next - 1;
  }

  async run(): Promise<void> {
    while (!this.#stop.aborted) {
      const channel = this.#members.connect(this.#at);
      try {
        await this.#watch(channel.client(WatchDefinition).watch({ signal: this.#stop }));
      } catch {
        // A broken stream: watch on from the next revision.
      } finally {
        channel.close();
      }
      await delay(this.#clock, 50, this.#stop);
    }
  }

  async #watch(stream: ClientDuplex<WatchResponse, WatchRequest>): Promise<void> {
    const answers: WatchAnswer[] = [];
    const { key, rangeEnd = '', noPut, noDelete, withPrevious } = this.#scope;
    const name = `m${this.#at}:${key}:${this.histories.length}`;
    this.histories.push({ ...this.#scope, name, startRevision: this.#next, answers });
    stream.send({
      requestUnion: {
        $case: 'createRequest',
        value: {
          key: Buffer.from(key),
          rangeEnd: Buffer.from(rangeEnd),
          startRevision: this.#next,
          progressNotify: true,
          filters: [
            ...(noPut === true ? [0 as const] : []),
            ...(noDelete === true ? [1 as const] : []),
          ],
          prevKv: withPrevious ?? false,
          watchId: 0n,
          fragment: false,
        },
      },
    });
    for await (const answer of stream) {
      if (answer.canceled) {
        this.failures.push(`${name} was cancelled: ${answer.cancelReason}`);
        return;
      }
      if (!answer.created) this.#take(answer, answers);
    }
  }

  #take(answer: WatchResponse, answers: WatchAnswer[]): void {
    const events = answer.events.map(watched);
    const revision = answer.header?.revision ?? 0;
    answers.push({ revision, events });
    const last = events.at(-1)?.revision ?? revision;
    this.#next = Math.max(this.#next, last + 1);
  }
}

/** Every scope at every member. */
export class Watchers {
  readonly #watchers: readonly Watcher[];
  readonly #stop = new AbortController();
  readonly #ended: Promise<unknown>;

  constructor(members: Members, clock: Clock) {
    this.#watchers = members.places.flatMap((_, at) =>
      scopes.map((scope) => new Watcher(members, at, scope, clock, this.#stop.signal)),
    );
    setMaxListeners(0, this.#stop.signal);
    this.#ended = Promise.all(this.#watchers.map((watcher) => watcher.run()));
  }

  /** True when those who watch all keys were told everything up to the revision. */
  reached(revision: number): boolean {
    return this.#watchers.every(
      (watcher, at) => at % scopes.length !== 0 || watcher.revision >= revision,
    );
  }

  /** All watchers were told of everything that they want up to it. */
  heard(): number {
    return Math.min(...this.#watchers.map((watcher) => watcher.revision));
  }

  get failures(): readonly string[] {
    return this.#watchers.flatMap((watcher) => watcher.failures);
  }

  async close(): Promise<readonly WatchHistory[]> {
    this.#stop.abort();
    await this.#ended;
    return this.#watchers.flatMap((watcher) => watcher.histories);
  }
}
