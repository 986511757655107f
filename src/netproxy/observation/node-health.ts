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
  const { nowMs, behindMs, syncedAtMs = 0, node } = facts;
  const isLive = !isBehind(behindMs);
  const isEligible = node === undefined || !isLeaving(node);
  const times = `"lastUpdated": "${goTime(isLive ? nowMs : syncedAtMs)}","currentTime": "${goTime(nowMs)}"`;
  if (path === '/livez') return { status: isLive ? 200 : 503, body: `{${times}}` };
  return {
    status: isLive && isEligible ? 200 : 503,
    body: `{${times}, "nodeEligible": ${isEligible}}`,
  };
}

/** Whether the node goes, and takes no new traffic. */
export function isLeaving({ metadata, spec }: Node): boolean {
  if (metadata.deletionTimestamp !== undefined) return true;
  return (spec?.taints ?? []).some(({ key }) => key === removalTaint);
}

/** As Go prints a time of the wall clock: fractions without zeros at their end. */
function goTime(ms: number): string {
  const [whole = '', fraction = ''] = new Date(ms).toISOString().replace('Z', '').split('.');
  const digits = fraction.replace(/0+$/, '');
  return `${whole.replace('T', ' ')}${digits === '' ? '' : `.${digits}`} +0000 UTC`;
}
