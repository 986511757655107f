import type { AddressPool, Offer } from './address-pool.js';

/** Where the values come from that a service does not say itself; undefined when there are none left. */
export interface Draws {
  address(): Offer | undefined;
  /** @param used ports that the service has already */
  port(used: ReadonlySet<number>): number | undefined;
}

/** The port before the first one of a dry run. */
const beforePorts = 32_768;

/**
 * What a dry run shows, as kube-apiserver's: the address of the network itself, which no service is ever given, and
 * ports one after the other, free or not. What a later write gets is another matter.
 * @see kubernetes pkg/registry/core/service/ipallocator, portallocator/operation.go
 */
export function pretendedDraws(pool: AddressPool): Draws {
  return {
    address: () => pool.network(),
    port: (used) => (used.size === 0 ? beforePorts : Math.max(...used)) + 1,
  };
}
