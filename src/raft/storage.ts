/** The core's access to the stored log. It only reads: the shell persists the contents of each `Ready`. */
import type { ConfState, Entry, HardState, LogGap, LogIndex, Snapshot, Term } from './types.js';

/**
 * Read access to the stored log. Called synchronously from within the core, so recent entries must be in memory. The
 * contents of a `Ready` must be readable here at the latest when `onAppendDone` is called for it; earlier does no harm.
 */
export interface Storage {
  /** The stored hard state and membership; read once, when the node is made. */
  initialState(): { readonly hardState: HardState; readonly confState: ConfState };
  /**
   * The entries of `lo <= index < hi`, cut so that their sizes (`entrySizeBytes`) add up to at most `maxBytes`, but at
   * least one.
   * The caller does not change the array. @returns 'compacted' if `lo` is before `firstIndex()`, 'unavailable' if `hi -
   * 1` is after `lastIndex()`.
   */
  entries(lo: LogIndex, hi: LogIndex, maxBytes: number): readonly Entry[] | LogGap;
  /** The term of the entry at `index`; answers for `firstIndex() - 1` as well. */
  term(index: LogIndex): Term | LogGap;
  /** The index of the first entry that is still there: the latest truncation point + 1. */
  firstIndex(): LogIndex;
  /** The index of the last stored entry, or `firstIndex() - 1`. */
  lastIndex(): LogIndex;
  /**
   * The most recent snapshot, at or after `firstIndex() - 1`; asked for when a follower needs entries that are gone.
   * It must name that follower as a member, so for a newcomer it is taken now and not long ago. `undefined`: it is
   * being made, ask again later. `data` may be empty where the shell sends it by other means.
   */
  snapshot(): Snapshot | undefined;
}
