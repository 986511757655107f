import { isIPv4 } from 'node:net';
import type { Service } from '../types/core.js';
import { findCondition } from './conditions.js';

/** The class of Services whose address comes from the cluster's own pool; one without a class is ours as well. */
export const ownLoadBalancerClass = 'trireme.dev/pool';

/**
 * The condition of a Service that has, or waits for, an address of the pool. Only holders of `services/status` write
 * it: what it says may be announced to the network, what a Service's author says may not.
 */
export const poolCondition = 'trireme.dev/AddressFromPool';

/** The IPv4 addresses that nodes announce for the Service. */
export function announcedAddresses({ spec, status }: Service): string[] {
  if (spec?.type !== 'LoadBalancer') return [];
  if (findCondition(status?.conditions, poolCondition)?.status !== 'True') return [];
  return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip = '' }) => (isIPv4(ip) ? [ip] : []));
}
