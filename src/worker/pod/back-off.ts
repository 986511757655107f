/** Waiting longer after each failure, as kubelet does for restarts and image pulls. */
import type { BackOffEntry } from './state.js';

/** 10 s doubling to 300 s; after 600 s without need it starts anew. @see kubelet MaxContainerBackOff */
export const backOffMs = { initial: 10_000, max: 300_000, resetAfter: 600_000 } as const;

/**
 * When the next attempt may be made.
 * @param sinceMs when the last attempt ended
 * @returns undefined: at once
 */
export function waitUntil(entry: BackOffEntry | undefined, sinceMs: number): number | undefined {
  if (entry === undefined || sinceMs - entry.updatedMs > backOffMs.resetAfter) return undefined;
  return sinceMs + entry.delayMs;
}

/** The entry after another attempt, which the previous one preceded. */
export function lengthened(
  entry: BackOffEntry | undefined,
  sinceMs: number,
  nowMs: number,
): BackOffEntry {
  const fresh = entry === undefined || sinceMs - entry.updatedMs > backOffMs.resetAfter;
  const delayMs = fresh ? backOffMs.initial : Math.min(backOffMs.max, entry.delayMs * 2);
  return { delayMs, updatedMs: nowMs };
}
