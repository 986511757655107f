/** Helpers for all ports of a member. */
import type { ListenAddress, ServerTls } from '../../lib/grpc/index.js';
import { unixPath } from '../../lib/member-url.js';
import type { Logger } from '../../lib/log.js';
import type { TlsSource } from '../../lib/pki/tls-source.js';

/** An address to listen on, and what is spoken there: TLS, plain text, or both. */
export interface Binding {
  readonly address: ListenAddress;
  readonly tls?: TlsSource<ServerTls>;
  readonly acceptsPlain?: boolean;
}

/**
 * The addresses of URLs, each once: with `http://H:P` and `https://H:P` both are spoken at H:P, as etcd does.
 * @param tls undefined: plain text is spoken whatever the URLs say
 */
export function bindings(
  urls: readonly string[],
  tls: TlsSource<ServerTls> | undefined,
): readonly Binding[] {
  const isSecure = (url: string): boolean => tls !== undefined && url.startsWith('https:');
  const byAddress = new Map<string, string[]>();
  for (const url of urls) {
    const key = JSON.stringify(addressOf(url));
    byAddress.set(key, [...(byAddress.get(key) ?? []), url]);
  }
  return [...byAddress.values()].map((same) => {
    const address = addressOf(same[0] ?? '');
    if (tls === undefined || !same.some(isSecure)) return { address };
    return { address, tls, acceptsPlain: !same.every(isSecure) };
  });
}

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
