/** A lease in memory. */
export interface LeaseRecord {
  readonly id: bigint;
  readonly ttlSeconds: number;
  /** From the last checkpoint; 0: none. */
  remainingTtlSeconds: number;
  /** On the monotonic clock; Infinity while this member is not primary. */
  expiryMs: number;
  /** A revocation was asked for; not again before this time. */
  askedUntilMs: number;
  readonly keys: Set<string>;
}

/** Leases that may be revoked in a second, as etcd's default. */
const revokeRatePerSecond = 1000;

/**
 * After an election all leases start anew, and many may fall due in the same second. Says which to delay, and by how
 * much, so that at most three quarters of the revocation rate fall due in any second. As etcd's `Promote`.
 */
export function spreadExpiries(
  leases: Iterable<LeaseRecord>,
  nowMs: number,
): (readonly [lease: LeaseRecord, delayMs: number])[] {
  const sorted = [...leases].sort((a, b) => a.expiryMs - b.expiryMs);
  if (sorted.length < revokeRatePerSecond) return [];
  const perSecond = (3 * revokeRatePerSecond) / 4;
  const delayed: [LeaseRecord, number][] = [];
  let baseMs = (sorted[0]?.expiryMs ?? 0) - nowMs;
  let nextMs = baseMs + 1000;
  let count = 0;
  for (const lease of sorted) {
    const leftMs = lease.expiryMs - nowMs;
    if (leftMs > nextMs) {
      baseMs = leftMs;
      nextMs = baseMs + 1000;
      count = 1;
      continue;
    }
    count += 1;
    if (count <= perSecond) continue;
    const delayMs = (1000 * count) / perSecond - (leftMs - baseMs);
    nextMs = baseMs + delayMs;
    delayed.push([lease, delayMs]);
  }
  return delayed;
}
