import type { Backend } from '../backend/types.js';

/**
 * The contract of the store. Keys and range ends are latin1 strings: one char per byte, so `<` compares as bytes
 * (`buffer.toString('latin1')` in, `Buffer.from(key, 'latin1')` out). Everything is synchronous.
 */

/** A stored pair. Field names are those of mvccpb.KeyValue. Immutable. */
export interface KeyValue {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  /** 0n: none. */
  readonly lease: bigint;
  /** The mvccpb.KeyValue message, ready to be embedded (length-delimited) in an answer. Do not change. */
  readonly encoded: Buffer;
}

/** The field to sort by; only `key` ascending is free, any other sorts the whole result. */
export type SortTarget = 'key' | 'version' | 'create' | 'mod' | 'value';
/** Etcd's sort orders. */
export type SortOrder = 'none' | 'ascend' | 'descend';

/** Counts a store's operations since it was opened: plain numbers, read when metrics are asked for. */
export interface StoreCounts {
  ranges: number;
  puts: number;
  /** Of keys and values. */
  putBytes: number;
  /** Requests to delete, not keys. */
  deletes: number;
  /** Transactions of more than one operation. */
  txns: number;
}

/** Is told how long the pieces of a compaction took, in milliseconds. */
export interface CompactionObserver {
  indexPaused(ms: number): void;
  rowsDeleted(count: number, ms: number): void;
  finished(ms: number): void;
}

/** Options of a range read; absent or 0 means "not asked for". */
export interface RangeOptions {
  /** Read at this revision; 0: the present one. */
  readonly rev?: number;
  readonly limit?: number;
  readonly countOnly?: boolean;
  /** Values are left empty. */
  readonly keysOnly?: boolean;
  readonly sortTarget?: SortTarget;
  readonly sortOrder?: SortOrder;
  readonly minModRevision?: number;
  readonly maxModRevision?: number;
  readonly minCreateRevision?: number;
  readonly maxCreateRevision?: number;
}

/** The result of a range read. */
export interface RangeResult {
  readonly kvs: KeyValue[];
  /** Keys in the range at that revision, whatever the limit and the filters. */
  readonly count: number;
  /** True when `limit` cut the result. */
  readonly more: boolean;
  /** The store's revision at the read (never the revision asked for). */
  readonly rev: number;
}

/** Reads of one consistent state. */
export interface ReadView {
  /** The last revision that this view sees; the store's, plus one once a write txn has changed something. */
  readonly rev: number;
  /**
   * @param end `''`: the single key; `'\0'`: all keys from `key` on; else the first key not included.
   * @throws CompactedError, FutureRevError
   */
  range(key: string, end: string, options?: RangeOptions): RangeResult;
  /** The present pair of one key; the fast path of compares. */
  get(key: string): KeyValue | undefined;
}

/** One writing transaction: at most one main revision, whatever it changes. Only one may be open. */
export interface WriteTxn extends ReadView {
  /**
   * @param value copied.
   * @param lease 0n: none. The lease must exist (the caller has checked).
   * @returns the revision of the put.
   */
  put(key: string, value: Uint8Array, lease: bigint): number;
  /** Deletes what the range holds. @returns how many keys went. */
  deleteRange(key: string, end: string): number;
  /** True once something has been changed. */
  readonly changed: boolean;
  /** Publishes the revision and notifies the synced watchers. Returns the store's revision afterwards. */
  end(): number;
}

/** The part of the lessor that the store calls. */
export interface LeaseAttachments {
  attach(lease: bigint, key: string): void;
  detach(lease: bigint, key: string): void;
}

/** The revision store without watchers. */
export interface Store extends ReadView {
  /** The last compaction's revision, the oldest that can be read; -1 when nothing was ever compacted. */
  readonly compactRev: number;
  /** Number of live keys. */
  readonly keyCount: number;
  write(): WriteTxn;
  /**
   * Makes revisions below `rev` unreadable at once and schedules their removal in slices.
   * @returns resolves when the removal is done (for `CompactionRequest.physical`).
   * @throws CompactedError if `rev` <= compactRev; FutureRevError if `rev` > the store's.
   */
  compact(rev: number): Promise<void>;
  /** Etcd's HashKV at `rev` (0: present), in slices. Rejects with CompactedError, FutureRevError. */
  hashKV(rev: number): Promise<HashKV>;
}

