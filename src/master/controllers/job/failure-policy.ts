/** `podFailurePolicy` of a Job. Pure. @see KEP-3329 */
import { keyOf } from '../../../api/facts/keys.js';
import type { Pod } from '../../../api/types/core.js';
import type { JobSpec, PodFailureRule } from '../../../api/types/workloads.js';

/**
 * The consequence of a failed pod: a rule's action, or `Count` for the back-off limit; `message` explains the job's
 * end.
 */
export type FailureVerdict =
  | { readonly action: 'Count' | 'Ignore' | 'FailIndex' }
  | { readonly action: 'FailJob'; readonly message: string };

/** Returns the verdict of the first rule that matches a failed pod; `Count` when none does. */
export function judgeFailure(spec: JobSpec, pod: Pod): FailureVerdict {
  for (const [index, rule] of (spec.podFailurePolicy?.rules ?? []).entries()) {
    const cause = matches(rule, pod);
    if (cause === undefined) continue;
    if (rule.action === 'FailJob') {
      const message = `${cause} matching FailJob rule at index ${index}`;
      return { action: 'FailJob', message };
    }
    if (rule.action === 'Ignore' || rule.action === 'FailIndex') return { action: rule.action };
    return { action: 'Count' };
  }
  return { action: 'Count' };
}

function matches(rule: PodFailureRule, pod: Pod): string | undefined {
  const name = keyOf(pod);
  const codes = rule.onExitCodes;
  if (codes !== undefined) {
    const statuses = [
      ...(pod.status?.containerStatuses ?? []),
      ...(pod.status?.initContainerStatuses ?? []),
    ];
    for (const status of statuses) {
      const exitCode = status.state?.terminated?.exitCode;
      if (exitCode === undefined || exitCode === 0) continue;
      if (codes.containerName !== undefined && codes.containerName !== status.name) continue;
      if (codes.values.includes(exitCode) === (codes.operator === 'In')) {
        return `Container ${status.name} for pod ${name} failed with exit code ${exitCode}`;
      }
    }
  }
  for (const pattern of rule.onPodConditions ?? []) {
    const found = (pod.status?.conditions ?? []).some(
      ({ type, status }) => type === pattern.type && status === (pattern.status ?? 'True'),
    );
    if (found) return `Pod ${name} has condition ${pattern.type}`;
  }
  return undefined;
}
