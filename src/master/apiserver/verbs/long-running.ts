import { tooManyInFlight } from '../status.js';

/** Long requests of each user, bounded by a count: watches, or connections to nodes. */
export class LongRunning {
  readonly #limitPerUser: number;
  readonly #byUser = new Map<string, number>();
  #all = 0;

  constructor(limitPerUser: number) {
    this.#limitPerUser = limitPerUser;
  }

  /** Holds one of the user's places while `work` runs. @throws StatusError 429 when all are taken */
  async run<T>(user: string, work: () => Promise<T>): Promise<T> {
    const present = this.#byUser.get(user) ?? 0;
    if (present >= this.#limitPerUser) throw tooManyInFlight();
    this.#byUser.set(user, present + 1);
    this.#all++;
    try {
      return await work();
    } finally {
      this.#all--;
      const left = (this.#byUser.get(user) ?? 1) - 1;
      if (left === 0) this.#byUser.delete(user);
      else this.#byUser.set(user, left);
    }
  }

  get count(): number {
    return this.#all;
  }
}
