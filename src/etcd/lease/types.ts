import type { Backend } from '../backend/types.js';

/** A lease as `list` and `timeToLive` show it. */
export interface LeaseInfo {
  readonly id: bigint;
  /** As granted (raised to the minimum), seconds. */
  readonly grantedTtlSeconds: number;
  /** The remaining time, whole seconds rounded down as etcd prints it; -1 when expired or unknown on this member. */
  readonly remainingTtlSeconds: number;
  /** Attached keys (latin1), sorted. */
  readonly keys: readonly string[];
}

/** Deletes keys in one write transaction, in the given order; the server passes one that ends in `WriteTxn`. */
export interface RangeDeleter {
  /** Opens one revision for all keys of the lease. */
  deleteKeys(keys: readonly string[]): void;
}

/** A checkpoint to be proposed by the primary. */
export interface LeaseCheckpoint {
  readonly id: bigint;
  readonly remainingTtlSeconds: number;
}

/**
 * Leases. `grant`, `revoke`, `checkpoint`, `attach`, `detach` are called by apply, in log order, on every member, and
 * never look at the clock to decide. Only the primary (the leader's) counts time; it names expired leases, which the
 * server then revokes through the log.
 */
export interface Lessor {
  /**
   * @throws LeaseExistsError, LeaseTtlTooLargeError, LeaseNotFoundError (id 0). Returns the lease with its raised TTL.
   */
  grant(id: bigint, ttlSeconds: number): LeaseInfo;
  /** Removes the lease, deleting its keys in sorted order. @throws LeaseNotFoundError */
  revoke(id: bigint, deleter: RangeDeleter): void;
  /** Applies a checkpoint of the remaining TTL. Unknown ids are ignored. */
  checkpoint(id: bigint, remainingTtlSeconds: number): void;
  has(id: bigint): boolean;
  attach(id: bigint, key: string): void;
  detach(id: bigint, key: string): void;

  /**
   * Primary only: restarts the TTL. @returns the TTL in seconds.
   * @throws NotPrimaryError; LeaseNotFoundError also when it has expired and waits for its revocation.
   */
  renew(id: bigint): number;
  /** True when a checkpointed remaining TTL must be cleared through the log (propose checkpoint 0) before renewing. */
  needsCheckpointClear(id: bigint): boolean;
  /** @throws LeaseNotFoundError */
  timeToLive(id: bigint): LeaseInfo;
  /** Ids by expiry, soonest first (order of id on followers). */
  list(): bigint[];

  readonly isPrimary: boolean;
  /**
   * Became leader: all leases start anew with `extendSeconds` (the election timeout) on top; pile-ups are spread out.
   */
  promote(extendSeconds: number): void;
  /** Lost leadership: time stops. */
  demote(): void;
  /** Primary: ids that have expired and are not being revoked yet (asked again after 3 s). @param limit @default 500 */
  expired(limit?: number): bigint[];
  /** Primary: checkpoints that are due now. @param limit @default 1000 */
  checkpointsDue(limit?: number): LeaseCheckpoint[];
  /** Milliseconds until `expired` or `checkpointsDue` may have something; undefined when never. */
  nextWakeMs(): number | undefined;
  /**
   * Reads the leases of another backend content (a snapshot was installed); attachments come from the store's restore.
   */
  restore(backend: Backend): void;
}
