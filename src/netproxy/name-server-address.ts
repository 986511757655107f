import type { DnsOptions, ProxyMode } from './types.js';

/** What the place of a node's name server depends on. */
export interface NameServerPlace {
  /** False: no name server on this node; its address is that of the cluster DNS service all the same. */
  readonly dns?: DnsOptions | false;
  readonly mode: ProxyMode;
  readonly clusterDns: string;
  readonly nodeIp: string;
}

/**
 * Chooses the address of the name server. Where root proxies services, it is the cluster DNS service's own address,
 * which every node then has on its loopback.
 */
export function nameServerAddress({ dns, mode, clusterDns, nodeIp }: NameServerPlace): {
  readonly address: string;
  readonly port: number;
  /** The address is ours to add to the loopback. */
  readonly own: boolean;
} {
  const given = dns === false ? {} : (dns ?? {});
  const root = process.getuid?.() === 0;
  const own = given.bindAddress === undefined && mode !== 'none' && root;
  const address = given.bindAddress ?? (own ? clusterDns : nodeIp);
  return { address, port: given.port ?? (root ? 53 : 10_053), own };
}
