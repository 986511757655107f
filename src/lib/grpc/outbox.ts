import type { Http2Stream } from 'node:http2';
import { frameMessage } from './framing.js';

/** Bytes that may wait for the transport before a sender is told to hold back. */
const highWaterBytes = 256 * 1024;

/**
 * Gathers the messages of one event-loop turn into one write, and says when the transport is full. Shared by both ends
 * of a call.
 */
export class Outbox {
  readonly #stream: Http2Stream;
  #frames: Buffer[] = [];
  #bytes = 0;
  #scheduled = false;
  #ended = false;
  #waiting: (() => void)[] = [];

  constructor(stream: Http2Stream) {
    this.#stream = stream;
    stream.on('drain', () => this.#wake());
    stream.on('close', () => {
      this.#ended = true;
      this.#frames = [];
      this.#wake();
    });
  }

  get ended(): boolean {
    return this.#ended || this.#stream.destroyed || this.#stream.closed;
  }

  /** @returns false when the sender should wait for {@link drained}. */
  push(message: Uint8Array): boolean {
    if (this.ended) return true;
    const frame = frameMessage(message);
    this.#frames.push(frame);
    this.#bytes += frame.length;
    if (!this.#scheduled) {
      this.#scheduled = true;
      process.nextTick(() => this.flush());
    }
    return !this.#full;
  }

  get #full(): boolean {
    return this.#bytes + this.#stream.writableLength >= highWaterBytes;
  }

  drained(): Promise<void> {
    if (this.ended || !this.#full) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Hands what has gathered to the transport. */
  flush(): void {
    this.#scheduled = false;
    if (this.#frames.length === 0) return;
    const [first] = this.#frames;
    const bytes =
      this.#frames.length === 1 && first !== undefined
        ? first
        : Buffer.concat(this.#frames, this.#bytes);
    this.#frames = [];
    this.#bytes = 0;
    if (!this.ended && this.#stream.writable) {
      this.#stream.write(bytes, () => {
        if (!this.#full) this.#wake();
      });
    } else {
      this.#wake();
    }
  }

  #wake(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }
}
