/**
 * The operator: looks at the cluster again and again and does the next thing that brings it to what it should be: every
 * slot holds a voter.
 * A member whose disk is lost is removed, then added anew, as a learner or at once.
 */
import { isGrpcError } from '../../src/lib/grpc/types.js';
import type { Prng } from '../../src/lib/prng.js';
import type { Member } from '../../src/gen/etcd/rpc.js';
import { moveLeader } from '../../src/etcd/member/leader-transfer.js';
import { callContext } from './store-calls.js';
import type { SimProcess } from './store-process.js';
import type { StoreWorld } from './store-world.js';

/** See above. */
export class Operator {
  readonly #world: StoreWorld;
  readonly #prng: Prng;
  /** The slot whose member is to be replaced. */
  #replacing: SimProcess | undefined;
  /** Its old member, as long as it may be in the cluster. */
  #oldId: bigint | undefined;
  /** Why the last step failed. */
  #problem = '';

  constructor(world: StoreWorld) {
    this.#world = world;
    this.#prng = world.fork();
  }

  get idle(): boolean {
    return this.#replacing === undefined && this.#broken() === undefined;
  }

  /** True when the files of one member may be lost without danger to the quorum: no other's are lost, or may be. */
  get mayLoseOne(): boolean {
    const { options, processes } = this.#world;
    return options.memberCount >= 3 && this.idle && !processes.some(({ flipped }) => flipped);
  }

  start(): void {
    void this.#run();
  }

  describe(): string {
    if (this.#replacing === undefined) return 'nothing to do';
    const { name } = this.#replacing;
    return `replacing ${name}, old member ${this.#oldId?.toString(16)}: ${this.#problem}`;
  }

  /**
   * Takes a member's disk away and puts an empty one in its place.
   * @returns false where that would be too much at once
   */
  replace(process: SimProcess): boolean {
    if (!this.mayLoseOne || process.status !== 'up' || process.server === undefined) return false;
    const { voters } = process.server.membership;
    if (voters.length < this.#world.options.memberCount) return false;
    this.#begin(process);
    process.end('removed');
    return true;
  }

  /** Hands leadership to somebody. */
  async transfer(from: SimProcess, to: SimProcess): Promise<void> {
    const { server } = from;
    if (server === undefined || to.memberId === 0n) return;
    const target = to.memberId;
    try {
      await this.#world.clients.calls.call(from, () => moveLeader(server, target));
    } catch (error) {
      if (!isGrpcError(error)) throw error;
    }
  }

  #begin(process: SimProcess): void {
    this.#world.count('replacements');
    this.#replacing = process;
    this.#oldId = this.#idOf(process);
  }

  #idOf(process: SimProcess): bigint | undefined {
    return process.memberId === 0n ? process.lastMemberId : process.memberId;
  }

  /** A member that ended for good by itself. */
  #broken(): SimProcess | undefined {
    return this.#world.processes.find(({ status }) => status === 'damaged' || status === 'removed');
  }

  async #run(): Promise<void> {
    for (;;) {
      await this.#world.sleep(this.#prng.between(50_000, 300_000));
      const broken = this.#broken();
      if (this.#replacing === undefined && broken !== undefined) this.#begin(broken);
      if (this.#replacing === undefined) continue;
      try {
        await this.#next(this.#replacing);
      } catch (error) {
        if (!isGrpcError(error)) throw error;
        this.#problem = error.message;
      }
    }
  }

  async #next(process: SimProcess): Promise<void> {
    const world = this.#world;
    const others = world.processes.filter((other) => other !== process && other.status === 'up');
    if (others.length === 0) return;
    const target = this.#prng.pick(others);
    const { calls } = world.clients;
    const { members } = await calls.call(target, ({ cluster }) =>
      cluster.memberList({ linearizable: true }, callContext),
    );
    const oldId = this.#oldId;
    if (oldId !== undefined) {
      if (members.some(({ ID }) => ID === oldId)) {
        await calls.call(target, ({ cluster }) => cluster.memberRemove({ ID: oldId }, callContext));
      } else {
        this.#oldId = undefined;
        process.wipe();
      }
      return;
    }
    await this.#bringIn(process, members, target);
  }

  async #bringIn(
    process: SimProcess,
    members: readonly Member[],
    target: SimProcess,
  ): Promise<void> {
    const { calls } = this.#world.clients;
    const entry = members.find(({ peerURLs }) => peerURLs.includes(process.peerUrl));
    if (entry === undefined) {
      const isLearner = this.#prng.below(2) === 0;
      const request = { peerURLs: [process.peerUrl], isLearner };
      await calls.call(target, ({ cluster }) => cluster.memberAdd(request, callContext));
      return;
    }
    if (process.status === 'down') {
      process.start();
      return;
    }
    if (process.status === 'damaged' || process.status === 'removed') {
      this.#oldId = entry.ID;
      return;
    }
    if (entry.isLearner) {
      const { ID } = entry;
      await calls.call(target, ({ cluster }) => cluster.memberPromote({ ID }, callContext));
      return;
    }
    if (process.status === 'up' && process.memberId === entry.ID) this.#replacing = undefined;
  }
}
