import type { Entry, HardState } from '../../raft/types.js';
import type { Clock } from '../../lib/clock.js';
import type { Disk } from './disk.js';

/** A raft log entry. `append` copies its data. */
export type WalEntry = Entry;

/** Raft's hard state as stored. */
export type WalHardState = HardState;

/** The owner of the log; the first record of every segment. */
export interface WalMetadata {
  readonly clusterId: bigint;
  readonly memberId: bigint;
}

/** Says that a snapshot at `index` exists, so that entries up to it are not needed. `confState` is opaque here. */
export interface WalSnapshotMarker {
  readonly index: number;
  readonly term: number;
  readonly confState?: Uint8Array;
}

/** The contents of a log as `WAL.open` found them. */
export interface WalContents {
  readonly metadata: WalMetadata;
  /** The last one written; all zero in a new log. */
  readonly hardState: WalHardState;
  /** Entries after the given snapshot, contiguous, the last writer of an index wins. */
  readonly entries: WalEntry[];
  /** Every snapshot marker in the log whose index is not above `hardState.commit`, oldest first. */
  readonly snapshots: WalSnapshotMarker[];
  /** Bytes of a torn tail that were cut off; 0 after a clean stop. */
  readonly tornBytes: number;
}

/** Options of `WAL.create` and `WAL.open`. */
export interface WalOptions {
  readonly disk: Disk;
  /** A new segment starts once this many bytes are in the current one. @default 16 MiB */
  readonly segmentBytes?: number;
  /** Is told after each fdatasync how long it took, for the metric. Needs `clock`. */
  readonly onSync?: (durationMs: number, bytes: number) => void;
  readonly clock?: Clock;
}

/** The write side that the member's loop uses. */
export interface WalWriter {
  /** Index of the last entry that is in the log (durable or not); 0 if none. */
  readonly lastIndex: number;
  /** Index of the last entry that is durable. Invariant: durableIndex <= lastIndex. */
  readonly durableIndex: number;
  /** Bytes appended that no finished sync has covered. */
  readonly pendingBytes: number;
  /**
   * Encodes into memory; nothing reaches the disk before `sync`. An entry whose index is already there overwrites it
   * and all after it (raft's conflict rule). Synchronous, no allocation per record.
   */
  append(hardState: WalHardState | undefined, entries: readonly WalEntry[]): void;
  /**
   * Resolves when all records that were appended before the call are durable. One fdatasync is in flight at a time;
   * records that arrive meanwhile go into the next.
   * @throws WalNoSpaceError (retryable): the disk is full. The records stay in memory in order; call `sync` again
   * later.
   * @throws WalWriteError (not retryable): the state of the disk is unknown; the member must stop.
   */
  sync(): Promise<void>;
  /** Appends a snapshot marker; durable with the next `sync`, which the caller must await before `releaseTo`. */
  saveSnapshot(marker: WalSnapshotMarker): void;
  /** Deletes segments that hold only entries up to `index`. The last one is always kept. Returns how many went. */
  releaseTo(index: number): number;
  /** Syncs what is pending and closes the files. */
  close(): Promise<void>;
}
