import type { Clock } from '../../lib/clock.js';
import { BackendNoSpaceError } from '../backend/errors.js';
import type { Backend } from '../backend/types.js';
import type { KeyEntry } from './key-entry.js';
import type { KeyIndex } from './key-index.js';
import { finishedCompactKey, scheduledCompactKey } from './restore.js';
import type { CompactionState } from './restore.js';
import type { CompactionObserver } from './types.js';

/** Bounds of one slice: a few milliseconds. */
const entriesPerSlice = 5000;
const deletesPerSlice = 500;
/** Revisions whose rows are sorted and deleted together. */
const revisionsPerBucket = 4096;
/** Between slices, so that requests come in between. */
const pauseMs = 1;

interface Job {
  readonly rev: number;
  /** Runs before anything is removed. */
  first?: (() => Promise<void>) | undefined;
  readonly done: () => void;
}

type Revision = [main: number, sub: number];

/**
 * Removes compacted revisions in slices. The index tells exactly which rows go, so nothing but those is touched; first
 * it is walked, in key order, then rows are deleted in revision order, so that each page of the database is written
 * once. After a crash the last scheduled compaction is run again, which finds what is left.
 */
export class Compactor {
  readonly #backend: Backend;
  readonly #index: KeyIndex;
  readonly #clock: Clock;
  readonly #jobs: Job[] = [];
  #compactRev: number;
  /** The key at which the walk over the index goes on; undefined when it is over. */
  #cursor: string | undefined = '';
  /** Rows to delete, by `main / revisionsPerBucket`. */
  readonly #buckets = new Map<number, Revision[]>();
  /** Buckets in order, once the walk is over, and the one that is being deleted. */
  #order: number[] = [];
  #current: Revision[] = [];
  #cancel: (() => void) | undefined;
  #closed = false;
  #startedMs = 0;
  readonly #observer: CompactionObserver | undefined;

  constructor(
    backend: Backend,
    index: KeyIndex,
    options: {
      readonly clock: Clock;
      readonly state: CompactionState;
      readonly observer: CompactionObserver | undefined;
    },
  ) {
    const { state } = options;
    this.#backend = backend;
    this.#index = index;
    this.#clock = options.clock;
    this.#observer = options.observer;
    this.#compactRev = Math.max(state.scheduled, state.finished);
    if (state.scheduled > state.finished) {
      this.#jobs.push({ rev: state.scheduled, done: () => undefined });
      this.#schedule();
    }
  }

  /** Reads below it are refused; -1 when nothing was ever compacted. */
  get compactRev(): number {
    return this.#compactRev;
  }

  /** Resolves when all below `rev` is removed. @param first is waited for before anything is removed */
  start(rev: number, first?: () => Promise<void>): Promise<void> {
    this.#compactRev = rev;
    this.#backend.put('meta', scheduledCompactKey, revisionBytes(rev));
    return new Promise((done) => {
      this.#jobs.push({ rev, done, first });
      if (this.#jobs.length === 1) this.#schedule();
    });
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
  }

  #schedule(): void {
    this.#cancel = this.#clock.schedule(pauseMs, () => this.#slice());
  }

  #slice(): void {
    const job = this.#jobs[0];
    if (job === undefined || this.#closed) return;
    if (job.first !== undefined) {
      const { first } = job;
      job.first = undefined;
      // Damage that it meets has been reported where it was found.
      void first()
        .catch(() => undefined)
        .finally(() => this.#schedule());
      return;
    }
    const nowMs = this.#clock.monotonicMs();
    if (this.#cursor !== undefined) {
      if (this.#cursor === '') this.#startedMs = nowMs;
      this.#walk(this.#cursor, job.rev);
      this.#observer?.indexPaused(this.#clock.monotonicMs() - nowMs);
      this.#schedule();
      return;
    }
    if (this.#delete()) {
      this.#schedule();
      return;
    }
    this.#backend.put('meta', finishedCompactKey, revisionBytes(job.rev));
    this.#observer?.finished(nowMs - this.#startedMs);
    this.#jobs.shift();
    this.#cursor = '';
    if (this.#jobs.length > 0) this.#schedule();
    job.done();
  }

  /** Collects what some entries of the index drop. */
  #walk(from: string, rev: number): void {
    const gone: KeyEntry[] = [];
    const position = this.#index.seek(from);
    const drop = (main: number, sub: number): void => this.#collect(main, sub);
    this.#cursor = undefined;
    for (let seen = 0; ; seen++) {
      const entry = this.#index.next(position);
      if (entry === undefined) {
        this.#order = [...this.#buckets.keys()].sort((a, b) => b - a);
        break;
      }
      if (seen >= entriesPerSlice) {
        this.#cursor = entry.key;
        break;
      }
      if (entry.isCompactable(rev) && entry.compact(rev, drop)) gone.push(entry);
    }
    for (const entry of gone) this.#index.remove(entry);
  }

  #collect(main: number, sub: number): void {
    const number = Math.floor(main / revisionsPerBucket);
    const bucket = this.#buckets.get(number);
    if (bucket === undefined) this.#buckets.set(number, [[main, sub]]);
    else bucket.push([main, sub]);
  }

  /** Deletes some rows; false when there are none left. */
  #delete(): boolean {
    if (this.#current.length === 0) {
      const number = this.#order.pop();
      if (number === undefined) return false;
      // Last first, so that slices come off the end.
      this.#current = this.#buckets.get(number) ?? [];
      this.#current.sort((a, b) => b[0] - a[0] || b[1] - a[1]);
      this.#buckets.delete(number);
    }
    const startMs = this.#clock.monotonicMs();
    const rows = this.#current.slice(-deletesPerSlice).reverse();
    try {
      this.#backend.deleteRevisions(rows);
    } catch (error) {
      // The disk is full: the rows stay, unreadable as they are, and are tried again.
      if (!(error instanceof BackendNoSpaceError)) throw error;
      return true;
    }
    this.#current.length = Math.max(0, this.#current.length - deletesPerSlice);
    this.#observer?.rowsDeleted(rows.length, this.#clock.monotonicMs() - startMs);
    return true;
  }
}

function revisionBytes(rev: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigInt64BE(BigInt(rev), 0);
  return bytes;
}
