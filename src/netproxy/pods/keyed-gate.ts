import { Gate } from '../../lib/gate.js';

/** Runs jobs of one key one after the other, and at most `limit` in all at once. */
export class KeyedGate {
  readonly #gate: Gate;
  readonly #tails = new Map<string, Promise<unknown>>();

  constructor(limit: number) {
    this.#gate = new Gate(limit);
  }

  async run<T>(key: string, job: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const mine = before.then(() => this.#gate.run(job));
    const tail = mine.catch(() => undefined);
    this.#tails.set(key, tail);
    try {
      return await mine;
    } finally {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    }
  }
}
