import { assert } from '../../lib/assert.js';
import type { Clock } from '../../lib/clock.js';
import type { Backend } from '../backend/types.js';
import { DeadlineHeap } from './deadline-heap.js';
import {
  LeaseExistsError,
  LeaseNotFoundError,
  LeaseTtlTooLargeError,
  NotPrimaryError,
} from './errors.js';
import type { LeaseRecord } from './spread.js';
import { spreadExpiries } from './spread.js';
import type { LeaseCheckpoint, LeaseInfo, Lessor, RangeDeleter } from './types.js';

/** Etcd's MaxLeaseTTL. */
export const leaseTtlSecondsMax = 9_000_000_000;
/** A revocation that has not come through the log after so long is asked for again. */
const revokeRetryMs = 3000;
/**
 * Deadlines of leases that are gone stay where they are up to so many: many would do so for as long as they had to
 * live.
 */
const staleDeadlinesMax = 1024;
/** The interval at which the remaining TTL of a long lease goes through the log. */
const checkpointIntervalMsDefault = 5 * 60 * 1000;

/** The dependencies and settings of a lessor. */
export interface LessorOptions {
  readonly backend: Backend;
  readonly clock: Clock;
  /** Shorter TTLs are raised to it: 1.5 election timeouts, in whole seconds. */
  readonly minTtlSeconds: number;
  /** @default 5 minutes */
  readonly checkpointIntervalMs?: number;
}

/** All leases of a member, persisted in the backend; see `Lessor`. */
export class BackendLessor implements Lessor {
  readonly #clock: Clock;
  readonly #minTtlSeconds: number;
  readonly #checkpointIntervalMs: number;
  #backend: Backend;
  readonly #leases = new Map<bigint, LeaseRecord>();
  /** Invariant on the primary: each lease has an item at or before its expiry; renewing moves only the record. */
  readonly #expiries = new DeadlineHeap();
  readonly #checkpoints = new DeadlineHeap();
  #primary = false;
  /** Since the start, on this member; renewals on the primary alone. */
  readonly counts = { granted: 0, revoked: 0, renewed: 0 };

  constructor(options: LessorOptions) {
    this.#clock = options.clock;
    this.#minTtlSeconds = options.minTtlSeconds;
    this.#checkpointIntervalMs = options.checkpointIntervalMs ?? checkpointIntervalMsDefault;
    this.#backend = options.backend;
    this.#read();
  }

