/** The turns of the event loop, for a simulation that takes one event in each. */

/** Turns that the event loop is asked for at once. */
const turnsAtOnce = 64;

/** One for each simulated world. */
export class Turns {
  #left = 0;
  #waiting: (() => void) | undefined;

  /**
   * Resolves when everything that promises have in store has happened, and rejections that nobody handled have been
   * told. Node does both between two immediates, and a round of its loop for each would cost ten times as much.
   */
  next(): Promise<void> {
    if (this.#left === 0) {
      this.#left = turnsAtOnce;
      for (let n = 0; n < turnsAtOnce; n++) setImmediate(this.#turn);
    }
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  readonly #turn = (): void => {
    this.#left -= 1;
    const resolve = this.#waiting;
    this.#waiting = undefined;
    resolve?.();
  };
}
