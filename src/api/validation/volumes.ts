/** Checks of volume sources. */
import { child, forbidden, invalid, notSupported, required, tooLong } from '../field-error.js';
import { isJsonObject, textOf } from '../object.js';
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

const managedDisks =
  '/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}';
const blobDisks = 'https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd';

/** The URI of an Azure disk is that of its kind. */
export const isAzureDisk: Check = (value, path, errors) => {
  if (!isJsonObject(value)) return;
  const isManaged = value['kind'] === 'Managed';
  const uri = textOf(value, 'diskURI');
  if (uri.startsWith(isManaged ? '/subscriptions/' : 'https://')) return;
  errors.push(notSupported(child(path, 'diskURI'), uri, [isManaged ? managedDisks : blobDisks]));
};

const maxLun = 255;

/** A Fibre Channel disk is found by the names of its targets and a LUN, or by identifiers of its own. */
export const isFibreChannel: Check = (value, path, errors) => {
  if (!isJsonObject(value)) return;
  const [names, identifiers] = [value['targetWWNs'] ?? [], value['wwids'] ?? []];
  const hasNames = Array.isArray(names) && names.length > 0;
  const hasIdentifiers = Array.isArray(identifiers) && identifiers.length > 0;
  const at = child(path, 'targetWWNs');
  if (!hasNames && !hasIdentifiers) {
    errors.push(required(at, 'must specify either targetWWNs or wwids, but not both'));
  }
  if (hasNames && hasIdentifiers) {
    const text = 'targetWWNs and wwids can not be specified simultaneously';
    errors.push(invalid(at, names, text));
  }
  if (!hasNames) return;
  const lun = value['lun'];
  if (typeof lun !== 'number') {
    errors.push(required(child(path, 'lun'), 'lun is required if targetWWNs is specified'));
  } else if (lun < 0 || lun > maxLun) {
    errors.push(invalid(child(path, 'lun'), lun, `must be between 0 and ${maxLun}, inclusive`));
  }
};

const maxTenant = 64;
const registries = 'must be a host:port pair or multiple pairs separated by commas';

/** `host:port`, as Go splits it: a host with colons stands in brackets. */
function isHostAndPort(text: string): boolean {
  return /^(?:\[[^[\]]*\]|[^:[\]]*):[^:[\]]*$/.test(text);
}

/** The registries and the tenant of a Quobyte volume. */
export const isQuobyte: Check = (value, path, errors) => {
  if (!isJsonObject(value)) return;
  const registry = textOf(value, 'registry');
  if (registry === '') errors.push(required(child(path, 'registry'), registries));
  else if (textOf(value, 'tenant').length > maxTenant) {
    const text = `must be a UUID and may not exceed a length of ${maxTenant} characters`;
    errors.push(required(child(path, 'tenant'), text));
  } else {
    for (const pair of registry.split(',')) {
      if (!isHostAndPort(pair)) errors.push(invalid(child(path, 'registry'), registry, registries));
    }
  }
};
