/**
 * The watch service (etcdserverpb.Watch): any number of watchers on one stream. Events arrive encoded from the store
 * and are only framed here; a client that reads slowly makes its own watchers wait in the store, nobody else's.
 */
import { WatchResponse } from '../../gen/etcd/rpc.js';
import type { WatchCreateRequest, WatchDefinition, WatchRequest } from '../../gen/etcd/rpc.js';
import { assertNever } from '../../lib/assert.js';
import type { CallContext, Duplex, Handlers } from '../../lib/grpc/types.js';
import { idField, Parts } from '../apply/encode.js';
import { asEtcdError, etcdError } from '../apply/errors.js';
import type { EtcdErrorName } from '../apply/errors.js';
import { clientError } from '../grpc-status.js';
import { keyText } from '../apply/kv.js';
import type { AuthInfo } from '../auth/tokens.js';
import type { WatchBatch, Watcher, WatchEvent, WatchSink } from '../mvcc/types.js';
import { codeNames } from '../telemetry/grpc-metrics.js';
import type { CallerIdentity } from './auth-info.js';
import type { Clock } from '../../lib/clock.js';
import type { ResponseHeaders } from '../apply/encode.js';
import type { AuthStore } from '../auth/auth-store.js';
import type { WatchableStore } from '../mvcc/types.js';

/** The member, as the watch service needs it. */
export interface WatchMember {
  readonly config: { readonly clock: Clock; readonly watchProgressNotifyMs: number };
  readonly store: Pick<WatchableStore, 'rev' | 'watch' | 'drained' | 'progress'>;
  readonly auth: Pick<AuthStore, 'enabled' | 'checkRange'>;
  readonly headers: Pick<ResponseHeaders, 'field' | 'message'>;
}

/** Batches that wait for a slow client before the store keeps them. */
const queueBatchesMax = 128;
/** A progress request that finds a watcher behind is looked at again after so long. */
const progressRetryMs = 10;
/** Fragments are cut at about this size. */
const fragmentBytesDefault = 1.5 * 1024 * 1024;
/** The id in answers to a watch that was refused. */
const refusedWatchId = -1n;
/** Refusals of a watch that the client is told as they are; all others are told as `permissionDenied`. */
const namedRefusals: ReadonlySet<EtcdErrorName | undefined> = new Set<EtcdErrorName>([
  'invalidAuthToken',
  'authOldRevision',
  'userEmpty',
]);
const compactedReason = 'etcdserver: mvcc: required revision has been compacted';

/** Resolves when the signal aborts. */
function cancelled(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

type Stream = Duplex<WatchRequest, WatchResponse>;

interface StreamWatcher {
  /** The client's choice, of any sign, or ours. */
  readonly id: bigint;
  /** It as a field of an answer. */
  readonly idBytes: Buffer;
  readonly watcher: Watcher;
  readonly prevKv: boolean;
  readonly fragment: boolean;
  readonly progressNotify: boolean;
  /** Something was sent since the last round of progress notices. */
  busy: boolean;
}

/** Every member's watch service. */
export class WatchService implements Handlers<typeof WatchDefinition> {
  readonly #server: WatchMember;
  readonly #identity: CallerIdentity;
  readonly #streams = new Set<WatchStream>();
  /** Events that were sent. */
  eventCount = 0;

  constructor(server: WatchMember, identity: CallerIdentity) {
    this.#server = server;
    this.#identity = identity;
  }

  async watch(stream: Stream, context: CallContext): Promise<void> {
    const identity = (): ReturnType<CallerIdentity['of']> => this.#identity.of(context);
    const one = new WatchStream(this.#server, {
      stream,
      identity,
      cancelled: () => cancelled(context.signal),
      sent: (count) => this.#sent(count),
    });
    this.#streams.add(one);
    try {
      await one.run();
    } finally {
      this.#streams.delete(one);
    }
  }

  #sent(count: number): void {
    this.eventCount += count;
  }

  get streamCount(): number {
    return this.#streams.size;
  }

  /** Events that wait for their client to read. */
  get pendingEventCount(): number {
    let sum = 0;
    for (const stream of this.#streams) sum += stream.pendingEventCount;
    return sum;
  }
}

class WatchStream implements WatchSink {
  readonly #server: WatchMember;
  readonly #stream: Stream;
  readonly #identity: () => AuthInfo | undefined | Promise<AuthInfo | undefined>;
  readonly #cancelled: () => Promise<void>;
  readonly #sent: (count: number) => void;
  readonly #watchers = new Map<bigint, StreamWatcher>();
  readonly #ids = new Map<Watcher, StreamWatcher>();
  #queue: WatchBatch[] = [];
  #flushing = false;
  #refused = false;
  #nextId = 0n;
  #closed = false;
  #cancelProgress: (() => void) | undefined;
  /** A progress request waits until all watchers are synced. */
  #progressAsked = false;
  #cancelAnswer: (() => void) | undefined;

