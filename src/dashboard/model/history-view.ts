/** Finds the version of an object that a revision shows. */
import type { HistoryEntry } from '../../history/history.js';

/**
 * The place of the version that was there at a revision, among versions from the newest on: the first that is not
 * younger. Without a revision, and before the oldest that is read, it is the newest or the oldest.
 */
export function indexOfRevision(entries: readonly HistoryEntry[], at: string | undefined): number {
  if (at === undefined) return 0;
  const found = entries.findIndex(({ revision }) => Number(revision) <= Number(at));
  return found < 0 ? Math.max(0, entries.length - 1) : found;
}
