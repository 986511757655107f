/** Watchers that write down what they were told and go on at another member where they were. */
import { WatchCreateRequest, WatchRequest, WatchResponse } from '../../src/gen/etcd/rpc.js';
import type { Event } from '../../src/gen/etcd/kv.js';
import { clientError } from '../../src/etcd/grpc-status.js';
import type { CallContext, Duplex } from '../../src/lib/grpc/types.js';
import type { Prng } from '../../src/lib/prng.js';
import type { WatchAnswer, WatchedEvent, WatchHistory } from '../robustness/watch-guarantees.js';
import { callContext, message } from './store-calls.js';
import { keyPrefix, prefixEnd } from './store-requests.js';
import type { SimProcess } from './store-process.js';
import type { StoreWorld } from './store-world.js';

/** Bytes on their way to a client before its stream says that it is full. */
const windowBytes = 2_000;

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

/** A stream between a client and a member. */
class SimStream implements Duplex<WatchRequest, WatchResponse> {
  ended = false;
  readonly #world: StoreWorld;
  readonly #process: SimProcess;
  readonly #life: number;
  readonly #onMessage: (message: WatchResponse) => void;
  readonly #requests: WatchRequest[] = [];
  readonly #hangUp = new AbortController();
  #wake: (() => void) | undefined;
  #waiting: (() => void)[] = [];
  #underWay = 0;
  #lastArrival = 0;
  #lastRequest = 0;

  constructor(world: StoreWorld, process: SimProcess, onMessage: (message: WatchResponse) => void) {
    this.#world = world;
    this.#process = process;
    this.#life = process.life;
    this.#onMessage = onMessage;
  }