  constructor(
    server: WatchMember,
    parts: {
      readonly stream: Stream;
      readonly identity: () => AuthInfo | undefined | Promise<AuthInfo | undefined>;
      /** Resolves when the call is over for the client as well. */
      readonly cancelled: () => Promise<void>;
      /** Counts events that are sent. */
      readonly sent: (count: number) => void;
    },
  ) {
    this.#server = server;
    this.#stream = parts.stream;
    this.#identity = parts.identity;
    this.#cancelled = parts.cancelled;
    this.#sent = parts.sent;
  }

  get pendingEventCount(): number {
    let sum = 0;
    for (const batch of this.#queue) if (batch.kind === 'events') sum += batch.events.length;
    return sum;
  }

  async run(): Promise<void> {
    try {
      for await (const { requestUnion: request } of this.#stream) {
        switch (request?.$case) {
          case 'createRequest':
            await this.#create(request.value);
            break;
          case 'cancelRequest':
            this.#cancel(request.value.watchId);
            break;
          case 'progressRequest':
            this.#progressAsked = true;
            this.#answerProgress();
            break;
          case undefined:
            break;
        }
        // Answers that nobody reads must not pile up.
        await this.#stream.drained();
      }
      // A client that has no more requests (a half-close) goes on receiving.
      await this.#cancelled();
    } finally {
      this.close();
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelProgress?.();
    this.#cancelAnswer?.();
    for (const { watcher } of this.#watchers.values()) watcher.cancel();
    this.#watchers.clear();
    this.#ids.clear();
    this.#queue = [];
  }

  async #create(request: WatchCreateRequest): Promise<void> {
    const store = this.#server.store;
    const key = request.key.length === 0 ? '\0' : keyText(request.key);
    const end = keyText(request.rangeEnd);
    if (request.startRevision < 0) {
      this.#refuse(refusedWatchId, compactedReason);
      return;
    }
    const denied = await this.#denied(key, end);
    if (denied !== undefined) {
      this.#refuse(refusedWatchId, denied);
      return;
    }
    if (end !== '' && end !== '\0' && end <= key) {
      this.#refuse(refusedWatchId, 'mvcc: watcher range is empty');
      return;
    }
    const id = this.#takeId(request.watchId);
    if (id === undefined) {
      this.#refuse(refusedWatchId, 'mvcc: duplicate watch ID provided on the WatchStream');
      return;
    }
    this.#send(this.#message({ watchId: id, created: true }));
    const watcher = store.watch(
      {
        key,
        end,
        startRevision: request.startRevision,
        noPut: request.filters.includes(0),
        noDelete: request.filters.includes(1),
        prevKv: request.prevKv,
      },
      this,
    );
    const { prevKv, fragment, progressNotify } = request;
    const idBytes = idField(2, id);
    const entry = { id, idBytes, watcher, prevKv, fragment, progressNotify, busy: false };
    this.#watchers.set(id, entry);
    this.#ids.set(watcher, entry);
    if (progressNotify) this.#scheduleProgress();
  }

  async #denied(key: string, end: string): Promise<string | undefined> {
    const { auth } = this.#server;
    if (!auth.enabled) return undefined;
    try {
      const info = await this.#identity();
      auth.checkRange(info, 'read', { key, end });
      return undefined;
    } catch (error) {
      const isNamed = namedRefusals.has(asEtcdError(error)?.code);
      const status = clientError(isNamed ? error : etcdError('permissionDenied'));
      return `rpc error: code = ${codeNames[status?.code ?? 0]} desc = ${status?.message}`;
    }
  }

  #takeId(asked: bigint): bigint | undefined {
    if (asked !== 0n) return this.#watchers.has(asked) ? undefined : asked;
    while (this.#watchers.has(this.#nextId)) this.#nextId++;
    return this.#nextId++;
  }

  #refuse(watchId: bigint, cancelReason: string): void {
    this.#send(this.#message({ watchId, created: true, canceled: true, cancelReason }));
  }

