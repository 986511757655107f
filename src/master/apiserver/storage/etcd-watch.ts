import type { WatchRequest, WatchResponse } from '../../../gen/etcd/rpc.js';
import type { Event } from '../../../gen/etcd/kv.js';
import type { Clock } from '../../../lib/clock.js';
import { delay } from '../../../lib/clock.js';
import type { ClientDuplex } from '../../../lib/grpc/index.js';
import type { Logger } from '../../../lib/log.js';
import { progressRequest, watchCreate } from './etcd-messages.js';
import type { StoreEvent, StoreWatch, WatchHandlers } from './store.js';
import { registryPrefix } from './keys.js';
import { prefixEnd, StoreError } from './store.js';

type Stream = ClientDuplex<WatchResponse, WatchRequest>;

/**
 * The ways of asking a member whether a watch has delivered everything up to now.
 * - `notice`: its progress notices come after the events that they speak of.
 * - `write`: its notices may overtake events. A key is written below the prefix; events of one watcher are in order, so
 *   its event comes after all others.
 */
export type ProgressBy = 'notice' | 'write';

/** A key that {@link FollowOptions.write} writes below `/registry/`; it is no object. */
export const progressKey = `${registryPrefix}progress`;

/**
 * Chooses the way for a member's version. Before 3.4.31 and 3.5.13 a notice carries the store's revision and passes
 * events that wait in the watch's buffer (etcd issue 15220; kube-apiserver asks for the same versions, KEP-2340).
 * @param version as in Maintenance.Status, like `3.5.30`
 */
export function progressBy(version: string): ProgressBy {
  const [major = 0, minor = 0, patch = 0] = version
    .split('.')
    .map((part) => Number.parseInt(part, 10));
  if (!(major >= 3)) return 'write';
  if (major > 3 || minor > 5) return 'notice';
  return (minor === 5 && patch >= 13) || (minor === 4 && patch >= 31) ? 'notice' : 'write';
}

/** A stream to one member. */
export interface MemberWatch {
  readonly stream: Stream;
  /** Asks the member's version. */
  readonly progressBy: () => Promise<ProgressBy>;
}

/** The prefix to watch, its first revision, and the way to reach a member. */
export interface FollowOptions {
  readonly prefix: string;
  readonly fromRevision: number;
  readonly handlers: WatchHandlers;
  readonly clock: Clock;
  readonly log: Logger;
  readonly open: () => MemberWatch;
  /** Writes {@link progressKey}. @returns the revision of the write */
  readonly write: () => Promise<number>;
  readonly onBroken: () => void;
}

/** Follows a prefix over whatever streams it takes; each revision is delivered once and whole. */
export function followPrefix(options: FollowOptions): StoreWatch {
  return new Follower(options).start();
}

class Follower implements StoreWatch {
  readonly #options: FollowOptions;
  #next: number;
  #stream: Stream | undefined;
  #closed = false;
  #pending: StoreEvent[] = [];
  /** Undefined until the member has told its version: its notices are passed over till then. */
  #progressBy: ProgressBy | undefined;
  /** Progress was asked for before the member had told its version. */
  #isProgressDue = false;
  /** A write that asks for progress is under way. */
  #isWriting = false;
  /** The revision of the last such write; events up to it are on their way. */
  #written = 0;

  constructor(options: FollowOptions) {
    this.#options = options;
    this.#next = options.fromRevision;
  }

  start(): this {
    void this.#run();
    return this;
  }

  async #run(): Promise<void> {
    for (let waitMs = 10; !this.#closed; waitMs = Math.min(waitMs * 2, 500)) {
      const before = this.#next;
      try {
        await this.#follow();
      } catch (error) {
        if (error instanceof StoreError) {
          this.#closed = true;
          this.#options.handlers.onLost(error);
          return;
        }
        if (!this.#closed) this.#options.log.debug({ error }, 'the watch of the store broke');
      }
      if (this.#closed) return;
      this.#options.onBroken();
      if (this.#next > before) waitMs = 10;
      await delay(this.#options.clock, waitMs);
    }
  }

  async #follow(): Promise<void> {
    const { prefix } = this.#options;
    this.#pending = [];
    this.#progressBy = undefined;
    const { stream, progressBy: ask } = this.#options.open();
    this.#stream = stream;
    void this.#learnProgress(stream, ask);
    stream.send(watchCreate(prefix, prefixEnd(prefix), this.#next));
    for await (const response of stream) {
      if (this.#closed) return;
      this.#onResponse(response);
    }
  }

  async #learnProgress(stream: Stream, ask: () => Promise<ProgressBy>): Promise<void> {
    let by: ProgressBy = 'write';
    try {
      by = await ask();
    } catch (error) {
      this.#options.log.debug({ error }, 'the member does not tell its version');
    }
    if (this.#stream !== stream) return;
    this.#progressBy = by;
    if (this.#isProgressDue) this.requestProgress();
  }

  #onResponse(response: WatchResponse): void {
    if (response.canceled) {
      if (response.compactRevision > 0) {
        throw new StoreError('compacted', `compacted at ${response.compactRevision}`);
      }
      throw new Error(`the watch was cancelled: ${response.cancelReason}`);
    }
    for (const event of response.events) {
      const read = storeEvent(event);
      if (read !== undefined && read.modRevision >= this.#next) this.#pending.push(read);
    }
    if (response.fragment || response.created) return;
    const events = this.#pending;
    this.#pending = [];
    const last = events.at(-1)?.modRevision;
    if (last === undefined && this.#progressBy !== 'notice') return;
    const reached = last ?? response.header?.revision ?? 0;
    if (reached < this.#next) return;
    this.#next = reached + 1;
    this.#options.handlers.onEvents(events, reached);
  }

  requestProgress(): void {
    this.#isProgressDue = this.#progressBy === undefined;
    if (this.#progressBy === 'notice') this.#stream?.send(progressRequest);
    if (this.#progressBy === 'write') void this.#writeForProgress();
  }

  async #writeForProgress(): Promise<void> {
    // An earlier write whose event has not come yet will do: it comes also over the next stream.
    if (this.#isWriting || this.#closed || this.#written >= this.#next) return;
    this.#isWriting = true;
    try {
      this.#written = await this.#options.write();
    } catch (error) {
      this.#options.log.debug({ error }, 'the write that asks for progress failed');
    } finally {
      this.#isWriting = false;
    }
  }

  close(): void {
    this.#closed = true;
    this.#stream?.cancel();
  }
}

function storeEvent(event: Event): StoreEvent | undefined {
  const { kv } = event;
  if (kv === undefined) return undefined;
  return {
    type: event.type === 0 ? 'put' : 'delete',
    key: kv.key.toString(),
    value: kv.value,
    modRevision: kv.modRevision,
    createRevision: kv.createRevision,
  };
}
