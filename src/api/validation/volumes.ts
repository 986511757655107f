/** Checks of volume sources. */
import { child, forbidden, required } from '../field-error.js';
import { isJsonObject } from '../object.js';
import type { Check } from '../schema/node.js';

/**
 * Exactly one source must be given. `several` is what Kubernetes says on the second one.
 * @param missing text on no source at all.
 */
export function isVolumeSource(
  sources: readonly string[],
  missing = 'must specify a volume type',
): Check {
  return (value, path, errors) => {
    if (!isJsonObject(value)) return;
    const present = sources.filter((name) => value[name] !== undefined);
    if (present.length === 0) errors.push(required(path, missing));
    for (const name of present.slice(1)) {
      errors.push(forbidden(child(path, name), 'may not specify more than 1 volume type'));
    }
  };
}
