/**
 * The log: what is stored and what is not yet, with the marks committed >= applying >= applied. Entries are handed out
 * for applying once they are committed and (unless told otherwise) durable here.
 */
import { assert } from '../lib/assert.js';
import { UnstableLog } from './log-unstable.js';
import type { Storage } from './storage.js';
import { entrySizeBytes } from './types.js';
import type { Entry, LogGap, LogIndex, Snapshot, Term } from './types.js';

const noEntries: readonly Entry[] = [];

/** Limits and start of a log. */
export interface RaftLogOptions {
  /** Bytes of entries handed out for applying and not reported applied; at least one batch is always allowed. */
  readonly maxApplyingBytes: number;
  readonly applyUnstable: boolean;
}

/** The replicated log of one member. */
export class RaftLog {
  readonly storage: Storage;
  readonly #unstable: UnstableLog;
  readonly #options: RaftLogOptions;
  #committed: LogIndex;
  #applying: LogIndex;
  #applied: LogIndex;
  #applyingBytes = 0;
  /** Batches handed out and not reported applied, oldest first. */
  readonly #batches: { readonly last: LogIndex; readonly sizeBytes: number }[] = [];

  constructor(storage: Storage, options: RaftLogOptions) {
    this.storage = storage;
    this.#options = options;
    this.#unstable = new UnstableLog(storage.lastIndex() + 1);
    this.#committed = storage.firstIndex() - 1;
    this.#applying = this.#committed;
    this.#applied = this.#committed;
  }

  /** The highest index known to be committed. */
  get committed(): LogIndex {
    return this.#committed;
  }

  /** The highest index that the state machine has applied. */
  get applied(): LogIndex {
    return this.#applied;
  }

  /** The highest index that was handed out for applying. */
  get applying(): LogIndex {
    return this.#applying;
  }

  /** Entries up to here are durable here; 0 while a received snapshot is not. */
  get stableIndex(): LogIndex {
    return this.#unstable.stableIndex;
  }

  /** A received snapshot that is not installed yet. */
  get pendingSnapshot(): Snapshot | undefined {
    return this.#unstable.snapshot;
  }

  firstIndex(): LogIndex {
    const snapshot = this.#unstable.snapshot;
    return snapshot === undefined ? this.storage.firstIndex() : snapshot.metadata.index + 1;
  }

  lastIndex(): LogIndex {
    return this.#unstable.lastIndex() ?? this.#unstable.offset - 1;
  }

  /** The term of the entry at `index`. */
  term(index: LogIndex): Term | LogGap {
    const term = this.#unstable.term(index);
    if (term !== undefined) return term;
    if (index + 1 < this.firstIndex()) return 'compacted';
    if (index > this.lastIndex()) return 'unavailable';
    return this.storage.term(index);
  }

  lastTerm(): Term {
    const term = this.term(this.lastIndex());
    assert(typeof term === 'number', 'the last entry has a term');
    return term;
  }

  /** Tells whether the entry at `index` has `term`. */
  matches(index: LogIndex, term: Term): boolean {
    return this.term(index) === term;
  }

  /** Tells whether a candidate with that last entry may get our vote (Raft §5.4.1). */
  isUpToDate(index: LogIndex, term: Term): boolean {
    const lastTerm = this.lastTerm();
    return term > lastTerm || (term === lastTerm && index >= this.lastIndex());
  }

