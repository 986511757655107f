/**
 * The ranges of services: which may go, and what is to be done about addresses that do not fit their services. Pure.
 * @see kubernetes pkg/controller/servicecidrs, pkg/registry/core/service/ipallocator/controller/repairip.go
 */
import {
  familyLabel,
  familyOf,
  isManaged,
  isOfService,
  parentService,
} from '../../../api/facts/service-addresses.js';
import { parentText } from '../../../api/networking/address-kinds.js';
import type { Service } from '../../../api/types/core.js';
import type { IPAddress, ServiceCIDR } from '../../../api/types/networking.js';
import type { IpNumber, IpRange } from '../../../api/validation/ip-text.js';
import { ipNumber, ipRange, rangeHolds, rangeStart } from '../../../api/validation/ip-text.js';

/** The finalizer that holds a ServiceCIDR while addresses of it are in use. */
export const cidrFinalizer = 'networking.k8s.io/service-cidr-finalizer';
/** The time that the allocators have to learn of a deletion. */
export const deletionGraceMs = 10_000;
/** The time in which a service may still come for an address. */
export const orphanGraceMs = 60_000;

function rangesOf({ spec }: ServiceCIDR): IpRange[] {
  return (spec.cidrs ?? []).map(ipRange).filter((range) => range !== undefined);
}

/** True for an address that services may have of a range: neither the network's own nor IPv4's broadcast address. */
function isUsable(range: IpRange, ip: IpNumber): boolean {
  if (!rangeHolds(range, ip)) return false;
  const first = rangeStart(range).number;
  const last = first + (1n << BigInt(ip.bits - range.length)) - 1n;
  return ip.number !== first && (ip.bits === 128 || ip.number !== last);
}

/** The ServiceCIDRs that have an address. */
export function cidrsWith(address: string, cidrs: readonly ServiceCIDR[]): ServiceCIDR[] {
  const ip = ipNumber(address);
  if (ip === undefined) return [];
  return cidrs.filter((cidr) => rangesOf(cidr).some((range) => isUsable(range, ip)));
}

function contains(outer: IpRange, inner: IpRange): boolean {
  return outer.length <= inner.length && rangeHolds(outer, inner.ip);
}

/** The other ServiceCIDRs that have a range within one of this one, or around it. */
export function overlapping(cidr: ServiceCIDR, cidrs: readonly ServiceCIDR[]): ServiceCIDR[] {
  const own = rangesOf(cidr);
  return cidrs.filter(
    (other) =>
      other.metadata.name !== cidr.metadata.name &&
      rangesOf(other).some((range) =>
        own.some((mine) => contains(range, mine) || contains(mine, range)),
      ),
  );
}

/**
 * True when no address is left without a ServiceCIDR by the end of this one: others have all of its ranges, or all of
 * its addresses that are in use.
 */
export function mayGo(
  cidr: ServiceCIDR,
  cidrs: readonly ServiceCIDR[],
  addresses: readonly IPAddress[],
): boolean {
  const own = rangesOf(cidr);
  const others = cidrs.filter(({ metadata }) => metadata.name !== cidr.metadata.name);
  const around = others.flatMap(rangesOf);
  if (own.every((range) => around.some((outer) => contains(outer, range)))) return true;
  return addresses.every((address) => {
    const ip = isManaged(address) ? ipNumber(address.metadata.name) : undefined;
    if (ip === undefined) return true;
    const isIn = (range: IpRange): boolean => isUsable(range, ip);
    return !own.some(isIn) || around.some(isIn);
  });
}

/** The condition of a ServiceCIDR that gives addresses. */
export const readyCondition = {
  type: 'Ready',
  status: 'True',
  reason: '',
  message: 'Kubernetes Service CIDR is ready',
} as const;

/** The condition of a ServiceCIDR that waits for its addresses. */
export const heldCondition = {
  type: 'Ready',
  status: 'False',
  reason: 'Terminating',
  message:
    'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR',
} as const;

