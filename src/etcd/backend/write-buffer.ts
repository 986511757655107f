/**
 * Revisions that wait for the next batch, in order. Appending is three array pushes; nothing is allocated per row
 * beyond what the caller made.
 */
export class WriteBuffer {
  readonly mains: number[] = [];
  readonly subs: number[] = [];
  readonly tombstones: boolean[] = [];
  readonly values: Buffer[] = [];
  /** Bytes of all values. */
  bytes = 0;

  get length(): number {
    return this.mains.length;
  }

  push(main: number, sub: number, tombstone: boolean, value: Buffer): void {
    this.mains.push(main);
    this.subs.push(sub);
    this.tombstones.push(tombstone);
    this.values.push(value);
    this.bytes += value.length;
  }

  /** Position of the first row with main >= `main`. */
  lowerBound(main: number): number {
    let low = 0;
    let high = this.mains.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.mains[middle] ?? 0) < main) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  get(main: number, sub: number): Buffer | undefined {
    for (let at = this.lowerBound(main); this.mains[at] === main; at++) {
      if (this.subs[at] === sub) return this.values[at];
    }
    return undefined;
  }

  clear(): void {
    this.mains.length = 0;
    this.subs.length = 0;
    this.tombstones.length = 0;
    this.values.length = 0;
    this.bytes = 0;
  }
}
