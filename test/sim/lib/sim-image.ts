/** The content of a database file: revisions in order, and the small tables. */
import type { RevisionVisitor } from '../../../src/etcd/backend/types.js';

/** A stored revision. */
export interface Row {
  readonly main: number;
  readonly sub: number;
  readonly tombstone: boolean;
  readonly value: Buffer;
}

/** A change of the content. */
export type Change =
  | { readonly kind: 'row'; readonly row: Row }
  | { readonly kind: 'drop'; readonly revisions: readonly (readonly [number, number])[] }
  | { readonly kind: 'put'; readonly bucket: string; readonly key: string; readonly value: Buffer }
  | { readonly kind: 'delete'; readonly bucket: string; readonly key: string };

/** See above. Values are shared between copies and never changed. */
export class Image {
  #rows: Row[] = [];
  readonly #buckets = new Map<string, Map<string, Buffer>>();
  /** Of all values. */
  bytes = 0;

  clone(): Image {
    const copy = new Image();
    copy.#rows = [...this.#rows];
    for (const [bucket, pairs] of this.#buckets) copy.#buckets.set(bucket, new Map(pairs));
    copy.bytes = this.bytes;
    return copy;
  }

  get rows(): readonly Row[] {
    return this.#rows;
  }

  applyAll(changes: readonly Change[]): void {
    for (const change of changes) this.apply(change);
  }

  apply(change: Change): void {
    switch (change.kind) {
      case 'row':
        this.#rows.push(change.row);
        this.bytes += change.row.value.length;
        return;
      case 'drop': {
        const gone = new Set(change.revisions.map(([main, sub]) => `${main}.${sub}`));
        this.#rows = this.#rows.filter(({ main, sub, value }) => {
          if (!gone.has(`${main}.${sub}`)) return true;
          this.bytes -= value.length;
          return false;
        });
        return;
      }
      case 'put': {
        const pairs = this.#buckets.get(change.bucket);
        if (pairs !== undefined) pairs.set(change.key, change.value);
        else this.#buckets.set(change.bucket, new Map([[change.key, change.value]]));
        return;
      }
      case 'delete':
        this.#buckets.get(change.bucket)?.delete(change.key);
    }
  }

  get(bucket: string, key: string): Buffer | undefined {
    return this.#buckets.get(bucket)?.get(key);
  }

  /** Ordered by key. */
  entries(bucket: string): [string, Buffer][] {
    const pairs = [...(this.#buckets.get(bucket) ?? [])];
    return pairs.sort((a, b) => (a[0] < b[0] ? -1 : 1));
  }

  find(main: number, sub: number): Row | undefined {
    for (let at = this.#lowerBound(main); this.#rows[at]?.main === main; at++) {
      if (this.#rows[at]?.sub === sub) return this.#rows[at];
    }
    return undefined;
  }

  /** See `Backend.scanRevisionsBounded`. */
  scan(
    fromMain: number,
    toMain: number,
    bounds: { readonly maxRows: number; readonly maxBytes: number },
    visit: RevisionVisitor,
  ): number {
    let count = 0;
    let bytes = 0;
    let last = fromMain - 1;
    for (let at = this.#lowerBound(fromMain); ; at++) {
      const row = this.#rows[at];
      if (row === undefined || row.main > toMain) return toMain;
      const isFull = count >= bounds.maxRows || bytes >= bounds.maxBytes;
      if (isFull && row.main !== last) return last;
      visit(row.main, row.sub, row.tombstone, row.value);
      count += 1;
      bytes += row.value.length;
      last = row.main;
    }
  }

  #lowerBound(main: number): number {
    let low = 0;
    let high = this.#rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#rows[middle] as Row).main < main) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
