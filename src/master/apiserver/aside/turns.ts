import { turnEffort } from '../../../api/cel/limits.js';
import type { Effort } from '../../../api/cel/effort.js';

/** Shares out what the evaluation of expressions may take of each turn of the event loop. */
export class Turns {
  #spent = 0;
  #next: Promise<void> | undefined;

  /**
   * Does a piece of work with what one may take, in a turn that has room left: in this one, if it has. What it took
   * counts for the turn, however it ends.
   */
  async run<T>(work: (effort: Effort) => T): Promise<T> {
    // Nothing may come between the last look and the work: others have looked as well.
    while (this.#spent >= turnEffort) await (this.#next ??= this.#turn());
    const effort = { left: turnEffort };
    try {
      return work(effort);
    } finally {
      this.#spent += turnEffort - effort.left;
      // What took little now and then must not add up.
      if (this.#spent > 0) this.#next ??= this.#turn();
    }
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => {
      setImmediate(() => {
        this.#spent = 0;
        this.#next = undefined;
        resolve();
      });
    });
  }
}
