/** Checks of volume sources. */
import { child, forbidden, invalid, required, tooLong } from '../field-error.js';
import { isJsonObject } from '../object.js';
import type { Check } from '../schema/node.js';
import { dnsSubdomain } from './names.js';

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

const projections = [
  'clusterTrustBundle',
  'configMap',
  'downwardAPI',
  'secret',
  'serviceAccountToken',
];

/** One item of a projected volume: a single source. */
export const isOneProjection: Check = (value, path, errors) => {
  if (!isJsonObject(value)) return;
  const present = projections.filter((name) => value[name] !== undefined);
  for (const _ of present.slice(1)) {
    errors.push(forbidden(path, 'may not specify more than 1 volume type'));
  }
};

const maxDriverName = 63;

/** The name of a CSI driver. */
export const isDriverName: Check = (value, path, errors) => {
  if (typeof value !== 'string') return;
  if (value.length > maxDriverName) errors.push(tooLong(path, maxDriverName));
  for (const text of dnsSubdomain(value.toLowerCase())) errors.push(invalid(path, value, text));
};