/** Answer of `hashKV`. */
export interface HashKV {
  readonly hash: number;
  readonly compactRev: number;
  /** The revision hashed. */
  readonly hashRev: number;
  /** The store's revision at the call. */
  readonly rev: number;
}

/** A change as a watcher sees it. One object is shared by all watchers, so encode it once. */
export interface WatchEvent {
  readonly type: 'put' | 'delete';
  /** Of a delete: key and modRevision only. */
  readonly kv: KeyValue;
  /** The pair before the change; read when asked for. Undefined for a put that creates, or when it is compacted. */
  readonly prevKv: KeyValue | undefined;
  /** The mvccpb.Event message without prev_kv; made once, shared. */
  readonly encoded: Buffer;
  /** The same with prev_kv. */
  readonly encodedWithPrev: Buffer;
}

/** The parameters of a watch. */
export interface WatchRequest {
  readonly key: string;
  /** As for `range`. */
  readonly end: string;
  /** First revision wanted; 0: from now on. A future revision waits for it. */
  readonly startRevision: number;
  readonly noPut?: boolean;
  readonly noDelete?: boolean;
  /** Kept for the receiver; the store itself computes `prevKv` lazily. */
  readonly prevKv?: boolean;
}

/** Something for one watcher. */
export type WatchBatch =
  | {
      readonly kind: 'events';
      readonly watcher: Watcher;
      /** In order; a revision's events are never split over two batches. Not empty. */
      readonly events: readonly WatchEvent[];
      /** The store's revision when the batch was made, for the header. */
      readonly revision: number;
    }
  | {
      /** All events up to `revision` have been sent to this watcher. */
      readonly kind: 'progress';
      readonly watcher: Watcher;
      readonly revision: number;
    }
  | {
      /** The watcher is gone: it asked for, or is still at, a compacted revision. */
      readonly kind: 'compacted';
      readonly watcher: Watcher;
      readonly revision: number;
      readonly compactRevision: number;
    };

/**
 * The receiving side of one stream. `send` is called in the middle of a write and must only queue.
 * It returns false to refuse a batch (queue full): the store keeps that batch, marks the watcher slow, and delivers
 * nothing more for it until `WatchableStore.drained(sink)` is called; then it goes on without a gap, from history if
 * need be.
 */
export interface WatchSink {
  send(batch: WatchBatch): boolean;
}

/** A registered watch. */
export interface Watcher {
  readonly request: WatchRequest;
  readonly sink: WatchSink;
  /** True when all events up to the store's revision have been handed to the sink. */
  readonly synced: boolean;
  /** Stops it; nothing is sent afterwards. Safe to repeat. */
  cancel(): void;
}

/** The store with watchers; what the server uses. */
export interface WatchableStore extends Store {
  /**
   * Registers; the first batch may arrive during the call's event-loop turn or any later one, never inside the call.
   */
  watch(request: WatchRequest, sink: WatchSink): Watcher;
  /** The sink has room again: slow watchers of it go on. */
  drained(sink: WatchSink): void;
  /** Sends a progress batch if the watcher is synced and its start does not lie ahead. Returns whether it did. */
  progress(watcher: Watcher): boolean;
  readonly watcherCount: number;
  readonly slowWatcherCount: number;
  /** Goes on with another content of the backend (a snapshot was installed); watchers stay and catch up. */
  restore(backend: Backend): void;
  /** Stops background work; open promises of `compact` never settle afterwards. */
  close(): void;
}

/** What the index in memory is made of: keys, deleted ones included, and their revisions. */
export interface IndexSize {
  readonly keys: number;
  readonly keyBytes: number;
  readonly revisions: number;
}
