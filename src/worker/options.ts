import type { Taint } from '../api/types/core.js';
import { Command } from 'commander';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { declareEvictionFlags } from './eviction/flags.js';
import type { EvictionFlags, EvictionSettings } from './eviction/thresholds.js';
import { readEvictionFlags } from './eviction/thresholds.js';
import { sysctlPatternProblem } from './pod/admission.js';
import { oneOf, parseFlags, wholeNumber } from '../lib/flags.js';
import { readJoinToken } from '../lib/join-token.js';
import { ownAddress } from '../lib/own-address.js';
import { UsageError } from '../lib/usage-error.js';
import type { ProxyFlags, ProxyOptions } from './proxy/flags.js';
import { declareProxyFlags, readProxyFlags } from './proxy/flags.js';

/** The implementation of `ContainerRuntime` that runs the containers. */
export type RuntimeName = 'containerd' | 'process' | 'hollow' | 'cri';

/** The flags of `trireme worker`, parsed. */
export interface WorkerOptions extends ProxyOptions {
  readonly nodeName: string;
  readonly dataDir: string;
  readonly nodeIp: string;
  readonly runtime: RuntimeName | 'auto';
  /** Start a containerd of our own; else the one at `containerdSocket` is used. */
  readonly containerdManaged: boolean;
  readonly containerdSocket: string | undefined;
  /** The socket of a runtime that is spoken to by CRI. */
  readonly criEndpoint: string;
  /** Where that runtime looks for its networks; undefined: another network plugin configures them. */
  readonly cniConfDir: string | undefined;
  readonly imagesDir: string | undefined;
  /** Where device plugins register; undefined: they cannot. */
  readonly devicePluginDir: string | undefined;
  readonly agentPort: number;
  /** The proxy runs in the agent's process, and ends with it. */
  readonly proxyInProcess: boolean;
  readonly join: JoinTarget | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly podsMax: number;
  /** Sysctls beyond the safe ones that pods may set; names or prefixes ending in `*`. */
  readonly unsafeSysctls: readonly string[];
  readonly eviction: EvictionSettings;
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

interface Flags extends ProxyFlags, EvictionFlags {
  readonly nodeName?: string;
  readonly dataDir: string;
  readonly nodeIp?: string;
  readonly runtime: string;
  readonly containerdManaged?: boolean;
  readonly containerdSocket?: string;
  readonly criEndpoint: string;
  readonly cniConfDir: string;
  readonly imagesDir?: string;
  readonly devicePluginDir: string;
  readonly agentPort: string;
  readonly proxyInProcess?: boolean;
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

function declare(name: string): Command {
  const ofNode = new Command(name)
    .option('--node-name <name>', 'this node; unique in the cluster (default: the host name)')
    .option(
      '--data-dir <dir>',
      'directory of credentials, volumes, logs',
      '/var/lib/trireme/worker',
    )
    .option('--node-ip <ip>', 'address at which other machines reach this one')
    .option('--runtime <name>', 'auto, containerd, process, hollow or cri', 'auto')
    .option('--containerd-managed', 'start a containerd of our own')
    .option('--containerd-socket <path>', 'socket of the containerd to use, or of ours')
    .option(
      '--cri-endpoint <unix:///path>',
      'socket of the container runtime, with --runtime cri',
      'unix:///run/containerd/containerd.sock',
    )
    .option(
      '--cni-conf-dir <dir>',
      "where that runtime looks for networks: the pod network's is written there; none: another plugin's is used",
      '/etc/cni/net.d',
    )
    .option('--images-dir <dir>', 'image archives (*.tar) to import at start')
    .option(
      '--device-plugin-dir <dir>',
      'where device plugins register (kubelet.sock); none: they cannot',
      '/var/lib/kubelet/device-plugins',
    )
    .option(
      '--agent-port <port>',
      "port of the node's agent: logs, exec, attach, port-forward",
      '10250',
    )
    .option('--proxy-in-process', "run the node's proxy here, instead of `trireme netproxy`");
  return declareProxyFlags(declareEvictionFlags(ofNode))
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
  const parsed = parseFlags<Flags>(declare('trireme worker'), argv);
  if (parsed.help) return undefined;
  return readFlags(parsed.options);
}

const runtimes = ['auto', 'containerd', 'process', 'hollow', 'cri'] as const;

/** The flags of `trireme netproxy`, parsed. */
export type NetproxyCommand = ProxyOptions &
  Pick<WorkerOptions, 'nodeName' | 'dataDir' | 'nodeIp' | 'logLevel'>;

/** Flags of its own command line, besides those of the proxy. */
const alsoOfNetproxy = new Set(['--node-name', '--data-dir', '--node-ip', '--log-level']);

/**
 * Parses the flags of `trireme netproxy`. It takes a worker's, and passes over those that are the agent's alone: one
 * line of flags starts both processes of a node.
 * @returns undefined when help was printed. @throws UsageError
 */
export function parseNetproxyOptions(argv: readonly string[]): NetproxyCommand | undefined {
  const command = declare('trireme netproxy');
  const own = new Set(declareProxyFlags(new Command()).options.map(({ long }) => long));
  for (const option of command.options) {
    const { long } = option;
    if (!own.has(long) && !alsoOfNetproxy.has(long ?? '')) option.hideHelp();
  }
  command.description("The flags of `trireme worker` are taken too: the agent's are passed over.");
  const parsed = parseFlags<Flags>(command, argv);
  if (parsed.help) return undefined;
  const { proxyInProcess = false, ...flags } = parsed.options;
  if (proxyInProcess) {
    throw new UsageError('--proxy-in-process: the agent of this node runs the proxy itself');
  }
  return { ...readNode(flags), ...readProxyFlags(flags) };
}

function readNode(
  flags: Flags,
): Pick<WorkerOptions, 'nodeName' | 'dataDir' | 'nodeIp' | 'logLevel'> {
  return {
    nodeName: flags.nodeName ?? hostname().toLowerCase(),
    dataDir: resolve(flags.dataDir),
    nodeIp: flags.nodeIp ?? ownAddress(),
    logLevel: oneOf('--log-level', flags.logLevel, ['debug', 'info', 'warn', 'error']),
  };
}

function readFlags(flags: Flags): WorkerOptions {
  return {
    ...readNode(flags),
    runtime: oneOf('--runtime', flags.runtime, runtimes),
    containerdManaged: flags.containerdManaged ?? false,
    containerdSocket: flags.containerdSocket,
    criEndpoint: readEndpoint(flags.criEndpoint),
    cniConfDir: flags.cniConfDir === 'none' ? undefined : resolve(flags.cniConfDir),
    imagesDir: flags.imagesDir === undefined ? undefined : resolve(flags.imagesDir),
    devicePluginDir: flags.devicePluginDir === 'none' ? undefined : resolve(flags.devicePluginDir),
    agentPort: wholeNumber('--agent-port', flags.agentPort, 0, 65_535),
    proxyInProcess: flags.proxyInProcess ?? false,
    ...readProxyFlags(flags),
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
    eviction: readEvictionFlags(flags),
    leaseRenewMs: wholeNumber('--lease-renew-ms', flags.leaseRenewMs, 100, 60_000),
    leaseSeconds: wholeNumber('--lease-seconds', flags.leaseSeconds, 1, 3600),
    hollowNodes: wholeNumber('--hollow-nodes', flags.hollowNodes, 0, 10_000),
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

/** A URL, or the path alone as `crictl` took it once. @throws UsageError */
function readEndpoint(text: string): string {
  const path = text.replace(/^unix:\/\//, '');
  if (path.startsWith('/')) return `unix://${path}`;
  throw new UsageError(`--cri-endpoint: "${text}" is not a socket of this machine (unix:///path)`);
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
