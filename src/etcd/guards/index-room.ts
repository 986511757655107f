import { getHeapStatistics } from 'node:v8';
import type { IndexSize } from '../mvcc/types.js';
import { indexHeapShare, indexKeysMax } from './limits.js';

/** Measured: an entry with its places in the map and in the order. */
const entryBytes = 180;
/** An older revision in its entry's list, which has grown by half when it grew last. */
const revisionBytes = 24;

/**
 * The room for the index of keys. It lives in the heap, and no member survives the heap's end: those that apply the
 * same log come to theirs at the same entry, and again after each start. So the space that is guarded is this, too.
 */
export class IndexRoom {
  readonly #bytesMax: number;

  /** @param heapBytes where the heap ends; the process's own unless given */
  constructor(heapBytes: number = getHeapStatistics().heap_size_limit) {
    this.#bytesMax = heapBytes * indexHeapShare;
  }

  /** Whether nothing more should come in. */
  isFull({ keys, keyBytes, revisions }: IndexSize): boolean {
    const older = Math.max(0, revisions - keys);
    const bytes = keys * entryBytes + keyBytes + older * revisionBytes;
    return keys >= indexKeysMax || bytes >= this.#bytesMax;
  }
}
