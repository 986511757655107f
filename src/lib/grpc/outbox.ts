import type { Http2Stream } from '../http2/index.js';

/** The sending half of a call on a stream, for both ends: who may go on, who waits for room. */
export class Outbox {
  readonly #stream: Http2Stream;
  #waiting: (() => void)[] = [];

  constructor(stream: Http2Stream) {
    this.#stream = stream;
  }

  get ended(): boolean {
    return this.#stream.closed || this.#stream.localEnded;
  }

  /** @returns false when the sender should wait for {@link drained}. */
  push(message: Uint8Array): boolean {
    return this.#stream.message(message);
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
