import type { Http2Stream } from '../http2/index.js';
import { compressed } from './compression.js';
import { joined } from './framing.js';

/** The sending half of a call on a stream, for both ends: who may go on, who waits for room. */
export class Outbox {
  readonly #stream: Http2Stream;
  readonly #compress: boolean;
  #waiting: (() => void)[] = [];

  /** @param compress send what is not empty with gzip; the headers must say so */
  constructor(stream: Http2Stream, compress = false) {
    this.#stream = stream;
    this.#compress = compress;
  }

  get ended(): boolean {
    return this.#stream.closed || this.#stream.localEnded;
  }

  /**
   * @param parts a message, cut anywhere
   * @returns false when the sender should wait for {@link drained}.
   */
  push(parts: readonly Uint8Array[]): boolean {
    if (!this.#compress || parts.every((part) => part.length === 0)) {
      return this.#stream.message(parts);
    }
    return this.#stream.message([compressed(joined(parts))], 1);
  }

  drained(): Promise<void> {
    if (this.ended || !this.#stream.full) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** The stream has room again, or is over. */
  wake(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }
}
