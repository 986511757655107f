/**
 * The end of the log that is not known to be durable: entries to be written, entries being written, a snapshot
 * received. It shadows the storage: what is here wins.
 *
 *     storage               | unstable
 *     1 2 3 4 5 6 7 8 9 10  | 11 12 13   14 15
 *                             ^ offset   ^ taken: handed out in a Ready up to here, being written
 *
 * Completions come by write and not by (term, index), which guards against this ABA: entry (5, term 2) is being
 * written; a leader of term 3 replaces it by (5, term 3), also being written; the first leader comes back in term 4 and
 * brings (5, term 2) again. Were the completion of the first write matched by term and index, the third would count as
 * durable while the disk still has (5, term 3) to come. Here every write in flight remembers how far it counts, and a
 * truncation cuts that down.
 */
import { assert } from '../lib/assert.js';
import { limitedSlice } from './memory-storage.js';
import type { Entry, LogIndex, Snapshot, Term } from './types.js';

interface Write {
  readonly number: number;
  /** Completion makes entries durable up to here; lowered by truncations that came later. 0: none. */
  last: LogIndex;
  readonly snapshot: Snapshot | undefined;
}

/** Entries and snapshot on their way to the disk. */
export class UnstableLog {
  /** Index of `#entries[0]`, whether or not it is there. */
  #offset: LogIndex;
  #entries: Entry[] = [];
  #snapshot: Snapshot | undefined = undefined;
  /** Entries before this index were handed out. Invariant: offset <= taken <= offset + length. */
  #taken: LogIndex;
  #snapshotTaken = false;
  readonly #writes: Write[] = [];

  constructor(offset: LogIndex) {
    this.#offset = offset;
    this.#taken = offset;
  }

  get offset(): LogIndex {
    return this.#offset;
  }

  /** The snapshot that was received and is not installed yet. */
  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  /** Entries up to here are durable, and so is what is before them. */
  get stableIndex(): LogIndex {
    return this.#snapshot === undefined ? this.#offset - 1 : 0;
  }

  /** The last index, where this part of the log knows it. */
  lastIndex(): LogIndex | undefined {
    if (this.#entries.length > 0) return this.#offset + this.#entries.length - 1;
    return this.#snapshot?.metadata.index;
  }

  /** The term at `index`, where this part of the log knows it. */
  term(index: LogIndex): Term | undefined {
    if (index >= this.#offset) return this.#entries[index - this.#offset]?.term;
    const metadata = this.#snapshot?.metadata;
    return metadata?.index === index ? metadata.term : undefined;
  }

  /** Entries of `lo <= index < hi`, all of which must be here, cut to `maxBytes`. */
  slice(lo: LogIndex, hi: LogIndex, maxBytes: number): readonly Entry[] {
    assert(lo >= this.#offset, 'unstable slice starts at or after the offset');
    assert(hi <= this.#offset + this.#entries.length, 'unstable slice ends within');
    return limitedSlice(this.#entries, lo - this.#offset, hi - this.#offset, maxBytes);
  }

  /** Tells whether there are entries, or a snapshot, that no Ready has carried yet. */
  hasNext(): boolean {
    return (
      this.#taken < this.#offset + this.#entries.length ||
      (this.#snapshot !== undefined && !this.#snapshotTaken)
    );
  }

  /** Hands out what no Ready has carried yet, as write `number`. */
  take(number: number): { readonly entries: readonly Entry[]; readonly snapshot?: Snapshot } {
    const entries = this.#entries.slice(this.#taken - this.#offset);
    this.#taken = this.#offset + this.#entries.length;
    const snapshot = this.#snapshotTaken ? undefined : this.#snapshot;
    this.#snapshotTaken = this.#snapshot !== undefined;
    this.#writes.push({ number, last: entries.at(-1)?.index ?? 0, snapshot });
    return snapshot === undefined ? { entries } : { entries, snapshot };
  }

  /** Write `number` is durable. @returns the snapshot that is installed by that */
  writeDone(number: number): Snapshot | undefined {
    const write = this.#writes.shift();
    assert(write?.number === number, 'writes complete in order, each once');
    let installed: Snapshot | undefined;
    if (write.snapshot !== undefined && write.snapshot === this.#snapshot) {
      installed = this.#snapshot;
      this.#snapshot = undefined;
      this.#snapshotTaken = false;
    }
    if (write.last >= this.#offset) {
      this.#entries =
        write.last === this.#offset + this.#entries.length - 1
          ? []
          : this.#entries.slice(write.last + 1 - this.#offset);
      this.#offset = write.last + 1;
      assert(this.#taken >= this.#offset, 'only what was handed out becomes durable');
    }
    return installed;
  }

  /** Appends `entries[from..]`, replacing whatever is at their indexes and after. */
  append(entries: readonly Entry[], from = 0): void {
    const first = (entries[from] as Entry).index;
    const end = this.#offset + this.#entries.length;
    assert(first <= end, 'the log has no gap');
    if (first < end) this.#truncate(first);
    for (let i = from; i < entries.length; i++) this.#entries.push(entries[i] as Entry);
  }

  #truncate(first: LogIndex): void {
    if (first <= this.#offset) {
      this.#entries = [];
      this.#offset = first;
    } else {
      this.#entries.length = first - this.#offset;
    }
    this.#taken = Math.min(this.#taken, first);
    for (const write of this.#writes) write.last = Math.min(write.last, first - 1);
  }

  /** The log is replaced by a snapshot. */
  restore(snapshot: Snapshot): void {
    this.#offset = snapshot.metadata.index + 1;
    this.#entries = [];
    this.#taken = this.#offset;
    this.#snapshot = snapshot;
    this.#snapshotTaken = false;
    for (const write of this.#writes) write.last = 0;
  }
}
