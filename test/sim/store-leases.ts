/** Lease holders: they take leases, hang keys on them, keep them alive for a while, and then let them go. */
import { PutRequest } from '../../src/gen/etcd/rpc.js';
import { isGrpcError } from '../../src/lib/grpc/types.js';
import type { Prng } from '../../src/lib/prng.js';
import { callContext } from './store-calls.js';
import type { Calls } from './store-calls.js';
import { putOf, withBytes } from './store-requests.js';
import type { StoreWorld } from './store-world.js';

/** Keys on leases; nobody else writes them. */
export const leasePrefix = 'l/';

/** A promise that a lease will live. */
export interface LeasePromise {
  readonly id: bigint;
  /** The call that was answered began then. */
  readonly askedAt: number;
  readonly ttlSeconds: number;
}

/** See above. */
export class LeaseHolders {
  readonly promises: LeasePromise[] = [];
  /** Leases whose end a client asked for, and when first. */
  readonly revoked = new Map<bigint, number>();
  readonly #world: StoreWorld;
  readonly #calls: Calls;
  #nextId = 1n;

  constructor(world: StoreWorld, calls: Calls) {
    this.#world = world;
    this.#calls = calls;
  }

  start(): void {
    for (let at = 0; at < this.#world.options.leases; at++) void this.#run(this.#world.fork());
  }

  async #run(prng: Prng): Promise<void> {
    const world = this.#world;
    while (!world.clients.stopping) {
      await world.sleep(prng.below(500_000) + 1000);
      const id = this.#nextId++;
      const ttlSeconds = prng.between(1, 3);
      if (!(await this.#grant(id, ttlSeconds, prng))) continue;
      await this.#hang(id, prng);
      for (let left = prng.below(6); left > 0 && !world.clients.stopping; left--) {
        await world.sleep(prng.below(ttlSeconds * 700_000));
        if (!(await this.#keepAlive(id, prng))) break;
      }
      if (prng.below(4) === 0) await this.#revoke(id, prng);
    }
  }

  async #grant(id: bigint, ttl: number, prng: Prng): Promise<boolean> {
    const askedAt = this.#world.queue.now;
    const target = this.#world.clients.pick(prng);
    try {
      const { TTL } = await this.#calls.call(target, ({ lease }) =>
        lease.leaseGrant({ ID: id, TTL: ttl }, callContext),
      );
      this.promises.push({ id, askedAt, ttlSeconds: TTL });
      return true;
    } catch (error) {
      if (!isGrpcError(error)) throw error;
      return false;
    }
  }

  async #hang(id: bigint, prng: Prng): Promise<void> {
    const target = this.#world.clients.pick(prng);
    const request = withBytes(PutRequest, putOf(`${leasePrefix}${id}`, 'held', id));
    try {
      await this.#calls.call(target, ({ kv }) => kv.put(request, callContext));
    } catch (error) {
      if (!isGrpcError(error)) throw error;
    }
  }

  /** @returns false once the lease is known to be gone */
  async #keepAlive(id: bigint, prng: Prng): Promise<boolean> {
    const askedAt = this.#world.queue.now;
    const target = this.#world.clients.pick(prng);
    try {
      const ttlSeconds = await this.#calls.call(target, ({ keeper }) => keeper.renew(id));
      this.promises.push({ id, askedAt, ttlSeconds });
      this.#world.count('keep-alives');
      return true;
    } catch (error) {
      if (!isGrpcError(error)) throw error;
      return !error.message.includes('lease not found');
    }
  }

  async #revoke(id: bigint, prng: Prng): Promise<void> {
    const target = this.#world.clients.pick(prng);
    if (!this.revoked.has(id)) this.revoked.set(id, this.#world.queue.now);
    try {
      await this.#calls.call(target, ({ lease }) => lease.leaseRevoke({ ID: id }, callContext));
    } catch (error) {
      if (!isGrpcError(error)) throw error;
    }
  }
}
