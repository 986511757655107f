import type { Clock } from '../../lib/clock.js';

/** Answers that hold for a while. Of too many, the oldest are forgotten. */
export class Memory<Value> {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #most: number;
  /** Oldest first. */
  readonly #entries = new Map<string, { readonly value: Value; readonly untilMs: number }>();

  constructor(clock: Pick<Clock, 'monotonicMs'>, most: number) {
    this.#clock = clock;
    this.#most = most;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): Value | undefined {
    const found = this.#entries.get(key);
    if (found === undefined) return undefined;
    if (this.#clock.monotonicMs() < found.untilMs) return found.value;
    this.#entries.delete(key);
    return undefined;
  }

  set(key: string, value: Value, forMs: number): void {
    this.#entries.delete(key);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size >= this.#most && oldest !== undefined) this.#entries.delete(oldest);
    this.#entries.set(key, { value, untilMs: this.#clock.monotonicMs() + forMs });
  }
}
