import type { WatchRequest, WatchResponse } from '../../../gen/etcd/rpc.js';
import type { Event } from '../../../gen/etcd/kv.js';
import type { Clock } from '../../../lib/clock.js';
import { delay } from '../../../lib/clock.js';
import type { ClientDuplex } from '../../../lib/grpc/index.js';
import type { Logger } from '../../../lib/log.js';
import { progressRequest, watchCreate } from './etcd-messages.js';
import type { StoreEvent, StoreWatch, WatchHandlers } from './store.js';
import { prefixEnd, StoreError } from './store.js';

type Stream = ClientDuplex<WatchResponse, WatchRequest>;

export interface FollowOptions {
  readonly prefix: string;
  readonly fromRevision: number;
  readonly handlers: WatchHandlers;
  readonly clock: Clock;
  readonly log: Logger;
  readonly open: () => Stream;
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
    const stream = this.#options.open();
    this.#stream = stream;
    stream.send(watchCreate(prefix, prefixEnd(prefix), this.#next));
    for await (const response of stream) {
      if (this.#closed) return;
      this.#onResponse(response);
    }
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
    const reached = last ?? response.header?.revision ?? 0;
    if (reached < this.#next) return;
    this.#next = reached + 1;
    this.#options.handlers.onEvents(events, reached);
  }

  requestProgress(): void {
    this.#stream?.send(progressRequest);
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