/** A warning to write about a service or an address. */
export interface Warning {
  readonly reason: string;
  readonly message: string;
}

/** The next step for the address of a service. */
export type ServiceStep =
  | { readonly type: 'none'; readonly warning?: Warning }
  | { readonly type: 'create' | 'recreate'; readonly warning?: Warning };

/** The address of a service; undefined for none. */
export function addressOf({ spec }: Service): string | undefined {
  const { clusterIP = '' } = spec;
  return clusterIP === '' || clusterIP === 'None' ? undefined : clusterIP;
}

/** What is known of the address of a service. */
export interface AddressState {
  readonly present: IPAddress | undefined;
  readonly cidrs: readonly ServiceCIDR[];
  /** The service that the address says it is of. */
  readonly parent: Service | undefined;
}

/** Returns what is to be done so that the address of a service is said to be its own. */
export function planService(service: Service, address: string, state: AddressState): ServiceStep {
  const { namespace = '', name } = service.metadata;
  const family = familyOf(address);
  if (state.cidrs.length === 0) return { type: 'none' };
  const cluster = `Cluster IP [${family}]: ${address}`;
  if (cidrsWith(address, state.cidrs).length === 0) {
    const message = `${cluster} is not within any configured Service CIDR; please recreate service`;
    return { type: 'none', warning: { reason: 'ClusterIPOutOfRange', message } };
  }
  const reason = 'ClusterIPNotAllocated';
  const { present, parent } = state;
  if (present === undefined) {
    return {
      type: 'create',
      warning: { reason, message: `${cluster} is not allocated; repairing` },
    };
  }
  if (!isOfService(present, service)) {
    if (parent === undefined) {
      const message =
        `the ClusterIP [${family}]: ${address} for Service ${namespace}/${name} ` +
        'has a wrong reference; repairing';
      return { type: 'recreate', warning: { reason, message } };
    }
    // One that is of a service that does not have it is deleted, and made again afterwards.
    if (addressOf(parent) !== address) return { type: 'none' };
    const message = `Cluster IP [${family}]:${address} was assigned to multiple services; please recreate service`;
    return { type: 'none', warning: { reason: 'ClusterIPAlreadyAllocated', message } };
  }
  const isLabelled = isManaged(present) && present.metadata.labels?.[familyLabel] === family;
  return { type: isLabelled ? 'none' : 'recreate' };
}

/** The next step for an address that says it belongs to a service. */
export type AddressStep =
  | { readonly type: 'none' }
  | { readonly type: 'wait'; readonly ms: number }
  | { readonly type: 'delete'; readonly warning: Warning };

/** Returns what is to be done about an address, given the service that it says it is of. */
export function planAddress(
  address: IPAddress,
  parent: Service | undefined,
  nowMs: number,
): AddressStep {
  if (!isManaged(address)) return { type: 'none' };
  const { name, creationTimestamp } = address.metadata;
  const key = parentService(address);
  if (key === undefined) {
    const message =
      `IPAddress ${name} appears to have been modified, not referencing a Service ` +
      `${parentText(address)}: cleaning up`;
    return { type: 'delete', warning: { reason: 'IPAddressNotAllocated', message } };
  }
  const service = `IPAddress: ${name} for Service ${key.namespace}/${key.name}`;
  if (parent === undefined) {
    const ageMs = nowMs - Date.parse(creationTimestamp ?? '');
    if (ageMs <= orphanGraceMs) return { type: 'wait', ms: orphanGraceMs - ageMs + 1 };
    const message = `${service} appears to have leaked: cleaning up`;
    return { type: 'delete', warning: { reason: 'IPAddressNotAllocated', message } };
  }
  if (addressOf(parent) === name) return { type: 'none' };
  const message = `${service} has a wrong reference; cleaning up`;
  return { type: 'delete', warning: { reason: 'IPAddressWrongReference', message } };
}
