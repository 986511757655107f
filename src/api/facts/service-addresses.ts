/**
 * IPAddresses of services.
 * @see kubernetes pkg/registry/core/service/ipallocator, staging/src/k8s.io/api/networking/v1/well_known_labels.go
 */
import type { ObjectMeta } from '../object.js';
import type { IPAddress } from '../types/networking.js';

/** The label that says whose part it is to keep an address. */
const managedByLabel = 'ipaddress.kubernetes.io/managed-by';
/** The label with the family of an address, `IPv4` or `IPv6`. */
export const familyLabel = 'ipaddress.kubernetes.io/ip-family';
const allocatorName = 'ipallocator.k8s.io';
/** Selects the addresses that belong to services. */
export const managedSelector = `${managedByLabel}=${allocatorName}`;

interface Named {
  readonly metadata: Pick<ObjectMeta, 'name' | 'namespace'>;
}

/** True for an address that belongs to a service, or says so. */
export function isManaged({ metadata }: IPAddress): boolean {
  return metadata.labels?.[managedByLabel] === allocatorName;
}

/** The key of the service that an address is of; undefined when it is of something else. */
export function parentService({
  spec,
}: IPAddress): { namespace: string; name: string } | undefined {
  const { group = '', resource, namespace = '', name } = spec.parentRef;
  return group === '' && resource === 'services' ? { namespace, name } : undefined;
}

/** True for an address of this service. */
export function isOfService(address: IPAddress, service: Named): boolean {
  const { namespace = '', name } = service.metadata;
  const parent = parentService(address);
  return parent?.namespace === namespace && parent.name === name;
}

/** The family of an address, as it is told of it. */
export function familyOf(address: string): 'IPv4' | 'IPv6' {
  return address.includes(':') ? 'IPv6' : 'IPv4';
}

/** The IPAddress that a service ought to have. */
export function addressFor(address: string, service: Named): IPAddress {
  const { namespace = '', name } = service.metadata;
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IPAddress',
    metadata: {
      name: address,
      labels: { [familyLabel]: familyOf(address), [managedByLabel]: allocatorName },
    },
    spec: { parentRef: { resource: 'services', namespace, name } },
  };
}