  #cancel(id: bigint): void {
    const entry = this.#watchers.get(id);
    if (entry === undefined) return;
    this.#forget(entry);
    // Queued events of other watchers go first; this one sends no more.
    this.#flushQueue();
    this.#send(this.#message({ watchId: id, canceled: true }));
  }

  #forget(entry: StreamWatcher): void {
    entry.watcher.cancel();
    this.#watchers.delete(entry.id);
    this.#ids.delete(entry.watcher);
    this.#queue = this.#queue.filter(({ watcher }) => watcher !== entry.watcher);
  }

  /** From the store, in the middle of a write: only queues. */
  send(batch: WatchBatch): boolean {
    if (this.#closed) return true;
    if (this.#queue.length >= queueBatchesMax) {
      this.#refused = true;
      return false;
    }
    this.#queue.push(batch);
    if (!this.#flushing) {
      this.#flushing = true;
      queueMicrotask(() => this.#drain());
    }
    return true;
  }

  #drain(): void {
    if (this.#closed) return;
    if (this.#flushQueue()) {
      this.#flushing = false;
      if (this.#refused) {
        this.#refused = false;
        this.#server.store.drained(this);
      }
      this.#answerProgress();
      return;
    }
    void this.#stream.drained().then(() => this.#drain());
  }

  /** @returns false when the transport is full */
  #flushQueue(): boolean {
    const queue = this.#queue;
    let at = 0;
    let isOpen = true;
    while (at < queue.length && isOpen) {
      const batch = queue[at++] as WatchBatch;
      const entry = this.#ids.get(batch.watcher);
      if (entry !== undefined) isOpen = this.#sendBatch(entry, batch);
    }
    this.#queue = this.#queue.slice(at);
    return this.#queue.length === 0 && isOpen;
  }

  #sendBatch(entry: StreamWatcher, batch: WatchBatch): boolean {
    switch (batch.kind) {
      case 'events':
        entry.busy = true;
        return this.#sendEvents(entry, batch.events, batch.revision);
      case 'progress':
        return this.#send(this.#message({ watchId: entry.id }, batch.revision));
      case 'compacted': {
        this.#watchers.delete(entry.id);
        this.#ids.delete(entry.watcher);
        return this.#send(
          this.#message(
            {
              watchId: entry.id,
              canceled: true,
              compactRevision: batch.compactRevision,
            },
            // As etcd: this one answer has no revision in its header, and no reason.
            0,
          ),
        );
      }
      default:
        return assertNever(batch, 'watch batch');
    }
  }

  #sendEvents(entry: StreamWatcher, events: readonly WatchEvent[], revision: number): boolean {
    this.#sent(events.length);
    const limit = entry.fragment ? fragmentBytesDefault : Infinity;
    let isOpen = true;
    let parts = this.#eventsHead(entry, revision);
    for (let at = 0; at < events.length; at++) {
      const event = events[at] as WatchEvent;
      const encoded = entry.prevKv ? event.encodedWithPrev : event.encoded;
      if (parts.count > 0 && parts.body.size + encoded.length > limit) {
        isOpen = this.#send(parts.body.number(7, 1).finish());
        parts = this.#eventsHead(entry, revision);
      }
      parts.body.bytes(11, encoded);
      parts.count++;
    }
    return this.#send(parts.body.finish()) && isOpen;
  }

  #eventsHead({ idBytes }: StreamWatcher, revision: number): { body: Parts; count: number } {
    const body = new Parts().raw(this.#server.headers.field(revision)).raw(idBytes);
    return { body, count: 0 };
  }

  #message(
    fields: Partial<WatchResponse> & { readonly watchId: bigint },
    revision = this.#server.store.rev,
  ): Uint8Array {
    return WatchResponse.encode({
      header: this.#server.headers.message(revision),
      created: false,
      canceled: false,
      compactRevision: 0,
      cancelReason: '',
      fragment: false,
      events: [],
      ...fields,
    }).finish();
  }

  #send(bytes: Uint8Array): boolean {
    return this.#stream.sendEncoded([bytes]);
  }

  /**
   * As etcd 3.5: one notice for the whole stream, once nothing is behind; none without watchers, nor while one waits
   * for a revision that lies ahead.
   */
  #answerProgress(): void {
    if (!this.#progressAsked || this.#queue.length > 0 || this.#cancelAnswer !== undefined) return;
    const { rev } = this.#server.store;
    const watchers = [...this.#watchers.values()];
    if (
      watchers.length === 0 ||
      watchers.some(({ watcher }) => watcher.request.startRevision > rev)
    ) {
      this.#progressAsked = false;
      return;
    }
    for (const { watcher } of watchers) {
      if (watcher.synced) continue;
      this.#cancelAnswer = this.#server.config.clock.schedule(progressRetryMs, () => {
        this.#cancelAnswer = undefined;
        this.#answerProgress();
      });
      return;
    }
    this.#progressAsked = false;
    this.#send(this.#message({ watchId: refusedWatchId }));
  }

  #scheduleProgress(): void {
    if (this.#cancelProgress !== undefined) return;
    const { clock, watchProgressNotifyMs } = this.#server.config;
    this.#cancelProgress = clock.schedule(watchProgressNotifyMs, () => {
      this.#cancelProgress = undefined;
      if (this.#closed) return;
      let wanted = false;
      for (const entry of this.#watchers.values()) {
        if (!entry.progressNotify) continue;
        wanted = true;
        if (!entry.busy) this.#server.store.progress(entry.watcher);
        entry.busy = false;
      }
      if (wanted) this.#scheduleProgress();
    });
  }
}
