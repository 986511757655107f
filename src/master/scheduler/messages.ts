/** The messages about a pod that has no node, in kube-scheduler's words. Pure. */
import type { Failure, Rejection } from './plugins/types.js';

/** `0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu. preemption: …` */
export function unschedulableMessage(
  nodeCount: number,
  outcome: { readonly failures: ReadonlyMap<string, Failure> } | { readonly rejection: Rejection },
  preemption: string,
): string {
  const reasons =
    'rejection' in outcome
      ? outcome.rejection.message
      : countReasons([...outcome.failures.values()].flatMap((failure) => failure.reasons));
  return [`0/${nodeCount} nodes are available:`, sentence(reasons), preemption]
    .filter((part) => part !== '')
    .join(' ');
}

/** Why preemption does not help either: the reasons of all nodes, one or more a node. */
export function preemptionMessage(nodeCount: number, reasons: readonly string[]): string {
  return `preemption: 0/${nodeCount} nodes are available: ${sentence(countReasons(reasons))}`;
}

function sentence(text: string): string {
  return text === '' ? '' : `${text}.`;
}

/** `1 reason, 2 other reason`, sorted as text. */
function countReasons(reasons: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))
    .join(', ');
}
