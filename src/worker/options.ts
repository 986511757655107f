import type { Taint } from '../api/types/core.js';
import { Command } from 'commander';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { isIP } from 'node:net';
import type { PortAddress } from '../netproxy/index.js';
import { parseCidr } from '../netproxy/index.js';
import { sysctlPatternProblem } from './pod/admission.js';
import { oneOf, parseFlags, wholeNumber } from '../lib/flags.js';
import { readJoinToken } from '../lib/join-token.js';
import { ownAddress } from '../lib/own-address.js';
import { UsageError } from '../lib/usage-error.js';

/** The implementation of `ContainerRuntime` that runs the containers. */
export type RuntimeName = 'containerd' | 'process' | 'hollow';

/** The flags of `trireme worker`, parsed. */
export interface WorkerOptions {
  readonly nodeName: string;
  readonly dataDir: string;
  readonly nodeIp: string;
  readonly runtime: RuntimeName | 'auto';
  /** Start a containerd of our own; else the one at `containerdSocket` is used. */
  readonly containerdManaged: boolean;
  readonly containerdSocket: string | undefined;
  readonly imagesDir: string | undefined;
  readonly agentPort: number;
  readonly netproxyMode: 'iptables' | 'userspace' | 'none' | undefined;
  /** Where the proxy serves its metrics; undefined: nowhere. */
  readonly netproxyMetrics: PortAddress | undefined;
  /** Where the proxy answers for its health; undefined: nowhere. */
  readonly netproxyHealthz: PortAddress | undefined;
  readonly ingressHttpPort: number | undefined;
  readonly ingressHttpsPort: number | undefined;
  /** Blocks of proxies whose X-Forwarded fields the ingress believes. */
  readonly ingressTrustedProxies: readonly string[];
  readonly dnsPort: number | undefined;
  readonly join: JoinTarget | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly podsMax: number;
  /** Sysctls beyond the safe ones that pods may set; names or prefixes ending in `*`. */
  readonly unsafeSysctls: readonly string[];
  readonly leaseRenewMs: number;
  readonly leaseSeconds: number;
  readonly hollowNodes: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
}

/** The cluster that a new node joins, as `trireme token create` prints it. */
export interface JoinTarget {
  readonly servers: readonly string[];
  readonly token: string;
  /** `sha256:<hex>` of the authority's public key. */
  readonly caHash: string;
}

interface Flags {
  readonly nodeName?: string;
  readonly dataDir: string;
  readonly nodeIp?: string;
  readonly runtime: string;
  readonly containerdManaged?: boolean;
  readonly containerdSocket?: string;
  readonly imagesDir?: string;
  readonly agentPort: string;
  readonly netproxyMode?: string;
  readonly netproxyMetricsBindAddress: string;
  readonly netproxyHealthzBindAddress: string;
  readonly ingressHttpPort?: string;
  readonly ingressHttpsPort?: string;
  readonly ingressTrustedProxies?: string;
  readonly dnsPort?: string;
  readonly join?: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly caHash?: string;
  readonly nodeLabels: string;
  readonly registerWithTaints: string;
  readonly maxPods: string;
  readonly allowedUnsafeSysctls: string;
  readonly leaseRenewMs: string;
  readonly leaseSeconds: string;
  readonly hollowNodes: string;
  readonly logLevel: string;
}

function declare(): Command {
  return new Command('trireme worker')
    .option('--node-name <name>', 'this node; unique in the cluster (default: the host name)')
    .option(
      '--data-dir <dir>',
      'directory of credentials, volumes, logs',
      '/var/lib/trireme/worker',
    )
    .option('--node-ip <ip>', 'address at which other machines reach this one')
    .option('--runtime <name>', 'auto, containerd, process or hollow', 'auto')
    .option('--containerd-managed', 'start a containerd of our own')
    .option('--containerd-socket <path>', 'socket of the containerd to use, or of ours')
    .option('--images-dir <dir>', 'image archives (*.tar) to import at start')
    .option(
      '--agent-port <port>',
      "port of the node's agent: logs, exec, attach, port-forward",
      '10250',
    )
    .option('--netproxy-mode <mode>', 'iptables, userspace or none (default: iptables as root)')
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
    .option('--dns-port <port>', "port of the cluster's DNS on this node (default: 53 as root)")
    .option('--join <host:port,...>', 'masters of the cluster to join (gRPC)')
    .option('--token <token>', 'from `trireme token create`')
    .option('--token-file <file>', 'the token in a file, unseen by other users (-: standard input)')
    .option('--ca-hash <sha256:hex>', "hash of the cluster's authority, from the same command")
    .option('--node-labels <k=v,...>', 'labels of the node', '')
    .option('--register-with-taints <k=v:effect,...>', 'taints of a new node', '')
    .option('--max-pods <count>', 'most pods on this node', '110')
    .option('--allowed-unsafe-sysctls <names>', 'sysctls that pods may set too; may end in *', '')
    .option('--lease-renew-ms <ms>', 'milliseconds between two heartbeats', '10000')
    .option('--lease-seconds <seconds>', 'validity of a heartbeat in seconds', '40')
    .option('--hollow-nodes <count>', 'pretend to be so many nodes (hollow runtime)', '0')
    .option('--log-level <level>', 'debug, info, warn or error', 'info');
}

