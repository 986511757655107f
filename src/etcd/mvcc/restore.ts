import { assert } from '../../lib/assert.js';
import type { Backend } from '../backend/types.js';
import { KeyIndex } from './key-index.js';
import { KeyScan } from './key-value.js';
import type { LeaseAttachments } from './types.js';

/** The progress of compaction: revisions below `scheduled` are unreadable, up to `finished` they are removed. */
export interface CompactionState {
  readonly scheduled: number;
  readonly finished: number;
}

/** Meta keys, as etcd names them. */
export const scheduledCompactKey = 'scheduledCompactRev';
/** See `scheduledCompactKey`. */
export const finishedCompactKey = 'finishedCompactRev';

/** Rebuilds the index from the stored revisions and reports live keys that hang on leases. */
export function loadStore(
  backend: Backend,
  leases: LeaseAttachments | undefined,
): { readonly index: KeyIndex; readonly rev: number; readonly compaction: CompactionState } {
  const index = new KeyIndex();
  const leased = new Set<string>();
  const kv = new KeyScan();
  let rev = 1;
  backend.scanAllRevisions((main, sub, tombstone, value) => {
    kv.read(value);
    const entry = index.collect(kv.key);
    if (tombstone) {
      entry.advance(main, sub, 0, 0, 0n);
    } else {
      assert(kv.modRevision === main, `revision ${main} holds what was written at it`);
      entry.advance(main, sub, kv.createRevision, kv.version, kv.lease);
      if (kv.lease !== 0n) leased.add(entry.key);
    }
    rev = main;
  });
  index.finishLoading();
  for (const key of leased) {
    const lease = index.get(key)?.lease ?? 0n;
    if (lease !== 0n) leases?.attach(lease, key);
  }
  const compaction = {
    scheduled: readRevision(backend, scheduledCompactKey),
    finished: readRevision(backend, finishedCompactKey),
  };
  // All revisions may be gone by compaction, the last ones being deletions.
  return { index, rev: Math.max(rev, compaction.scheduled, compaction.finished), compaction };
}

function readRevision(backend: Backend, key: string): number {
  const bytes = backend.get('meta', key);
  return bytes === undefined ? -1 : Number(bytes.readBigInt64BE(0));
}
