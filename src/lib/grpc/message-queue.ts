/**
 * Messages between the transport, which pushes, and one reader, which iterates. It asks the transport to pause when it
 * holds `maxMessages` and to go on when the reader has taken half of them, so it stays bounded.
 */
export class MessageQueue<T> implements AsyncIterator<T> {
  readonly #maxMessages: number;
  readonly #flow: { pause(): void; resume(): void; abandoned(): void };
  #held: T[] = [];
  #taken = 0;
  #paused = false;
  #ended = false;
  #error: Error | undefined;
  #waiting: { resolve(result: IteratorResult<T>): void; reject(error: Error): void } | undefined;

  constructor(
    flow: { pause(): void; resume(): void; abandoned(): void },
    options: { readonly maxMessages?: number } = {},
  ) {
    this.#flow = flow;
    this.#maxMessages = options.maxMessages ?? 256;
  }

  push(message: T): void {
    if (this.#ended) return;
    const waiting = this.#waiting;
    if (waiting !== undefined) {
      this.#waiting = undefined;
      waiting.resolve({ value: message, done: false });
      return;
    }
    this.#held.push(message);
    if (!this.#paused && this.#length >= this.#maxMessages) {
      this.#paused = true;
      this.#flow.pause();
    }
  }

  /** No more messages; with an error, the reader gets it after those that are held. */
  end(error?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    this.#waiting = undefined;
    if (error === undefined) waiting.resolve({ value: undefined, done: true });
    else waiting.reject(error);
  }

  get #length(): number {
    return this.#held.length - this.#taken;
  }

  next(): Promise<IteratorResult<T>> {
    if (this.#length > 0) return Promise.resolve({ value: this.#take(), done: false });
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#ended) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  /** The reader left its loop. */
  return(): Promise<IteratorResult<T>> {
    this.#held = [];
    this.#taken = 0;
    if (!this.#ended) {
      this.#ended = true;
      this.#flow.abandoned();
    }
    return Promise.resolve({ value: undefined, done: true });
  }

  #take(): T {
    const message = this.#held[this.#taken] as T;
    this.#taken += 1;
    if (this.#taken === this.#held.length) {
      this.#held = [];
      this.#taken = 0;
    }
    if (this.#paused && this.#length <= this.#maxMessages / 2) {
      this.#paused = false;
      this.#flow.resume();
    }
    return message;
  }
}
