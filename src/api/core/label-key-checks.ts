/** What is wrong with the keys of labels in a term of pod affinity. */
import { at, child, forbidden, invalid } from '../field-error.js';
import { isJsonObject } from '../object.js';
import type { Check } from '../schema/node.js';

/** The fields of a term that belong together; the type of terms is derived from this check's schema. */
interface Keys {
  readonly labelSelector?: {
    readonly matchLabels?: object;
    readonly matchExpressions?: readonly { readonly key: string }[];
  };
  readonly matchLabelKeys?: readonly string[];
  readonly mismatchLabelKeys?: readonly string[];
}

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
  const places = new Map(matchLabelKeys.map((key, index) => [key, index]));
  const seen = new Set(Object.keys(labelSelector?.matchLabels ?? {}));
  for (const { key } of labelSelector?.matchExpressions ?? []) {
    const index = places.get(key);
    if (index !== undefined && seen.has(key)) {
      const text = 'exists in both matchLabelKeys and labelSelector';
      errors.push(invalid(at(path, index), key, text));
    }
    seen.add(key);
  }
  const mismatched = new Set(mismatchLabelKeys);
  for (const [index, key] of matchLabelKeys.entries()) {
    if (!mismatched.has(key)) continue;
    const text = 'exists in both matchLabelKeys and mismatchLabelKeys';
    errors.push(invalid(at(child(path, 'matchLabelKeys'), index), key, text));
  }
};