  grant(id: bigint, ttlSeconds: number): LeaseInfo {
    if (id === 0n) throw new LeaseNotFoundError();
    if (ttlSeconds > leaseTtlSecondsMax) throw new LeaseTtlTooLargeError();
    if (this.#leases.has(id)) throw new LeaseExistsError();
    const lease: LeaseRecord = {
      id,
      ttlSeconds: Math.max(ttlSeconds, this.#minTtlSeconds),
      remainingTtlSeconds: 0,
      expiryMs: Infinity,
      askedUntilMs: 0,
      keys: new Set(),
    };
    this.#leases.set(id, lease);
    this.#persist(lease);
    this.counts.granted += 1;
    if (this.#primary) this.#start(lease, 0);
    return this.#info(lease);
  }

  revoke(id: bigint, deleter: RangeDeleter): void {
    const lease = this.#mustHave(id);
    const keys = [...lease.keys].sort();
    if (keys.length > 0) deleter.deleteKeys(keys);
    this.#leases.delete(id);
    this.#backend.delete('lease', leaseKey(id));
    this.counts.revoked += 1;
    for (const heap of [this.#expiries, this.#checkpoints]) {
      if (heap.size > 2 * this.#leases.size + staleDeadlinesMax) heap.retain(this.#leases);
    }
  }

  checkpoint(id: bigint, remainingTtlSeconds: number): void {
    const lease = this.#leases.get(id);
    if (lease === undefined) return;
    lease.remainingTtlSeconds = remainingTtlSeconds;
    this.#persist(lease);
    if (this.#primary) this.#scheduleCheckpoint(lease);
  }

  has(id: bigint): boolean {
    return this.#leases.has(id);
  }

  attach(id: bigint, key: string): void {
    this.#leases.get(id)?.keys.add(key);
  }

  detach(id: bigint, key: string): void {
    this.#leases.get(id)?.keys.delete(key);
  }

  renew(id: bigint): number {
    if (!this.#primary) throw new NotPrimaryError();
    const lease = this.#mustHave(id);
    if (lease.expiryMs <= this.#clock.monotonicMs()) throw new LeaseNotFoundError();
    lease.remainingTtlSeconds = 0;
    this.#start(lease, 0);
    this.counts.renewed += 1;
    return lease.ttlSeconds;
  }

  needsCheckpointClear(id: bigint): boolean {
    return (this.#leases.get(id)?.remainingTtlSeconds ?? 0) > 0;
  }

  timeToLive(id: bigint): LeaseInfo {
    return this.#info(this.#mustHave(id));
  }

  list(): bigint[] {
    const leases = [...this.#leases.values()];
    leases.sort((a, b) => {
      if (a.expiryMs !== b.expiryMs) return a.expiryMs < b.expiryMs ? -1 : 1;
      return a.id < b.id ? -1 : 1;
    });
    return leases.map((lease) => lease.id);
  }

  get isPrimary(): boolean {
    return this.#primary;
  }

  promote(extendSeconds: number): void {
    this.#primary = true;
    this.#expiries.clear();
    this.#checkpoints.clear();
    const extendMs = extendSeconds * 1000;
    for (const lease of this.#leases.values()) this.#start(lease, extendMs);
    const nowMs = this.#clock.monotonicMs();
    for (const [lease, delayMs] of spreadExpiries(this.#leases.values(), nowMs)) {
      this.#start(lease, delayMs + extendMs);
    }
  }

  demote(): void {
    this.#primary = false;
    this.#expiries.clear();
    this.#checkpoints.clear();
    for (const lease of this.#leases.values()) {
      lease.expiryMs = Infinity;
      lease.askedUntilMs = 0;
    }
  }

  expired(limit = 500): bigint[] {
    const nowMs = this.#clock.monotonicMs();
    const ids: bigint[] = [];
    while (this.#primary && ids.length < limit) {
      const id = this.#expiries.popDue(nowMs);
      if (id === undefined) break;
      const lease = this.#leases.get(id);
      if (lease === undefined) continue;
      const dueMs = Math.max(lease.expiryMs, lease.askedUntilMs);
      if (dueMs > nowMs) {
        this.#expiries.push(id, dueMs);
        continue;
      }
      lease.askedUntilMs = nowMs + revokeRetryMs;
      this.#expiries.push(id, lease.askedUntilMs);
      ids.push(id);
    }
    return ids;
  }

  checkpointsDue(limit = 1000): LeaseCheckpoint[] {
    const nowMs = this.#clock.monotonicMs();
    const due: LeaseCheckpoint[] = [];
    while (this.#primary && due.length < limit) {
      const id = this.#checkpoints.popDue(nowMs);
      if (id === undefined) break;
      const lease = this.#leases.get(id);
      if (lease === undefined || lease.expiryMs <= nowMs) continue;
      const remainingTtlSeconds = Math.ceil((lease.expiryMs - nowMs) / 1000);
      if (remainingTtlSeconds >= lease.ttlSeconds) continue;
      due.push({ id, remainingTtlSeconds });
    }
    return due;
  }

  /** Deadlines that are kept. */
  get deadlineCount(): number {
    return this.#expiries.size + this.#checkpoints.size;
  }

  nextWakeMs(): number | undefined {
    const { nextMs: expiry } = this.#expiries;
    const { nextMs: checkpoint } = this.#checkpoints;
    if (expiry === undefined && checkpoint === undefined) return undefined;
    const soonest = Math.min(expiry ?? Infinity, checkpoint ?? Infinity);
    return Math.max(0, soonest - this.#clock.monotonicMs());
  }

  restore(backend: Backend): void {
    this.#backend = backend;
    this.#leases.clear();
    this.#expiries.clear();
    this.#checkpoints.clear();
    this.#read();
    if (this.#primary) this.promote(0);
  }

  /** Starts the time of a lease anew. */
  #start(lease: LeaseRecord, extendMs: number): void {
    assert(this.#primary, 'only the primary counts time');
    const seconds = lease.remainingTtlSeconds > 0 ? lease.remainingTtlSeconds : lease.ttlSeconds;
    const before = lease.expiryMs;
    lease.expiryMs = this.#clock.monotonicMs() + seconds * 1000 + extendMs;
    lease.askedUntilMs = 0;
    // A lease whose time moves on keeps its item; `expired` finds it too early and puts it where it belongs.
    if (before === Infinity || lease.expiryMs < before) {
      this.#expiries.push(lease.id, lease.expiryMs);
      this.#scheduleCheckpoint(lease);
    }
  }

  #scheduleCheckpoint(lease: LeaseRecord): void {
    const seconds = lease.remainingTtlSeconds > 0 ? lease.remainingTtlSeconds : lease.ttlSeconds;
    if (seconds * 1000 <= this.#checkpointIntervalMs) return;
    this.#checkpoints.push(lease.id, this.#clock.monotonicMs() + this.#checkpointIntervalMs);
  }

  #info(lease: LeaseRecord): LeaseInfo {
    const leftMs = lease.expiryMs - this.#clock.monotonicMs();
    return {
      id: lease.id,
      grantedTtlSeconds: lease.ttlSeconds,
      remainingTtlSeconds: leftMs >= 0 && leftMs < Infinity ? Math.floor(leftMs / 1000) : -1,
      keys: [...lease.keys].sort(),
    };
  }

  #mustHave(id: bigint): LeaseRecord {
    const lease = this.#leases.get(id);
    if (lease === undefined) throw new LeaseNotFoundError();
    return lease;
  }

  #persist(lease: LeaseRecord): void {
    const bytes = Buffer.allocUnsafe(16);
    bytes.writeBigInt64BE(BigInt(lease.ttlSeconds), 0);
    bytes.writeBigInt64BE(BigInt(lease.remainingTtlSeconds), 8);
    this.#backend.put('lease', leaseKey(lease.id), bytes);
  }

  #read(): void {
    for (const [key, bytes] of this.#backend.entries('lease')) {
      const id = BigInt.asIntN(64, BigInt(`0x${key}`));
      this.#leases.set(id, {
        id,
        ttlSeconds: Number(bytes.readBigInt64BE(0)),
        remainingTtlSeconds: Number(bytes.readBigInt64BE(8)),
        expiryMs: Infinity,
        askedUntilMs: 0,
        keys: new Set(),
      });
    }
  }
}

function leaseKey(id: bigint): string {
  return BigInt.asUintN(64, id).toString(16).padStart(16, '0');
}
