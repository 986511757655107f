/** Keys whose values terms of pod affinity take from the pod's own labels (KEP-3633). */
import type { LabelSelector, Pod, PodAffinityTerm } from '../types/core.js';

type Keys = Pick<PodAffinityTerm, 'labelSelector' | 'matchLabelKeys' | 'mismatchLabelKeys'>;

/** Writes the values of a new pod's labels into the selectors of its terms; keys that it lacks count for nothing. */
export function applyLabelKeys({ metadata, spec }: Pod): void {
  const labels = metadata.labels ?? {};
  for (const affinity of [spec.affinity?.podAffinity, spec.affinity?.podAntiAffinity]) {
    const preferred = affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    const required = affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
    // Validation comes later: a preferred term may still lack what it must have.
    const wished = preferred.map((each): Partial<typeof each> => each);
    for (const term of [...wished.map((each) => each.podAffinityTerm), ...required]) {
      if (term?.labelSelector !== undefined) applyTo(term.labelSelector, term, labels);
    }
  }
}

function applyTo(selector: LabelSelector, term: Keys, labels: Readonly<Record<string, string>>) {
  const requirements = (operator: string, keys: readonly string[] = []) =>
    keys
      .filter((key) => Object.hasOwn(labels, key))
      .map((key) => ({ key, operator, values: [labels[key] ?? ''] }));
  const added = [
    ...requirements('In', term.matchLabelKeys),
    ...requirements('NotIn', term.mismatchLabelKeys),
  ];
  if (added.length > 0)
    selector.matchExpressions = [...(selector.matchExpressions ?? []), ...added];
}
