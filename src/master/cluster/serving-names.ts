/** The names and addresses in a node's serving certificate: its own name, and the address that it calls from. */
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { MasterRecord } from './master-registry.js';
import type { ClusterSettings } from './settings.js';
import { apiServiceAddress, clusterDnsAddress } from './settings.js';

/** Names that mean the API server wherever they are used. */
function apiNames({ clusterDomain }: ClusterSettings): readonly string[] {
  const service = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc'];
  return ['localhost', ...service, `kubernetes.default.svc.${clusterDomain}`];
}

/** The host of `host:port`, an IPv4 address in IPv6's clothes as itself. */
export function hostOf(hostAndPort: string): string {
  const at = hostAndPort.lastIndexOf(':');
  const host = at < 0 ? hostAndPort : hostAndPort.slice(0, at);
  return host.replace(/^\[|\]$/g, '').replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
}

/**
 * The hosts that no node may have as its name or in its certificate: every name and address of a master and of the API.
 * A certificate with one of them would pass for the API server's, since both have the same authority.
 * @param servingCertificate PEM of this master's: it names what its operator has added (`--extra-host`)
 */
export function reservedHosts(
  masters: readonly Pick<MasterRecord, 'name' | 'grpcAddress' | 'restAddress'>[],
  settings: ClusterSettings,
  servingCertificate: string,
): ReadonlySet<string> {
  const own = (new X509Certificate(servingCertificate).subjectAltName ?? '')
    .split(', ')
    .map((name) => name.replace(/^(DNS|IP Address):/, ''));
  const known = masters.flatMap((master) => [
    master.name,
    hostOf(master.grpcAddress),
    hostOf(master.restAddress),
  ]);
  const api = [apiServiceAddress(settings), clusterDnsAddress(settings), ...apiNames(settings)];
  return new Set([...own, ...known, ...api].filter((host) => host !== ''));
}

/**
 * The names that a node's serving certificate gets of those that its request asks for. An address counts only if the
 * request came from it: what a node says about itself proves nothing.
 */
export function servingHosts(
  wanted: readonly string[],
  node: { readonly name: string; readonly seenAddress: string },
  reserved: ReadonlySet<string>,
): string[] {
  const granted = wanted.filter(
    (host) => host === node.name || (isIP(host) !== 0 && host === node.seenAddress),
  );
  const bears = (host: string): boolean =>
    !reserved.has(host) && (isIP(host) === 0 || host === node.seenAddress);
  return [...new Set(granted)].filter(bears);
}
