/**
 * The store as the API server needs it: a small subset of etcd v3, so that the built-in store, a real etcd and the
 * in-memory store of the tests are interchangeable. Keys are text; values bytes; revisions etcd's.
 */

/** One key and its value. */
export interface StoredKv {
  readonly key: string;
  readonly value: Buffer;
  readonly createRevision: number;
  readonly modRevision: number;
}

/** The range of keys to read: those from `start` on and before `end`. */
export interface RangeOptions {
  /** First key, included. */
  readonly start: string;
  /** Last key, excluded. */
  readonly end: string;
  readonly limit?: number;
  /** A past revision. @default the present one, linearizable */
  readonly revision?: number;
}

/** The keys that were read, at one revision. */
export interface RangeResult {
  readonly kvs: readonly StoredKv[];
  readonly more: boolean;
  /** Keys in the whole range. */
  readonly count: number;
  readonly revision: number;
}

/** One change of a transaction. */
export type StoreOp =
  | {
      readonly type: 'put';
      readonly key: string;
      readonly value: Buffer;
      /** The key vanishes after about so long. */
      readonly ttlSeconds?: number;
    }
  | { readonly type: 'delete'; readonly key: string };

/** Guards of a transaction: the key's mod revision; 0 means that it must not exist. */
export interface Guard {
  readonly key: string;
  readonly modRevision: number;
}

/** The result of a transaction. */
export interface TxnResult {
  readonly succeeded: boolean;
  readonly revision: number;
  /** Without success: what the guarded keys hold, in the guards' order. */
  readonly current: readonly (StoredKv | undefined)[];
}

/** One change of one key. */
export interface StoreEvent {
  readonly type: 'put' | 'delete';
  readonly key: string;
  /** Empty for a deletion. */
  readonly value: Buffer;
  readonly modRevision: number;
  readonly createRevision: number;
}

/** A watch that goes on until it is closed. */
export interface StoreWatch {
  /** Asks for a progress notice: `onEvents([], revision)` once everything up to `revision` has been delivered. */
  requestProgress(): void;
  close(): void;
}

/** Receives the events of a watch. */
export interface WatchHandlers {
  /** Events of whole revisions in order; `revision` is what has been reached by them. */
  readonly onEvents: (events: readonly StoreEvent[], revision: number) => void;
  /** The watch cannot be resumed (its revision was compacted): load again. */
  readonly onLost: (error: Error) => void;
}

/** @throws StoreError by every call */
export interface Store {
  get(key: string): Promise<{ readonly kv: StoredKv | undefined; readonly revision: number }>;
  range(options: RangeOptions): Promise<RangeResult>;
  /** All guards hold → all `ops` happen in one revision; else nothing does. */
  txn(guards: readonly Guard[], ops: readonly StoreOp[]): Promise<TxnResult>;
  /** Watches a prefix; resumes by itself after broken connections. */
  watch(prefix: string, fromRevision: number, handlers: WatchHandlers): StoreWatch;
  /** The present revision, linearizable. */
  revision(): Promise<number>;
  close(): void;
}

/** The error of a call to the store that failed. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: 'compacted' | 'unavailable' | 'too-large' | 'future' | 'other';
  /** False when the write may have happened all the same. */
  readonly definite: boolean;

  constructor(
    code: StoreError['code'],
    message: string,
    options: { readonly definite?: boolean; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.definite = options.definite ?? true;
  }
}

/** The end of the range of all keys that begin with `prefix` (ASCII). */
export function prefixEnd(prefix: string): string {
  const last = prefix.charCodeAt(prefix.length - 1);
  return prefix.slice(0, -1) + String.fromCharCode(last + 1);
}