  /**
   * AppendEntries' consistency check and append (Raft §5.3): only entries that conflict are replaced, so that a delayed
   * append takes nothing back. @returns the last index that now matches the leader, or undefined where the logs do not
   * match at `index`
   */
  maybeAppend(
    prev: { readonly index: LogIndex; readonly term: Term },
    entries: readonly Entry[],
    commit: LogIndex,
  ): LogIndex | undefined {
    if (!this.matches(prev.index, prev.term)) return undefined;
    const last = prev.index + entries.length;
    const conflict = this.#findConflict(prev, entries);
    if (conflict < entries.length) {
      const index = prev.index + 1 + conflict;
      assert(index > this.#committed, 'a committed entry never changes');
      this.#unstable.append(entries, conflict);
    }
    this.commitTo(Math.min(commit, last));
    return last;
  }

  /** Position in `entries` of the first one that is not in the log as it is; `entries.length` if there is none. */
  #findConflict(
    prev: { readonly index: LogIndex; readonly term: Term },
    entries: readonly Entry[],
  ): number {
    let conflict = entries.length;
    let term = prev.term;
    const lastIndex = this.lastIndex();
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i] as Entry;
      assert(entry.index === prev.index + 1 + i, 'the entries of an append are consecutive');
      assert(entry.term >= term, 'terms in a log never fall');
      term = entry.term;
      if (conflict !== entries.length) continue;
      if (entry.index > lastIndex || !this.matches(entry.index, entry.term)) conflict = i;
    }
    return conflict;
  }

  /** The leader's append: `entries` follow the last index. */
  append(entries: readonly Entry[]): void {
    assert(entries[0]?.index === this.lastIndex() + 1, "a leader's log only grows");
    this.#unstable.append(entries);
  }

  /**
   * The last position at or before `index` whose term is at most `term`: where two logs can match at best. The term is
   * 0 where the log does not reach.
   */
  findConflictByTerm(index: LogIndex, term: Term): { index: LogIndex; term: Term } {
    for (let at = index; at > 0; at--) {
      const ours = this.term(at);
      if (typeof ours !== 'number') return { index: at, term: 0 };
      if (ours <= term) return { index: at, term: ours };
    }
    return { index: 0, term: 0 };
  }

  /** Raises the commit index; never lowers it. */
  commitTo(index: LogIndex): void {
    if (index <= this.#committed) return;
    assert(index <= this.lastIndex(), 'what is committed is in the log');
    this.#committed = index;
  }

  /** The term of the last committed entry. */
  committedTerm(): Term {
    const term = this.term(this.#committed);
    assert(typeof term === 'number', 'the last committed entry has a term');
    return term;
  }

  /** Entries from `lo` on, cut to `maxBytes` but at least one. */
  entries(lo: LogIndex, maxBytes: number): readonly Entry[] | LogGap {
    const hi = this.lastIndex() + 1;
    return lo >= hi ? noEntries : this.#slice(lo, hi, maxBytes);
  }

  /** Entries of `lo <= index < hi`. */
  #slice(lo: LogIndex, hi: LogIndex, maxBytes: number): readonly Entry[] | LogGap {
    const offset = this.#unstable.offset;
    if (lo >= offset) return this.#unstable.slice(lo, hi, maxBytes);
    if (lo < this.firstIndex()) return 'compacted';
    const stored = this.storage.entries(lo, Math.min(hi, offset), maxBytes);
    if (typeof stored === 'string' || hi <= offset) return stored;
    if (lo + stored.length < offset) return stored;
    let left = maxBytes;
    for (const entry of stored) left -= entrySizeBytes(entry);
    if (left < entrySizeBytes(this.#unstable.slice(offset, offset + 1, 0)[0] as Entry)) {
      return stored;
    }
    return stored.concat(this.#unstable.slice(offset, hi, left));
  }

  /** Tells whether `wanted` accepts a committed entry that is not applied. Reads page by page. */
  someUnapplied(wanted: (entry: Entry) => boolean): boolean {
    const pageBytes = this.#options.maxApplyingBytes;
    let lo = Math.max(this.#applied + 1, this.firstIndex());
    while (lo <= this.#committed) {
      const page = this.#slice(lo, this.#committed + 1, pageBytes);
      assert(typeof page !== 'string', 'what is not applied is in the log');
      if (page.some(wanted)) return true;
      lo += page.length;
    }
    return false;
  }

  #appliable(): LogIndex {
    if (this.#unstable.snapshot !== undefined) return 0;
    if (this.#options.applyUnstable) return this.#committed;
    return Math.min(this.#committed, this.#unstable.stableIndex);
  }

  /** Tells whether committed entries can be handed out. */
  hasNextCommitted(): boolean {
    return (
      this.#appliable() > this.#applying && this.#applyingBytes < this.#options.maxApplyingBytes
    );
  }

  /** Hands out the next committed entries. */
  takeCommitted(): readonly Entry[] {
    if (!this.hasNextCommitted()) return noEntries;
    const budget = this.#options.maxApplyingBytes - this.#applyingBytes;
    const entries = this.#slice(this.#applying + 1, this.#appliable() + 1, budget);
    assert(typeof entries !== 'string', 'what is not applied is in the log');
    let sizeBytes = 0;
    for (const entry of entries) sizeBytes += entrySizeBytes(entry);
    this.#applying += entries.length;
    this.#applyingBytes += sizeBytes;
    this.#batches.push({ last: this.#applying, sizeBytes });
    return entries;
  }

  /** The state machine has applied up to `index`. Older reports are ignored: a snapshot may have overtaken them. */
  appliedTo(index: LogIndex): void {
    assert(index <= this.#committed, 'only what is committed is applied');
    if (index <= this.#applied) return;
    this.#applied = index;
    this.#applying = Math.max(this.#applying, index);
    for (let first = this.#batches[0]; first !== undefined && first.last <= index;) {
      this.#applyingBytes -= first.sizeBytes;
      this.#batches.shift();
      first = this.#batches[0];
    }
  }

  /** Tells whether entries, or a snapshot, wait to be written. */
  hasNextUnstable(): boolean {
    return this.#unstable.hasNext();
  }

  /** Hands out the entries and the snapshot that wait to be written, as write `number`. */
  takeUnstable(number: number): ReturnType<UnstableLog['take']> {
    return this.#unstable.take(number);
  }

  /** Write `number` is durable; a snapshot in it is installed and counts as applied. */
  writeDone(number: number): void {
    const installed = this.#unstable.writeDone(number);
    if (installed === undefined) return;
    this.#batches.length = 0;
    this.#applyingBytes = 0;
    this.appliedTo(installed.metadata.index);
  }

  /** The log is replaced by a snapshot of committed state. */
  restore(snapshot: Snapshot): void {
    this.#committed = snapshot.metadata.index;
    this.#unstable.restore(snapshot);
  }
}
