/** Breaks things around whole members, and repairs them. */
import { assertNever } from '../../src/lib/assert.js';
import type { Prng } from '../../src/lib/prng.js';
import type { StoreFault } from './store-options.js';
import type { SimProcess } from './store-process.js';
import type { StoreWorld } from './store-world.js';

/** Bytes at most that a full disk still takes. */
const fullDiskBytes = 2_000;

/** See above. */
export class StoreNemesis {
  readonly #world: StoreWorld;
  readonly #prng: Prng;

  constructor(world: StoreWorld) {
    this.#world = world;
    this.#prng = world.fork();
  }

  start(): void {
    this.#schedule();
  }

  #schedule(): void {
    const { nemesisEvery } = this.#world.options;
    this.#world.queue.add(this.#prng.between(nemesisEvery / 4, 2 * nemesisEvery), () => {
      if (this.#world.healed) return;
      this.#strike();
      this.#schedule();
    });
  }

  #strike(): void {
    const world = this.#world;
    const fault = this.#prng.pick(world.options.faults);
    const process = this.#prng.pick(world.processes);
    world.log(() => `nemesis: ${fault} ${process.name}`);
    world.trace.number(3, process.slot);
    world.count(fault);
    this.#do(fault, process);
  }

  #do(fault: StoreFault, process: SimProcess): void {
    const world = this.#world;
    const leader = world.leader();
    switch (fault) {
      case 'kill':
        return process.kill(false);
      case 'powerLoss':
        return process.kill(true);
      case 'killLeader':
        return leader?.kill(this.#prng.below(2) === 0);
      case 'powerAll':
        for (const one of world.processes) one.kill(true);
        return;
      case 'cleanStop':
        if (!process.paused) void process.stop();
        return;
      case 'pause':
        return this.#pause(process);
      case 'pauseLeader':
        if (leader !== undefined) this.#pause(leader);
        return;
      case 'partition':
        return this.#partition(() => this.#prng.below(2) === 0);
      case 'isolateLeader':
        return this.#partition((one) => one === leader);
      case 'oneWay':
        world.cut(process, this.#prng.pick(world.processes));
        return world.linksChanged(1_000_000);
      case 'mend':
        world.mend();
        return world.linksChanged(10_000);
      case 'transfer':
        if (leader !== undefined) {
          void world.operator.transfer(leader, this.#prng.pick(world.processes));
        }
        return;
      case 'replace':
        world.operator.replace(process);
        return;
      default:
        return this.#harmDisk(fault, process);
    }
  }

  #harmDisk(
    fault: 'bitFlip' | 'diskFull' | 'syncError' | 'slowDisk' | 'databaseFull' | 'clockJump',
    process: SimProcess,
  ): void {
    const world = this.#world;
    switch (fault) {
      case 'bitFlip':
        return this.#flipBit(process);
      case 'diskFull': {
        const { disk } = process;
        disk.capacityBytes = disk.usedBytes() + this.#prng.below(fullDiskBytes);
        world.queue.add(this.#prng.between(10_000, 2_000_000), () => {
          disk.capacityBytes = Infinity;
        });
        return;
      }
      case 'syncError':
        process.syncErrors += 1;
        process.disk.failingSyncCode = this.#prng.below(2) === 0 ? 'EIO' : 'ENOSPC';
        process.disk.failingSyncs = 1;
        return;
      case 'slowDisk':
        process.slowDiskUntil = world.queue.now + this.#prng.below(2_000_000);
        return;
      case 'databaseFull':
        process.databases.failingCommits = this.#prng.between(1, 5);
        return;
      case 'clockJump':
        process.clock.jump(this.#prng.between(-3_600_000, 3_600_000));
        return;
      default:
        assertNever(fault, 'fault');
    }
  }

  #pause(process: SimProcess): void {
    if (process.status !== 'up' || process.paused) return;
    const world = this.#world;
    const { life } = process;
    process.paused = true;
    world.queue.add(this.#prng.between(20_000, 4_000_000), () => {
      if (process.life === life) this.#resume(process);
    });
  }

  #resume(process: SimProcess): void {
    process.paused = false;
    this.#world.queue.resume(process);
  }

  #partition(isOnOneSide: (process: SimProcess) => boolean): void {
    const world = this.#world;
    world.mend();
    const side = new Set(world.processes.filter(isOnOneSide));
    for (const a of world.processes) {
      for (const b of world.processes) if (side.has(a) !== side.has(b)) world.cut(a, b);
    }
    world.linksChanged(1_000_000);
  }

  /** In the files of a member that is down, of a minority, and no other is being replaced. */
  #flipBit(process: SimProcess): void {
    const world = this.#world;
    if (!world.operator.mayLoseOne || process.status !== 'up') return;
    const directory = process.walDirectory;
    process.kill(this.#prng.below(2) === 0);
    const { disk } = process;
    const names = disk.list(directory).filter((name) => name.endsWith('.wal'));
    if (names.length === 0) return;
    const path = `${directory}/${this.#prng.pick(names)}`;
    const file = disk.open(path, { create: false });
    const content = Buffer.alloc(file.size());
    file.read(content, 0);
    file.close();
    const used = content.findLastIndex((byte) => byte !== 0) + 1;
    if (used === 0) return;
    process.flipped = true;
    disk.flipBit(path, this.#prng.below(used * 8));
  }

  /** Ends all faults. */
  heal(): void {
    for (const process of this.#world.processes) {
      process.disk.capacityBytes = Infinity;
      process.disk.failingSyncs = 0;
      process.databases.failingCommits = 0;
      process.slowDiskUntil = 0;
      if (process.paused) this.#resume(process);
    }
  }
}