/** @returns undefined when help was printed. @throws UsageError */
export function parseWorkerOptions(argv: readonly string[]): WorkerOptions | undefined {
  const parsed = parseFlags<Flags>(declare(), argv);
  if (parsed.help) return undefined;
  return readFlags(parsed.options);
}

function readFlags(flags: Flags): WorkerOptions {
  const port = (name: string, text: string): number => wholeNumber(name, text, 0, 65_535);
  const optionalPort = (name: string, text: string | undefined): number | undefined =>
    text === undefined ? undefined : port(name, text);
  const modes = ['iptables', 'userspace', 'none'] as const;
  return {
    nodeName: flags.nodeName ?? hostname().toLowerCase(),
    dataDir: resolve(flags.dataDir),
    nodeIp: flags.nodeIp ?? ownAddress(),
    runtime: oneOf('--runtime', flags.runtime, ['auto', 'containerd', 'process', 'hollow']),
    containerdManaged: flags.containerdManaged ?? false,
    containerdSocket: flags.containerdSocket,
    imagesDir: flags.imagesDir === undefined ? undefined : resolve(flags.imagesDir),
    agentPort: port('--agent-port', flags.agentPort),
    netproxyMode:
      flags.netproxyMode === undefined
        ? undefined
        : oneOf('--netproxy-mode', flags.netproxyMode, modes),
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
    ingressTrustedProxies: list(flags.ingressTrustedProxies ?? '').map(readBlock),
    dnsPort: optionalPort('--dns-port', flags.dnsPort),
    join: readJoin(flags),
    labels: Object.fromEntries(
      list(flags.nodeLabels).map((text): [string, string] => {
        const [key = '', ...value] = text.split('=');
        return [key, value.join('=')];
      }),
    ),
    taints: list(flags.registerWithTaints).map(readTaint),
    unsafeSysctls: list(flags.allowedUnsafeSysctls).map(readSysctl),
    podsMax: wholeNumber('--max-pods', flags.maxPods, 1, 10_000),
    leaseRenewMs: wholeNumber('--lease-renew-ms', flags.leaseRenewMs, 100, 60_000),
    leaseSeconds: wholeNumber('--lease-seconds', flags.leaseSeconds, 1, 3600),
    hollowNodes: wholeNumber('--hollow-nodes', flags.hollowNodes, 0, 10_000),
    logLevel: oneOf('--log-level', flags.logLevel, ['debug', 'info', 'warn', 'error']),
  };
}

function readJoin(flags: Flags): JoinTarget | undefined {
  if (flags.join === undefined) return undefined;
  const token = readJoinToken(flags, process.env);
  if (token === undefined || flags.caHash === undefined) {
    throw new UsageError(
      '--join needs --token or --token-file, and --ca-hash: `trireme token create` prints them',
    );
  }
  return { servers: list(flags.join), token, caHash: flags.caHash };
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

function readSysctl(pattern: string): string {
  const problem = sysctlPatternProblem(pattern);
  if (problem !== undefined) throw new UsageError(`--allowed-unsafe-sysctls: ${problem}`);
  return pattern;
}

function readTaint(text: string): Taint {
  const match = /^([^=:]+)(?:=([^:]*))?:(NoSchedule|PreferNoSchedule|NoExecute)$/.exec(text);
  if (match === null) throw new UsageError(`"${text}" is not a taint (key=value:effect)`);
  const [, key = '', value, effect = ''] = match;
  return { key, effect, ...(value === undefined ? {} : { value }) };
}

function list(text: string): string[] {
  return text.split(',').filter((part) => part !== '');
}
