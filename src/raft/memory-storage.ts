/** The stored log in memory: what a shell keeps beside its WAL, and what tests use. */
import { assert } from '../lib/assert.js';
import type { Storage } from './storage.js';
import { emptyConfState, emptyHardState, entrySizeBytes } from './types.js';
import type { ConfState, Entry, HardState, LogGap, LogIndex, Snapshot, Term } from './types.js';

const emptySnapshot: Snapshot = {
  data: new Uint8Array(0),
  metadata: { index: 0, term: 0, confState: emptyConfState },
};

/**
 * Truncated entries are dropped from the array once there are at least this many, so that truncation costs O(1) each.
 */
const minDropCount = 1024;

/** A `Storage` over an array. Entries before a head offset are truncated and wait to be dropped together. */
export class MemoryStorage implements Storage {
  #hardState: HardState = emptyHardState;
  #snapshot: Snapshot = emptySnapshot;
  #entries: Entry[] = [];
  #sizeBytes = 0;
  /** Position in `#entries` of the first entry that counts. */
  #head = 0;
  /** Index and term of the entry before the first: the truncation point. */
  #baseIndex: LogIndex = 0;
  #baseTerm: Term = 0;

  initialState(): { readonly hardState: HardState; readonly confState: ConfState } {
    return { hardState: this.#hardState, confState: this.#snapshot.metadata.confState };
  }

  firstIndex(): LogIndex {
    return this.#baseIndex + 1;
  }

  lastIndex(): LogIndex {
    return this.#baseIndex + this.#entries.length - this.#head;
  }

  /** The bytes of the entries, truncated ones not counted. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** The lowest index behind which the stored entries take no more than `maxBytes`. */
  indexWithin(maxBytes: number): LogIndex {
    let sizeBytes = 0;
    let at = this.#entries.length;
    while (at > this.#head) {
      sizeBytes += entrySizeBytes(this.#entries[at - 1] as Entry);
      if (sizeBytes > maxBytes) break;
      at--;
    }
    return this.#baseIndex + at - this.#head;
  }

  term(index: LogIndex): Term | LogGap {
    if (index <= this.#baseIndex) return index === this.#baseIndex ? this.#baseTerm : 'compacted';
    return this.#entries[this.#head + index - this.#baseIndex - 1]?.term ?? 'unavailable';
  }

  entries(lo: LogIndex, hi: LogIndex, maxBytes: number): readonly Entry[] | LogGap {
    if (lo <= this.#baseIndex) return 'compacted';
    if (hi > this.lastIndex() + 1) return 'unavailable';
    const from = this.#head + lo - this.#baseIndex - 1;
    return limitedSlice(this.#entries, from, from + hi - lo, maxBytes);
  }

  /** Returns the entries above `index`, as far as they are there. */
  after(index: LogIndex): readonly Entry[] {
    return this.#entries.slice(this.#head + Math.max(0, index - this.#baseIndex));
  }

  snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  /** Stores term, vote and commit. */
  setHardState(hardState: HardState): void {
    this.#hardState = hardState;
  }

  /** Stores `entries` in place of those at their indexes and after. Skips entries that are truncated already. */
  append(entries: readonly Entry[]): void {
    const last = entries.at(-1);
    if (last === undefined || last.index <= this.#baseIndex) return;
    const skipped = entries.findIndex((entry) => entry.index > this.#baseIndex);
    const first = (entries[skipped] as Entry).index;
    assert(first <= this.lastIndex() + 1, 'stored entries leave no gap');
    const kept = this.#head + first - this.#baseIndex - 1;
    this.#sizeBytes -= sumOf(this.#entries, kept, this.#entries.length);
    this.#entries.length = kept;
    for (let i = skipped; i < entries.length; i++) this.#entries.push(entries[i] as Entry);
    this.#sizeBytes += sumOf(entries, skipped, entries.length);
  }

  /**
   * Costly: the entries are contiguous, their terms never fall, and what is committed is there.
   * @throws InvariantError
   */
  verify(): void {
    let [index, term] = [this.#baseIndex, this.#baseTerm];
    for (const entry of this.entries(this.firstIndex(), this.lastIndex() + 1, Infinity)) {
      assert(typeof entry !== 'string' && entry.index === index + 1, 'the entries are contiguous');
      assert(entry.term >= term, 'the terms of the entries never fall');
      ({ index, term } = entry);
    }
    assert(this.#hardState.commit <= index, 'what is committed is in the log');
    assert(this.#hardState.term >= term, 'no entry has a later term than the member');
    assert(this.#snapshot.metadata.index <= index, 'a snapshot is of what the log has held');
    assert(
      this.#sizeBytes === sumOf(this.#entries, this.#head, this.#entries.length),
      'bytes are counted',
    );
  }

  /** Replaces everything by a snapshot that was received. @returns false if it is older than the one stored */
  applySnapshot(snapshot: Snapshot): boolean {
    const { index, term } = snapshot.metadata;
    if (index <= this.#snapshot.metadata.index) return false;
    this.#snapshot = snapshot;
    this.#entries = [];
    this.#sizeBytes = 0;
    this.#head = 0;
    this.#baseIndex = index;
    this.#baseTerm = term;
    return true;
  }

  /**
   * Notes a snapshot of the own state machine at `index`; the log stays.
   * @returns false if it is not newer than the stored one
   */
  createSnapshot(index: LogIndex, confState: ConfState, data: Uint8Array): boolean {
    if (index <= this.#snapshot.metadata.index) return false;
    const term = this.term(index);
    assert(typeof term === 'number', 'a snapshot is taken at a stored entry');
    this.#snapshot = { data, metadata: { index, term, confState } };
    return true;
  }

  /** Truncates the log up to and including `index`. @returns false if it already is */
  truncateTo(index: LogIndex): boolean {
    if (index <= this.#baseIndex) return false;
    assert(index <= this.lastIndex(), 'only stored entries are truncated');
    this.#baseTerm = this.term(index) as Term;
    const head = this.#head + index - this.#baseIndex;
    this.#sizeBytes -= sumOf(this.#entries, this.#head, head);
    this.#head = head;
    this.#baseIndex = index;
    if (this.#head >= minDropCount && this.#head * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    return true;
  }
}

function sumOf(list: readonly Entry[], from: number, to: number): number {
  let sizeBytes = 0;
  for (let at = from; at < to; at++) sizeBytes += entrySizeBytes(list[at] as Entry);
  return sizeBytes;
}

/** `list[from..to)` cut to `maxBytes`, but at least one entry where there is one. */
export function limitedSlice(
  list: readonly Entry[],
  from: number,
  to: number,
  maxBytes: number,
): readonly Entry[] {
  let end = from;
  let sizeBytes = 0;
  while (end < to) {
    sizeBytes += entrySizeBytes(list[end] as Entry);
    if (sizeBytes > maxBytes && end > from) break;
    end++;
  }
  return list.slice(from, end);
}
