const [quote, backslash, open, close] = Array.from('"\\{}', (char) => char.charCodeAt(0));

/**
 * Cuts a stream of JSON objects, one behind the other, into its objects, wherever it comes in pieces. Looks at each
 * byte once, and at bytes rather than characters, since a character may lie across two pieces; those that matter are no
 * part of any other in UTF-8.
 */
export class ValueSplitter {
  /** The received part of the present object. */
  #pieces: Buffer[] = [];
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** Bytes of the present object so far, or of what stands before the next. */
  sizeBytes = 0;

  /** @returns the objects that end in this piece, with what stands before each */
  push(piece: Buffer): string[] {
    const values: string[] = [];
    let from = 0;
    for (let at = 0; at < piece.length; at++) {
      if (!this.#ends(piece[at])) continue;
      this.#keep(piece.subarray(from, at + 1));
      values.push(this.rest());
      from = at + 1;
    }
    this.#keep(piece.subarray(from));
    return values;
  }

  /** Takes the received part of an object that is not complete. */
  rest(): string {
    const text = Buffer.concat(this.#pieces).toString();
    this.#pieces = [];
    this.sizeBytes = 0;
    return text;
  }

  #keep(piece: Buffer): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.sizeBytes += piece.length;
  }

  /** Tells whether an object ends with this byte. */
  #ends(byte: number | undefined): boolean {
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false;
      else if (byte === backslash) this.#escaped = true;
      else if (byte === quote) this.#inString = false;
    } else if (byte === quote) this.#inString = true;
    else if (byte === open) this.#depth++;
    else if (byte === close && this.#depth > 0) return --this.#depth === 0;
    return false;
  }
}
