import type { StoredKeyValue } from './key-value.js';

/**
 * All revisions of one key that are not compacted. The latest stands in fields, older ones in one flat list.
 *
 * Example: put at 5, put at 7, delete at 9, put at 12 gives
 *
 *     latest  12.0  create=12 version=1
 *     older   [5.0, 7.0, 9.0 tombstone]      generations: {5, 7, 9t}, {12}
 *
 *     get at 4: none     at 8: 7.0     at 10: none (9 is a tombstone)     at 20: 12.0
 *     compact at 8:  drops 5.0             (7.0 is what a read at 8 still finds)
 *     compact at 9:  drops 5.0, 7.0        (9t stays: a watch from 9 must see the deletion)
 *     compact at 10: drops 5.0, 7.0, 9t
 *
 * Create revision and version of older revisions are in their stored bytes.
 */
export class KeyEntry {
  /** Latin1: one char a byte. */
  readonly key: string;
  /** Latest revision. */
  main = 0;
  sub = 0;
  /** Of the latest revision; 0 says that it is a tombstone. */
  version = 0;
  create = 0;
  lease = 0n;
  /** The latest pair, while the cache has room for it. Undefined for a tombstone. */
  cached: StoredKeyValue | undefined = undefined;
  /** For the cache: it is in the queue; it was read since it came there. */
  queued = false;
  hot = false;
  /** The leaf of the ordered index that holds the entry. */
  leaf: Leaf | undefined = undefined;
  /** Pairs of main and `sub * 2 + (tombstone ? 1 : 0)`, ascending, without the latest. */
  #older: number[] | undefined = undefined;

  constructor(key: string) {
    this.key = key;
  }

  /** Makes (main, sub) the latest revision; `version` 0 for a tombstone. */
  advance(main: number, sub: number, create: number, version: number, lease: bigint): void {
    if (this.main !== 0) {
      const flagged = this.sub * 2 + (this.version === 0 ? 1 : 0);
      if (this.#older === undefined) this.#older = [this.main, flagged];
      else this.#older.push(this.main, flagged);
    }
    this.main = main;
    this.sub = sub;
    this.create = create;
    this.version = version;
    this.lease = lease;
  }

  /** All revisions, oldest first. */
  revisions(): { readonly main: number; readonly sub: number; readonly tombstone: boolean }[] {
    const older = this.#older ?? [];
    const all = [];
    for (let at = 0; at < older.length; at += 2) {
      const [main = 0, flagged = 0] = older.slice(at, at + 2);
      all.push({ main, sub: flagged >>> 1, tombstone: (flagged & 1) === 1 });
    }
    all.push({ main: this.main, sub: this.sub, tombstone: this.version === 0 });
    return all;
  }

  /** True when a read at `rev` finds the key. */
  aliveAt(rev: number): boolean {
    if (this.main <= rev) return this.version > 0;
    const at = this.#find(rev);
    return at >= 0 && !this.#isTombstone(at);
  }

  /** The revision that a read at `rev` finds, as `[main, sub]`; undefined if none or a tombstone. */
  revisionAt(rev: number): readonly [main: number, sub: number] | undefined {
    if (this.main <= rev) return this.version > 0 ? [this.main, this.sub] : undefined;
    const at = this.#find(rev);
    if (at < 0 || this.#isTombstone(at)) return undefined;
    return [this.#older?.[at] ?? 0, (this.#older?.[at + 1] ?? 0) >>> 1];
  }

  /** True when a compaction at `rev` leaves this revision (main <= rev) in place. */
  survives(main: number, sub: number, rev: number): boolean {
    if (this.main <= rev) {
      return this.main === main && this.sub === sub && (this.version > 0 || main === rev);
    }
    const at = this.#find(rev);
    if (at < 0 || this.#older?.[at] !== main) return false;
    return (this.#older[at + 1] ?? 0) >>> 1 === sub && (!this.#isTombstone(at) || main === rev);
  }

  /** True when `compact(rev)` would drop something. */
  isCompactable(rev: number): boolean {
    if (this.#older !== undefined) return (this.#older[0] ?? Infinity) <= rev;
    return this.version === 0 && this.main < rev;
  }

  /**
   * Drops what no read or watch from `rev` on can find, calling `drop` for each.
   * @returns true when nothing is left: the key can be forgotten.
   */
  compact(rev: number, drop: (main: number, sub: number) => void): boolean {
    const older = this.#older;
    if (this.main <= rev) {
      if (older !== undefined) this.#dropFirst(older, older.length, drop);
      if (this.version > 0 || this.main === rev) return false;
      drop(this.main, this.sub);
      return true;
    }
    if (older === undefined) return false;
    const at = this.#find(rev);
    if (at < 0) return false;
    const dropsFound = this.#isTombstone(at) && (older[at] ?? 0) < rev;
    this.#dropFirst(older, dropsFound ? at + 2 : at, drop);
    return false;
  }

  #dropFirst(older: number[], length: number, drop: (main: number, sub: number) => void): void {
    for (let at = 0; at < length; at += 2) drop(older[at] ?? 0, (older[at + 1] ?? 0) >>> 1);
    this.#older = length === older.length ? undefined : older.slice(length);
  }

  /** Position of the last older revision with main <= `rev`, or -1. */
  #find(rev: number): number {
    const older = this.#older;
    if (older === undefined) return -1;
    let low = 0;
    let high = older.length >>> 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((older[2 * middle] ?? 0) <= rev) low = middle + 1;
      else high = middle;
    }
    return 2 * (low - 1);
  }

  #isTombstone(at: number): boolean {
    return ((this.#older?.[at + 1] ?? 0) & 1) === 1;
  }
}

/** A run of neighbouring keys in the ordered index. */
export class Leaf {
  entries: KeyEntry[] = [];
  /** The number of entries that are not deleted. */
  live = 0;
}
