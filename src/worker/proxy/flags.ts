/** The flags of a node's proxy, which its agent and `trireme netproxy` both take: one line starts either. */
import type { Command } from 'commander';
import { isIP } from 'node:net';
import { oneOf, wholeNumber } from '../../lib/flags.js';
import { UsageError } from '../../lib/usage-error.js';
import { parseCidr, proxyModes } from '../../netproxy/index.js';
import type { PortAddress, ProxyMode } from '../../netproxy/index.js';

/** The settings of a node's proxy. */
export interface ProxyOptions {
  readonly netproxyMode: ProxyMode | undefined;
  /** Where the proxy serves its metrics; undefined: nowhere. */
  readonly netproxyMetrics: PortAddress | undefined;
  /** Where the proxy answers for its health; undefined: nowhere. */
  readonly netproxyHealthz: PortAddress | undefined;
  readonly ingressHttpPort: number | undefined;
  readonly ingressHttpsPort: number | undefined;
  /** Blocks of proxies whose X-Forwarded fields the ingress believes. */
  readonly ingressTrustedProxies: readonly string[];
  readonly dnsPort: number | undefined;
}

/** The flags as texts. */
export interface ProxyFlags {
  readonly netproxyMode?: string;
  readonly netproxyMetricsBindAddress: string;
  readonly netproxyHealthzBindAddress: string;
  readonly ingressHttpPort?: string;
  readonly ingressHttpsPort?: string;
  readonly ingressTrustedProxies?: string;
  readonly dnsPort?: string;
}

/** Adds the flags to a command. */
export function declareProxyFlags(command: Command): Command {
  return command
    .option(
      '--netproxy-mode <mode>',
      'iptables, nftables, userspace or none (default: iptables as root)',
    )
    .option(
      '--netproxy-metrics-bind-address <ip:port>',
      "address of the proxy's metrics, which asks nobody who he is; port 0: none",
      '127.0.0.1:10249',
    )
    .option(
      '--netproxy-healthz-bind-address <ip:port>',
      "address of the proxy's health, for load balancers; port 0: none",
      '0.0.0.0:10256',
    )
    .option('--ingress-http-port <port>', 'port of the ingress; 0: none (default: 80 as root)')
    .option('--ingress-https-port <port>', 'the same for HTTPS (default: 443 as root)')
    .option(
      '--ingress-trusted-proxies <cidrs>',
      'IPv4 blocks of proxies in front whose X-Forwarded-* are believed (default: none)',
    )
    .option('--dns-port <port>', "port of the cluster's DNS on this node (default: 53 as root)");
}

/** @throws UsageError */
export function readProxyFlags(flags: ProxyFlags): ProxyOptions {
  const optionalPort = (name: string, text: string | undefined): number | undefined =>
    text === undefined ? undefined : wholeNumber(name, text, 0, 65_535);
  const { netproxyMode: mode } = flags;
  return {
    netproxyMode: mode === undefined ? undefined : oneOf('--netproxy-mode', mode, proxyModes),
    netproxyMetrics: readAddress(
      '--netproxy-metrics-bind-address',
      flags.netproxyMetricsBindAddress,
    ),
    netproxyHealthz: readAddress(
      '--netproxy-healthz-bind-address',
      flags.netproxyHealthzBindAddress,
    ),
    ingressHttpPort: optionalPort('--ingress-http-port', flags.ingressHttpPort),
    ingressHttpsPort: optionalPort('--ingress-https-port', flags.ingressHttpsPort),
    ingressTrustedProxies: (flags.ingressTrustedProxies ?? '')
      .split(',')
      .filter((part) => part !== '')
      .map(readBlock),
    dnsPort: optionalPort('--dns-port', flags.dnsPort),
  };
}

/** An address to listen at. @returns undefined for port 0. @throws UsageError */
function readAddress(name: string, text: string): PortAddress | undefined {
  const at = text.lastIndexOf(':');
  const host = text.slice(0, Math.max(at, 0)).replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) === 0)
    throw new UsageError(`${name} takes an IP address and a port, not "${text}"`);
  const port = wholeNumber(name, text.slice(at + 1), 0, 65_535);
  return port === 0 ? undefined : { host, port };
}

function readBlock(text: string): string {
  if (parseCidr(text) === undefined) {
    throw new UsageError(`--ingress-trusted-proxies: "${text}" is not an IPv4 block`);
  }
  return text;
}
