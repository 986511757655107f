/** Costly checks of the store's invariants, which run where `VERIFY=1` is set. Each throws InvariantError. */
import { assert } from '../../lib/assert.js';
import type { Backend } from '../backend/types.js';
import type { KeyEntry } from './key-entry.js';
import type { KeyIndex } from './key-index.js';
import { decodeKeyValue } from './key-value.js';

/** The current and the compacted revision of the store. */
interface StorePosition {
  readonly rev: number;
  readonly compactRev: number;
}

/** Checks that the latest revision of a key in the index is the one that the backend holds. */
export function verifyEntry(entry: KeyEntry, backend: Pick<Backend, 'getRevision'>): void {
  const { key, main, sub, version } = entry;
  const at = `revision ${main}.${sub} of a key in the index`;
  const row = backend.getRevision(main, sub);
  assert(row !== undefined, `${at} is in the backend`);
  const stored = decodeKeyValue(row);
  assert(stored.keyString() === key, `${at} is of that key in the backend`);
  if (version === 0) return;
  assert(stored.modRevision === main, `${at} was written at it`);
  assert(stored.version === version, `${at} has its version`);
  assert(stored.createRevision === entry.create, `${at} has its create revision`);
  assert(stored.lease === entry.lease, `${at} has its lease`);
  assert(
    entry.cached === undefined || entry.cached.encoded.equals(stored.encoded),
    `${at} is the pair in the cache`,
  );
}

/**
 * Index and backend hold the same revisions: each in the index has its row, and each row above the last compaction is
 * in the index; the order of the keys and the counts of the index hold as well.
 */
export function verifyIndex(
  index: KeyIndex,
  backend: Pick<Backend, 'getRevision' | 'scanRevisions'>,
  { rev, compactRev }: StorePosition,
): void {
  index.verify();
  const rows = new Map<string, { readonly main: number; readonly tombstone: boolean }>();
  backend.scanRevisions(0, rev + 1, (main, sub, tombstone, value) => {
    assert(main <= rev, `revision ${main} is not after the store's revision ${rev}`);
    rows.set(`${main}.${sub} ${decodeKeyValue(value).keyString()}`, { main, tombstone });
  });
  const position = index.seek('');
  for (let entry = index.next(position); entry !== undefined; entry = index.next(position)) {
    let last = 0;
    for (const { main, sub, tombstone } of entry.revisions()) {
      assert(main > last || (main === last && sub > 0), 'the revisions of a key are in order');
      last = main;
      const name = `${main}.${sub} ${entry.key}`;
      const row = rows.get(name);
      assert(row !== undefined, `revision ${main}.${sub} of the index is in the backend`);
      assert(row.tombstone === tombstone, `revision ${main}.${sub} is a deletion in both or none`);
      rows.delete(name);
    }
    verifyEntry(entry, backend);
  }
  for (const { main } of rows.values()) {
    assert(main <= compactRev, `revision ${main} of the backend is in the index`);
  }
}
