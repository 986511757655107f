/** A digest of all that happens, to compare two runs with. */
import { crc32c } from '../../../src/lib/crc32c.js';

/** See above. */
export class Trace {
  hash = 0;
  readonly #words = Buffer.alloc(12);

  number(kind: number, value: number): void {
    this.#words.writeUInt32LE(kind, 0);
    this.#words.writeDoubleLE(value, 4);
    this.hash = crc32c(this.#words, this.hash);
  }

  bytes(bytes: Uint8Array): void {
    this.hash = crc32c(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), this.hash);
  }

  text(text: string): void {
    this.hash = crc32c(Buffer.from(text), this.hash);
  }
}
