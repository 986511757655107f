/** Clients that write down what they asked and what they were told, watchers and lease holders among them. */
import { isGrpcError } from '../../src/lib/grpc/types.js';
import type { Prng } from '../../src/lib/prng.js';
import type { Recorded } from '../robustness/history.js';
import type { Input, Output } from '../robustness/register-model.js';
import { Calls, callContext, isDefinite } from './store-calls.js';
import { check } from './lib/sim-error.js';
import { LeaseHolders } from './store-leases.js';
import type { SimProcess } from './store-process.js';
import { drawWrite, found, keyPrefix, perform, range } from './store-requests.js';
import { StoreWatchers } from './store-watchers.js';
import type { StoreWorld } from './store-world.js';

const compactedText = 'required revision has been compacted';

/** All clients of a run. */
export class Clients {
  readonly calls: Calls;
  readonly history: Recorded[] = [];
  /** Values whose writing was refused for sure. */
  readonly refused = new Set<string>();
  readonly watchers: StoreWatchers;
  readonly leases: LeaseHolders;
  readonly #world: StoreWorld;
  /** Revisions below it were given up, as a client was told. */
  #compacted = 0;
  #newest = 1;
  stopping = false;

  constructor(world: StoreWorld) {
    this.#world = world;
    this.calls = new Calls(world);
    this.watchers = new StoreWatchers(world);
    this.leases = new LeaseHolders(world, this.calls);
  }

  start(): void {
    const { clients } = this.#world.options;
    for (let id = 0; id < clients.count; id++) void this.#run(id, this.#world.fork());
    this.watchers.start();
    this.leases.start();
  }

  /** A process that a client may think is there. */
  pick(prng: Prng): SimProcess {
    return prng.pick(this.#world.processes);
  }

  async #run(id: number, prng: Prng): Promise<void> {
    const world = this.#world;
    const { keys, thinkMax, compact } = world.options.clients;
    const revisions = new Map<string, number>();
    let target = this.pick(prng);
    for (let count = 1; !this.stopping; count++) {
      await world.sleep(prng.below(thinkMax) + 100);
      if (prng.below(30) === 0) target = this.pick(prng);
      if (prng.chance(compact)) {
        await this.#compact(target, prng);
        continue;
      }
      const key = `${keyPrefix}${prng.below(keys)}`;
      const value = `${id}.${count}`;
      const dice = prng.below(100);
      let isFine: boolean;
      if (dice < 30) isFine = await this.#one(id, target, [{ kind: 'get', key }], false);
      else if (dice < 42) isFine = await this.#one(id, target, [{ kind: 'get', key }], true);
      else if (dice < 50) isFine = await this.#readPast(target, key, prng);
      else {
        const expected = revisions.get(key) ?? 0;
        const inputs = drawWrite(dice, { key, value, expected });
        isFine = await this.#one(id, target, inputs, false, revisions);
      }
      if (!isFine) {
        target = this.pick(prng);
        await world.sleep(prng.below(50_000));
      }
    }
  }

  /** @returns false when there was no answer */
  async #one(
    client: number,
    target: SimProcess,
    inputs: readonly Input[],
    serializable: boolean,
    revisions?: Map<string, number>,
  ): Promise<boolean> {
    const { queue } = this.#world;
    const calledAt = queue.now;
    let output: Output | undefined;
    try {
      output = await this.calls.call(target, (services) => perform(services, inputs, serializable));
    } catch (error) {
      if (isDefinite(error)) {
        for (const input of inputs) {
          if (input.kind === 'put' || input.kind === 'cas') this.refused.add(input.value);
        }
        return false;
      }
    }
    const returnedAt = output === undefined ? Infinity : queue.now;
    for (const input of inputs) {
      const member = target.slot;
      this.history.push({ client, input, calledAt, returnedAt, output, serializable, member });
      if (output === undefined) continue;
      const revision = output.changed ? output.revision : (output.found?.modRevision ?? 0);
      revisions?.set(input.key, input.kind === 'delete' ? 0 : revision);
    }
    this.#newest = Math.max(this.#newest, output?.revision ?? 0);
    return output !== undefined;
  }

  /** Reads at an old revision: what was there then, or the word that it is compacted. */
  async #readPast(target: SimProcess, key: string, prng: Prng): Promise<boolean> {
    const revision = prng.between(1, this.#newest);
    const compactedBefore = this.#compacted;
    const { queue } = this.#world;
    const calledAt = queue.now;
    try {
      const answer = await this.calls.call(target, (services) =>
        range(services, key, { revision }),
      );
      check(
        revision >= compactedBefore,
        () => `${target.name} reads revision ${revision} after a compaction to ${compactedBefore}`,
      );
      const output = { revision, changed: false, found: found(answer.kvs[0]) };
      // As a stale read: what counts is that the log says the same.
      this.history.push({
        client: -1,
        input: { kind: 'get', key },
        calledAt,
        returnedAt: queue.now,
        output,
        serializable: true,
        member: target.slot,
      });
      return true;
    } catch (error) {
      if (!isGrpcError(error)) throw error;
      return error.message.includes(compactedText);
    }
  }

  async #compact(target: SimProcess, prng: Prng): Promise<void> {
    const revision = this.#newest - prng.below(20);
    if (revision <= 1) return;
    const physical = prng.below(3) === 0;
    try {
      await this.calls.call(target, ({ kv }) => kv.compact({ revision, physical }, callContext));
      this.#compacted = Math.max(this.#compacted, revision);
      this.#world.count('compactions');
    } catch (error) {
      if (!isGrpcError(error)) throw error;
    }
  }
}