  /** The call that this is the stream of. */
  get context(): CallContext {
    return { ...callContext, signal: this.#hangUp.signal };
  }

  /** From the client. */
  request(request: WatchRequest): void {
    const copy = WatchRequest.decode(WatchRequest.encode(request).finish());
    const { queue } = this.#world;
    this.#lastRequest = Math.max(this.#lastRequest, queue.now + this.#world.delay());
    queue.add(
      this.#lastRequest - queue.now,
      () => {
        this.#requests.push(copy);
        this.#wake?.();
      },
      this.#process,
    );
  }

  /** The client hangs up, or the member is gone. */
  close(): void {
    this.ended = true;
    this.#hangUp.abort();
    this.#wake?.();
    for (const go of this.#waiting.splice(0)) go();
  }

  send(message: WatchResponse): boolean {
    return this.sendEncoded([WatchResponse.encode(message).finish()]);
  }

  sendEncoded(parts: readonly Uint8Array[]): boolean {
    const { queue } = this.#world;
    const bytes = Buffer.concat(parts);
    if (this.ended) return true;
    this.#underWay += bytes.length;
    this.#lastArrival = Math.max(this.#lastArrival, queue.now + this.#world.delay());
    queue.add(this.#lastArrival - queue.now, () => {
      this.#underWay -= bytes.length;
      if (this.#process.life !== this.#life || this.ended) return;
      this.#onMessage(WatchResponse.decode(bytes));
      if (this.#underWay < windowBytes) for (const go of this.#waiting.splice(0)) go();
    });
    return this.#underWay < windowBytes;
  }

  drained(): Promise<void> {
    if (this.ended || this.#underWay < windowBytes) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async *[Symbol.asyncIterator](): AsyncIterator<WatchRequest> {
    for (;;) {
      const next = this.#requests.shift();
      if (next !== undefined) yield next;
      else if (this.ended) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

/** A watcher at changing members. */
class StoreWatcher {
  readonly histories: WatchHistory[] = [];
  readonly #world: StoreWorld;
  readonly #scope: Scope;
  readonly #prng: Prng;
  /** The first revision that it has not been told of. */
  next = 1;

  constructor(world: StoreWorld, scope: Scope, prng: Prng) {
    this.#world = world;
    this.#scope = scope;
    this.#prng = prng;
  }

  async run(): Promise<void> {
    const world = this.#world;
    while (!world.clients.watchers.stopping) {
      await world.sleep(this.#prng.below(100_000) + 100);
      const target = world.clients.pick(this.#prng);
      if (target.services !== undefined && !target.paused) await this.#watch(target);
    }
  }

  /** Until the stream ends, or the watcher has had enough of this member. */
  #watch(target: SimProcess): Promise<void> {
    const world = this.#world;
    const answers: WatchAnswer[] = [];
    const { key, rangeEnd = '', noPut, noDelete, withPrevious } = this.#scope;
    const name = `${target.name}:${key}:${world.queue.now}`;
    this.histories.push({ ...this.#scope, name, startRevision: this.next, answers });
    return new Promise((resolve) => {
      const end = (): void => {
        stream.close();
        cancelHop();
        resolve();
      };
      const stream = new SimStream(world, target, (answer) => {
        if (answer.canceled) {
          this.next = Math.max(this.next, answer.compactRevision);
          end();
        } else if (!answer.created) this.#take(answer, answers);
      });
      world.clients.watchers.streams.set(stream, { process: target, end });
      const cancelHop = world.queue.add(this.#prng.below(3_000_000), end);
      target.services?.watch.watch(stream, stream.context).then(end, (error: unknown) => {
        if (clientError(error) === undefined && !stream.ended) world.failure ??= error;
        end();
      });
      stream.request(
        message(WatchRequest, {
          requestUnion: {
            $case: 'createRequest',
            value: message(WatchCreateRequest, {
              key: Buffer.from(key),
              rangeEnd: Buffer.from(rangeEnd),
              startRevision: this.next,
              progressNotify: true,
              filters: [
                ...(noPut === true ? [0 as const] : []),
                ...(noDelete === true ? [1 as const] : []),
              ],
              prevKv: withPrevious ?? false,
            }),
          },
        }),
      );
      if (this.#prng.below(3) === 0) {
        stream.request({ requestUnion: { $case: 'progressRequest', value: {} } });
      }
    });
  }

  #take(answer: WatchResponse, answers: WatchAnswer[]): void {
    const events = answer.events.map(watched);
    const revision = answer.header?.revision ?? 0;
    answers.push({ revision, events });
    const last = events.at(-1)?.revision ?? revision;
    this.next = Math.max(this.next, last + 1);
  }
}

/** All of them. */
export class StoreWatchers {
  readonly streams = new Map<
    SimStream,
    { readonly process: SimProcess; readonly end: () => void }
  >();
  readonly #world: StoreWorld;
  readonly #watchers: StoreWatcher[] = [];
  stopping = false;

  constructor(world: StoreWorld) {
    this.#world = world;
    world.onLifeEnded((process) => {
      for (const [stream, { process: at, end }] of this.streams) {
        if (stream.ended) this.streams.delete(stream);
        else if (at === process) {
          this.streams.delete(stream);
          end();
        }
      }
    });
  }

  start(): void {
    const { watchers, clients } = this.#world.options;
    // Compaction may take the previous pair away.
    const withPrevious = clients.compact.numerator === 0;
    const scopes: readonly Scope[] = [
      { key: keyPrefix, rangeEnd: prefixEnd, withPrevious },
      { key: `${keyPrefix}0`, noDelete: true },
      { key: `${keyPrefix}pair`, rangeEnd: `${keyPrefix}paiz` },
    ];
    for (const scope of scopes.slice(0, watchers)) {
      const watcher = new StoreWatcher(this.#world, scope, this.#world.fork());
      this.#watchers.push(watcher);
      void watcher.run();
    }
  }

  /** True when who watches all keys was told everything up to the revision. */
  reached(revision: number): boolean {
    const [all] = this.#watchers;
    return all === undefined || all.next > revision;
  }

  get histories(): readonly WatchHistory[] {
    return this.#watchers.flatMap((watcher) => watcher.histories);
  }
}
