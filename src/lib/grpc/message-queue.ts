/** The messages, and their bytes, that are held before the transport is asked to pause. */
const maxMessages = 256;
const maxBytes = 1024 * 1024;

/** The calls by which a queue pauses its transport, resumes it, and gives it up. */
export interface Flow {
  pause(): void;
  resume(): void;
  abandoned(): void;
  /** A message has gone to the reader. @param bytes as it was pushed @param isEmpty the queue holds nothing now */
  taken?(bytes: number, isEmpty: boolean): void;
}

/**
 * Messages between the transport, which pushes, and one reader, which iterates. It asks the transport to pause when it
 * holds many messages, or large ones, and to go on when the reader has taken half of them, so it stays bounded.
 */
export class MessageQueue<T> implements AsyncIterator<T> {
  readonly #flow: Flow;
  #held: T[] = [];
  #sizes: number[] = [];
  #bytes = 0;
  #taken = 0;
  #paused = false;
  #ended = false;
  #error: Error | undefined;
  #waiting: { resolve(result: IteratorResult<T>): void; reject(error: Error): void } | undefined;

  constructor(flow: Flow) {
    this.#flow = flow;
  }

  /** The transport is to wait. */
  get paused(): boolean {
    return this.#paused;
  }

  /** A reader waits: the next message goes to it at once. */
  get hasReader(): boolean {
    return this.#waiting !== undefined;
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** @param bytes the length of the message */
  push(message: T, bytes: number): void {
    if (this.#ended) return;
    const waiting = this.#waiting;
    if (waiting !== undefined) {
      this.#waiting = undefined;
      waiting.resolve({ value: message, done: false });
      this.#flow.taken?.(bytes, true);
      return;
    }
    this.#held.push(message);
    this.#sizes.push(bytes);
    this.#bytes += bytes;
    if (!this.#paused && (this.#length >= maxMessages || this.#bytes >= maxBytes)) {
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
    this.#clear();
    if (!this.#ended) {
      this.#ended = true;
      this.#flow.abandoned();
    }
    return Promise.resolve({ value: undefined, done: true });
  }

  #take(): T {
    const message = this.#held[this.#taken] as T;
    const bytes = this.#sizes[this.#taken] as number;
    this.#bytes -= bytes;
    this.#taken += 1;
    if (this.#taken === this.#held.length) this.#clear();
    this.#flow.taken?.(bytes, this.isEmpty);
    if (this.#paused && this.#length <= maxMessages / 2 && this.#bytes <= maxBytes / 2) {
      this.#paused = false;
      this.#flow.resume();
    }
    return message;
  }

  #clear(): void {
    this.#held = [];
    this.#sizes = [];
    this.#bytes = 0;
    this.#taken = 0;
  }
}
