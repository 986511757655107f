/** Helpers for all ports of a member. */
import type { ListenAddress } from '../../lib/grpc/index.js';
import { unixPath } from '../../lib/member-url.js';
import type { Logger } from '../../lib/log.js';

/** Returns the address to listen on for a URL. */
export function addressOf(url: string): ListenAddress {
  const path = unixPath(url);
  if (path !== undefined) return { path };
  const { hostname, port } = new URL(url);
  const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  return { host: host === 'localhost' ? '127.0.0.1' : host, port: Number(port) };
}

/** Logs connections that were refused, in etcd's words: operators look for them when certificates do not fit. */
export function rejectedAt(
  endpoint: 'client' | 'peer',
  log: Logger,
): (error: Error, remoteAddress: string | undefined) => void {
  return (error, remoteAddress) => {
    const text = `rejected connection on ${endpoint} endpoint`;
    log.warn({ remoteAddress, reason: error.message }, text);
  };
}
