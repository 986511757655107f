/** Keys whose values terms of pod affinity take from the pod's own labels (KEP-3633). */
import { at, child, forbidden, invalid } from '../field-error.js';
import { isJsonObject } from '../object.js';
import type { Check } from '../schema/node.js';
import type { LabelSelector, Pod, PodAffinityTerm } from '../types/core.js';

type Keys = Pick<PodAffinityTerm, 'labelSelector' | 'matchLabelKeys' | 'mismatchLabelKeys'>;

/** Checks the keys of one term; those that a new pod's selectors have already are told by their requirement. */
export const haveLabelKeys: Check = (value, path, errors) => {
  if (!isJsonObject(value)) return;
  const { labelSelector, matchLabelKeys = [], mismatchLabelKeys = [] } = value as Keys;
  if (labelSelector === undefined) {
    const text = 'must not be specified when labelSelector is not set';
    for (const [name, keys] of Object.entries({ matchLabelKeys, mismatchLabelKeys })) {
      if (keys.length > 0) errors.push(forbidden(child(path, name), text));
    }
  }
  const seen = new Set(Object.keys(labelSelector?.matchLabels ?? {}));
  for (const { key } of labelSelector?.matchExpressions ?? []) {
    const index = matchLabelKeys.lastIndexOf(key);
    if (index >= 0 && seen.has(key)) {
      const text = 'exists in both matchLabelKeys and labelSelector';
      errors.push(invalid(at(path, index), key, text));
    }
    seen.add(key);
  }
  for (const [index, key] of matchLabelKeys.entries()) {
    if (!mismatchLabelKeys.includes(key)) continue;
    const text = 'exists in both matchLabelKeys and mismatchLabelKeys';
    errors.push(invalid(at(child(path, 'matchLabelKeys'), index), key, text));
  }
};

/** Writes the values of a new pod's labels into the selectors of its terms; keys that it lacks count for nothing. */
export function applyLabelKeys({ metadata, spec }: Pod): void {
  const labels = metadata.labels ?? {};
  for (const affinity of [spec.affinity?.podAffinity, spec.affinity?.podAntiAffinity]) {
    const preferred = affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    const required = affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
    for (const term of [...preferred.map((each) => each.podAffinityTerm), ...required]) {
      if (term.labelSelector !== undefined) applyTo(term.labelSelector, term, labels);
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
