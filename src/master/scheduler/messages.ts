/** What is said about a pod that has no node; the texts are kube-scheduler's. Pure. */
import type { Failure, Rejection } from './plugins/types.js';

/** `0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu. preemption: …` */
export function unschedulableMessage(
  nodeCount: number,
  outcome: { readonly failures: ReadonlyMap<string, Failure> } | { readonly rejection: Rejection },
  preemption: string,
): string {
  if (nodeCount === 0 && !('rejection' in outcome)) return 'no nodes available to schedule pods';
  let message = `0/${nodeCount} nodes are available:`;
  if ('rejection' in outcome) message += ` ${outcome.rejection.message}.`;
  else {
    const counts = countReasons(outcome.failures.values());
    if (counts !== '') message += ` ${counts}.`;
  }
  return preemption === '' ? message : `${message} ${preemption}`;
}

/** `1 reason, 2 other reason`, sorted as text. */
function countReasons(failures: Iterable<Failure>): string {
  const counts = new Map<string, number>();
  for (const failure of failures) {
    for (const reason of failure.reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))
    .join(', ');
}

/** Why preemption does not help either. */
export function preemptionMessage(
  nodeCount: number,
  counts: { readonly notHelpful: number; readonly noVictims: number },
): string {
  const parts: string[] = [];
  if (counts.notHelpful > 0) {
    parts.push(`${counts.notHelpful} Preemption is not helpful for scheduling`);
  }
  if (counts.noVictims > 0) {
    parts.push(`${counts.noVictims} No preemption victims found for incoming pod`);
  }
  if (parts.length === 0) return '';
  return `preemption: 0/${nodeCount} nodes are available: ${parts.toSorted().join(', ')}.`;
}
