/** A process of the control plane: it starts, dies, stands still and comes back; each life has events of its own. */
import type { Logger } from '../../../src/lib/log.js';
import type { Prng } from '../../../src/lib/prng.js';
import type { EventOwner } from '../lib/event-queue.js';
import { SimClock } from '../lib/sim-clock.js';
import type { ControlPlaneWorld } from './world.js';

/** A life of a process. Its waits never resolve once it is over, so code of a dead process goes no further. */
export class Life implements EventOwner {
  readonly number: number;
  paused = false;
  over = false;

  constructor(number: number) {
    this.number = number;
  }

  /** Of a dead process none is equal to another: also what its code asks for after the end never comes. */
  get life(): number {
    return this.over ? Number.NaN : this.number;
  }
}

/** See above. */
export abstract class SimProcess {
  readonly world: ControlPlaneWorld;
  readonly name: string;
  readonly #prng: Prng;
  readonly #driftPpm: number;
  #life: Life | undefined;
  #lives = 0;
  #clock: SimClock | undefined;

  constructor(world: ControlPlaneWorld, name: string) {
    this.world = world;
    this.name = name;
    this.#prng = world.fork();
    const { driftPpmMax } = world.options;
    this.#driftPpm = this.#prng.between(-driftPpmMax, driftPpmMax);
  }

  /** The present life; undefined while it is down. */
  get life(): Life | undefined {
    return this.#life;
  }

  get up(): boolean {
    return this.#life !== undefined;
  }

  get paused(): boolean {
    return this.#life?.paused ?? false;
  }

  /** Of the present life. */
  get clock(): SimClock {
    if (this.#clock === undefined) throw new Error(`${this.name} has no clock while it is down`);
    return this.#clock;
  }

  get prng(): Prng {
    return this.#prng;
  }

  start(): void {
    if (this.#life !== undefined) return;
    this.#lives += 1;
    const life = new Life(this.#lives);
    this.#life = life;
    const { lateUsMax } = this.world.options;
    this.#clock = new SimClock(this.world.queue, life, {
      prng: this.#prng.fork(),
      driftPpm: this.#driftPpm,
      lateUsMax,
    });
    this.world.trace.number(3, this.#lives);
    this.world.log(() => `${this.name} starts`);
    this.begin(life);
  }

  /** Ends at once, whatever it was about. */
  kill(): void {
    const life = this.#life;
    if (life === undefined) return;
    this.world.log(() => `${this.name} dies`);
    life.over = true;
    life.paused = false;
    this.world.queue.resume(life);
    this.#life = undefined;
    this.ended();
    this.world.network.lifeEnded(life);
    this.world.lifeEnded(this);
  }

  pause(): void {
    if (this.#life !== undefined) this.#life.paused = true;
  }

  resume(): void {
    const life = this.#life;
    if (life === undefined || !life.paused) return;
    life.paused = false;
    this.world.queue.resume(life);
  }

  /** The log of this process, for who reads along. */
  logger(): Logger {
    return this.world.logger(this.name);
  }

  protected abstract begin(life: Life): void;
  protected abstract ended(): void;
}
