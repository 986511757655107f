/** Lets so many through at once; the others wait in line. */
export class Gate {
  #free: number;
  readonly #line: (() => void)[] = [];

  constructor(places: number) {
    this.#free = places;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#line.push(resolve));
    try {
      return await work();
    } finally {
      // The place goes to the next in line, if there is one.
      const next = this.#line.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}

/** A gate whose places no single owner may hold all of. */
export class SharedGate {
  readonly #all: Gate;
  readonly #placesEach: number;
  /** Of owners with work that waits or is under way. */
  readonly #owners = new Map<string, { readonly gate: Gate; work: number }>();

  constructor(places: number, placesEach: number) {
    this.#all = new Gate(places);
    this.#placesEach = placesEach;
  }

  async run<T>(owner: string, work: () => Promise<T>): Promise<T> {
    const own = this.#owners.get(owner) ?? { gate: new Gate(this.#placesEach), work: 0 };
    this.#owners.set(owner, own);
    own.work++;
    try {
      return await own.gate.run(() => this.#all.run(work));
    } finally {
      own.work--;
      if (own.work === 0) this.#owners.delete(owner);
    }
  }
}
