/** kube-proxy's answers on its health port, by which load balancers choose nodes. */
import type { Node } from '../../api/types/core.js';

/** What the answer hangs on. */
export interface NodeHealthFacts {
  readonly nowMs: number;
  /** For how long the oldest change waits that is not in the rules; 0: none does. */
  readonly behindMs: number;
  /** When the rules were last as they should be. */
  readonly syncedAtMs: number | undefined;
  /** The node, as far as it is known. */
  readonly node: Node | undefined;
}

/** An answer of the health port. */
export interface HealthPortAnswer {
  readonly status: 200 | 503;
  readonly body: string;
}

/** Rules that are behind for longer are not kept any more (kube-proxy: twice its sync period). */
const behindMsMax = 60_000;
/** The taint of a node that the cluster autoscaler is about to remove. */
const removalTaint = 'ToBeDeletedByClusterAutoscaler';

/** True when rules are not kept any more. @param behindMs for how long the oldest change waits */
export function isBehind(behindMs: number): boolean {
  return behindMs > behindMsMax;
}

/** Answers `/healthz` (new traffic may come here) or `/livez` (rules are kept). */
export function nodeHealth(path: '/healthz' | '/livez', facts: NodeHealthFacts): HealthPortAnswer {
  const { nowMs, behindMs, syncedAtMs, node } = facts;
  const healthy = !isBehind(behindMs);
  const nodeEligible = node === undefined || !isLeaving(node);
  const isWell = healthy && (path === '/livez' || nodeEligible);
  const synced = goTime(syncedAtMs);
  const body = {
    lastUpdated: isWell ? goTime(nowMs) : synced,
    currentTime: goTime(nowMs),
    ...(path === '/healthz' && { nodeEligible }),
    healthy,
    // Our rules are of one family.
    ...(syncedAtMs !== undefined && { status: { IPv4: { lastUpdated: synced, healthy } } }),
  };
  return { status: isWell ? 200 : 503, body: JSON.stringify(body) };
}

/** Whether the node goes, and takes no new traffic. */
export function isLeaving({ metadata, spec }: Node): boolean {
  if (metadata.deletionTimestamp !== undefined) return true;
  return (spec?.taints ?? []).some(({ key }) => key === removalTaint);
}

/** As Go writes a time into JSON: fractions without zeros at their end, and its zero time for none. */
function goTime(ms: number | undefined): string {
  if (ms === undefined) return '0001-01-01T00:00:00Z';
  return new Date(ms).toISOString().replace(/\.?0*Z$/, 'Z');
}
