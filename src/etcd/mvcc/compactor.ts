import type { Clock } from '../../lib/clock.js';
import type { Backend } from '../backend/types.js';
import type { KeyEntry } from './key-entry.js';
import type { KeyIndex } from './key-index.js';
import { finishedCompactKey, scheduledCompactKey } from './restore.js';
import type { CompactionState } from './restore.js';

/** Bounds of one slice: a few milliseconds. */
const entriesPerSlice = 5000;
const dropsPerSlice = 400;
/** Between slices, so that requests come in between. */
const pauseMs = 1;

interface Job {
  readonly rev: number;
  readonly done: () => void;
}

/**
 * Removes compacted revisions in slices. The index tells exactly which rows go, so nothing but those is touched. After a
 * crash the last scheduled compaction is run again, which finds what is left.
 */
export class Compactor {
  readonly #backend: Backend;
  readonly #index: KeyIndex;
  readonly #clock: Clock;
  readonly #jobs: Job[] = [];
  #compactRev: number;
  #cursor = '';
  #cancel: (() => void) | undefined;
  #closed = false;

  constructor(backend: Backend, index: KeyIndex, clock: Clock, state: CompactionState) {
    this.#backend = backend;
    this.#index = index;
    this.#clock = clock;
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

  /** Resolves when all below `rev` is removed. */
  start(rev: number): Promise<void> {
    this.#compactRev = rev;
    this.#backend.put('meta', scheduledCompactKey, revisionBytes(rev));
    return new Promise((done) => {
      this.#jobs.push({ rev, done });
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
    const drops: [number, number][] = [];
    const finished = this.#collect(job.rev, drops);
    if (finished) this.#backend.put('meta', finishedCompactKey, revisionBytes(job.rev));
    if (drops.length > 0) this.#backend.deleteRevisions(drops);
    if (!finished) {
      this.#schedule();
      return;
    }
    this.#jobs.shift();
    this.#cursor = '';
    if (this.#jobs.length > 0) this.#schedule();
    job.done();
  }

  /** Walks on from the cursor; true at the end of the index. */
  #collect(rev: number, drops: [number, number][]): boolean {
    const gone: KeyEntry[] = [];
    const position = this.#index.seek(this.#cursor);
    const drop = (main: number, sub: number): void => void drops.push([main, sub]);
    let finished = false;
    for (let seen = 0; ; seen++) {
      const entry = this.#index.next(position);
      if (entry === undefined) {
        finished = true;
        break;
      }
      if (seen >= entriesPerSlice || drops.length >= dropsPerSlice) {
        this.#cursor = entry.key;
        break;
      }
      if (entry.isCompactable(rev) && entry.compact(rev, drop)) gone.push(entry);
    }
    for (const entry of gone) this.#index.remove(entry);
    return finished;
  }
}

function revisionBytes(rev: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigInt64BE(BigInt(rev), 0);
  return bytes;
}
