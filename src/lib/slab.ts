/**
 * Cuts buffers out of large pieces: for many small ones that are kept about equally long, such as log entries. Each
 * costs a view instead of an allocation of its own, and a piece is freed when the last buffer cut out of it is.
 */
export class Slab {
  readonly #pieceBytes: number;
  #piece: Buffer = Buffer.alloc(0);
  #used = 0;

  /** @param pieceBytes what a single buffer that outlives the others keeps in memory */
  constructor(pieceBytes = 64 * 1024) {
    this.#pieceBytes = pieceBytes;
  }

  /** A buffer of `length` bytes with whatever is in it; one that is large gets memory of its own. */
  take(length: number): Buffer {
    if (length > this.#pieceBytes / 8) return Buffer.allocUnsafeSlow(length);
    if (this.#used + length > this.#piece.length) {
      this.#piece = Buffer.allocUnsafeSlow(this.#pieceBytes);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += length;
    return this.#piece.subarray(start, this.#used);
  }
}
