/**
 * Draws the faults: processes die, stand still, are cut off; streams break or stall; the store's watch is lost; wall
 * clocks jump.
 */
import type { Prng } from '../../../src/lib/prng.js';
import type { SimProcess } from './process.js';
import type { ControlPlaneWorld } from './world.js';

/** See above. */
export class Nemesis {
  readonly #world: ControlPlaneWorld;
  readonly #prng: Prng;
  readonly #acts: readonly (() => void)[];

  constructor(world: ControlPlaneWorld) {
    this.#world = world;
    this.#prng = world.fork();
    this.#acts = [
      () => this.#pick(world.apiServers).kill(),
      () => this.#pick(world.components).kill(),
      () => this.#pick(world.components).kill(),
      () => this.#pick(world.components).terminate(),
      () => this.#pick(world.apiServers).terminate(),
      () => this.#pick(world.machines).agent.kill(),
      () => this.#loseMachine(),
      () => this.#pause(this.#leading()),
      () => this.#pause(this.#leading()),
      () => this.#cut(this.#leading()),
      () => this.#pause(this.#pick(world.machines).agent),
      () => this.#pause(this.#pick(world.apiServers)),
      () =>
        this.#cut(this.#pick([...world.components, ...world.machines.map(({ agent }) => agent)])),
      () => this.#breakStreams(),
      () => this.#stall(),
      () => this.#pick(world.apiServers).link?.loseWatch(),
      () => this.#stallStore(),
      () => this.#jump(this.#pick([...world.components, ...world.apiServers])),
    ];
  }

  start(): void {
    const { nemesisUsMax } = this.#world.options;
    if (nemesisUsMax === 0) return;
    const next = (): void => {
      this.#world.queue.add(this.#prng.between(500_000, nemesisUsMax), () => {
        if (this.#world.healed) return;
        this.#prng.pick(this.#acts)();
        next();
      });
    };
    next();
  }

  /** No fault is left behind. */
  heal(): void {
    for (const { link } of this.#world.apiServers) if (link !== undefined) link.stalledUntilUs = 0;
  }

  #pick<T>(items: readonly T[]): T {
    return this.#prng.pick(items);
  }

  /** Somebody who leads, if there is one: it is the one to watch. */
  #leading(): SimProcess {
    const { components } = this.#world;
    const leading = components.filter(({ leadsSinceUs }) => leadsSinceUs !== undefined);
    return this.#pick(leading.length === 0 ? components : leading);
  }

  #loseMachine(): void {
    if (!this.#world.options.machinesDie) return;
    this.#world.count('machines lost');
    this.#pick(this.#world.machines).kill();
  }

  #pause(process: SimProcess): void {
    const { life } = process;
    if (life === undefined) return;
    this.#world.log(() => `${process.name} stands still`);
    this.#world.count('pauses');
    process.pause();
    this.#world.queue.add(this.#prng.between(100_000, 14_000_000), () => {
      if (process.life === life) process.resume();
    });
  }

  #cut(process: SimProcess): void {
    const world = this.#world;
    const servers = this.#prng.chance({ numerator: 1, denominator: 2 })
      ? world.apiServers
      : [this.#pick(world.apiServers)];
    world.log(() => `${process.name} is cut off`);
    world.count('cuts');
    for (const server of servers) world.network.cut(process, server);
    world.queue.add(this.#prng.between(500_000, 12_000_000), () => world.network.mend());
  }

  #breakStreams(): void {
    const { network } = this.#world;
    for (const stream of network.streams) {
      if (!this.#prng.chance({ numerator: 1, denominator: 4 })) continue;
      this.#world.count('watches broken');
      stream.break();
    }
  }

  #stall(): void {
    const { network, queue, components, machines } = this.#world;
    const { life } = this.#pick([...components, ...machines.map(({ agent }) => agent)]);
    if (life === undefined) return;
    this.#world.count('watches stalled');
    network.stalls.set(life, queue.now + this.#prng.between(100_000, 5_000_000));
  }

  #stallStore(): void {
    const { link } = this.#pick(this.#world.apiServers);
    if (link === undefined) return;
    link.stalledUntilUs = this.#world.queue.now + this.#prng.between(50_000, 2_500_000);
  }

  #jump(process: SimProcess): void {
    if (process.up) process.clock.jump(this.#prng.between(-5_000, 5_000));
  }
}
