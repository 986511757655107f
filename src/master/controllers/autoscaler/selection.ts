/** Decides which pods an autoscaler measures, by the selector of its target's Scale. Pure. */
import { objectKey } from '../../../api/facts/keys.js';
import { parseLabelSelector } from '../../../api/facts/selector-text.js';
import { matchesRequirements } from '../../../api/facts/selectors.js';
import type { Matcher } from '../../../api/facts/selectors.js';
import type { Pod } from '../../../api/types/core.js';
import { errorMessage } from '../../../lib/errors.js';

/** Why there are no pods to measure: an event of `reason`, and the condition ScalingActive. */
export interface SelectionFailure {
  readonly reason: string;
  readonly message: string;
  readonly condition: { readonly reason: string; readonly message: string };
}

/** The pods that an autoscaler measures, and the selector that found them. */
export interface Selection {
  readonly pods: readonly Pod[];
  readonly matches: Matcher;
}

/** One autoscaler among those of its namespace. */
export interface Selecting {
  readonly namespace: string;
  readonly name: string;
}

/**
 * Selects the pods of an autoscaler.
 * @param pods those of its namespace
 * @param others the autoscalers of its namespace but this one, with the selector that each used last
 */
export function selectPods(
  autoscaler: Selecting,
  selector: string,
  pods: readonly Pod[],
  others: readonly (Selecting & { readonly matches: Matcher })[],
): Selection | SelectionFailure {
  if (selector === '') {
    const message = "the HPA target's scale is missing a selector";
    const condition = { reason: 'InvalidSelector', message };
    return { reason: 'SelectorRequired', message: 'selector is required', condition };
  }
  const matches = readSelector(selector);
  if (typeof matches === 'string') {
    const message = `couldn't convert selector into a corresponding internal selector object: ${matches}`;
    return {
      reason: 'InvalidSelector',
      message,
      condition: { reason: 'InvalidSelector', message },
    };
  }
  const selected = pods.filter(({ metadata }) => matches(metadata.labels));
  const rivals = others.filter((other) =>
    selected.some(({ metadata }) => other.matches(metadata.labels)),
  );
  if (rivals.length === 0) return { pods: selected, matches };
  const all = [autoscaler, ...rivals].toSorted((a, b) => (objectKey(a) < objectKey(b) ? -1 : 1));
  const names = all.map(({ name, namespace }) => `${namespace}/${name}`).join(' ');
  const message = `pods by selector ${selector} are controlled by multiple HPAs: [${names}]`;
  const condition = { reason: 'AmbiguousSelector', message };
  return { reason: 'AmbiguousSelector', message, condition };
}

/** The matcher of a selector, or why there is none. */
function readSelector(selector: string): Matcher | string {
  try {
    const requirements = parseLabelSelector(selector);
    return (labels = {}) => matchesRequirements(requirements, labels);
  } catch (error) {
    return errorMessage(error);
  }
}
