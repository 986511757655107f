/** Bytes that several holders share: whoever would pass the bound is told so and takes nothing. */
export class BytePool {
  readonly #limitBytes: number;
  #heldBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** The bytes that are taken now. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** @returns false when there are not so many left: nothing is taken */
  take(bytes: number): boolean {
    if (this.#heldBytes + bytes > this.#limitBytes) return false;
    this.#heldBytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#heldBytes -= bytes;
  }
}
