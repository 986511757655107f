import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { HostRecord } from '../home.js';
import { networkLog, packageRoot, programPath } from '../home.js';
import type { HostNetwork } from './network.js';
import { namespaceName } from './network.js';

/** The directory of the images that scripts/images/build makes, for every cluster of this checkout. */
export const imagesDirectory = join(packageRoot, 'dist', 'images');

/** A host as planned: everything but its processes. */
export type HostPlan = Omit<HostRecord, 'pid' | 'proxy'>;

/** The layout of a home's hosts. */
export interface Layout {
  readonly home: string;
  readonly masters: number;
  readonly workers: number;
  readonly runtime: string;
  /** Undefined: plain processes that share the machine's own network. */
  readonly network: HostNetwork | undefined;
  readonly extraArguments: {
    readonly master: readonly string[];
    readonly worker: readonly string[];
  };
}

/** The arguments by which a host joins; absent for the first master. */
export interface JoinArguments {
  readonly servers: string;
  /** Holds the token: command lines are for all to see. */
  readonly tokenFile: string;
  readonly caHash: string;
}

/** Ports of the n-th master (from 0): the usual ones, moved by a thousand each where all share one address. */
export function masterPorts(
  layout: Layout,
  n: number,
): Record<'rest' | 'grpc' | 'etcdClient' | 'etcdPeer' | 'scheduler' | 'controllers', number> {
  const shift = layout.network === undefined ? n * 1000 : 0;
  return {
    rest: 6443 + shift,
    grpc: 6444 + shift,
    etcdClient: 2379 + shift,
    etcdPeer: 2380 + shift,
    scheduler: 10_259 + shift,
    controllers: 10_257 + shift,
  };
}

/**
 * Workers that share one address have their ports so far apart: 10249, 10250 and 10256 of one are never those of
 * another, nor 10257 and 10259 of a master, which lie whole steps further on.
 */
const workerPortStep = 20;

/** The address of the n-th master. */
export function masterAddress(layout: Layout, n: number): string {
  return layout.network === undefined ? '127.0.0.1' : `${layout.network.prefix}.${11 + n}`;
}

/** Plans the start of the n-th master; `joining` for all but the first. */
export function planMaster(layout: Layout, n: number, joining?: JoinArguments): HostPlan {
  const name = `master-${n + 1}`;
  const ports = masterPorts(layout, n);
  const dataDir = join(layout.home, name);
  const command = [
    'master',
    `--name=${name}`,
    `--data-dir=${dataDir}`,
    `--address=${masterAddress(layout, n)}`,
    `--rest-port=${ports.rest}`,
    `--grpc-port=${ports.grpc}`,
    `--etcd-client-port=${ports.etcdClient}`,
    `--etcd-peer-port=${ports.etcdPeer}`,
    `--scheduler-port=${ports.scheduler}`,
    `--controller-manager-port=${ports.controllers}`,
    ...(layout.network === undefined ? [] : [`--extra-host=${layout.network.prefix}.1`]),
    ...joinFlags(joining),
    ...layout.extraArguments.master,
  ];
  return {
    name,
    role: 'master',
    netns: layout.network === undefined ? null : namespaceName(layout.home, `m${n + 1}`),
    address: masterAddress(layout, n),
    containerd: null,
    dataDir,
    logFile: join(layout.home, 'logs', `${name}.log`),
    command,
  };
}

/**
 * The disk is not a node's own but somebody's who works on it, and may be nearly full all the time: nothing is evicted
 * for shares of it, only before pods fill it up. kind and k3s lower kubelet's thresholds for the same reason.
 */
const evictionHard = 'memory.available<100Mi,nodefs.available<512Mi,imagefs.available<512Mi';

/** Plans the start of the n-th worker. */
export function planWorker(layout: Layout, n: number, joining: JoinArguments): HostPlan {
  const name = `worker-${n + 1}`;
  const dataDir = join(layout.home, name);
  const { network } = layout;
  const address = network === undefined ? '127.0.0.1' : `${network.prefix}.${101 + n}`;
  const containerd = layout.runtime === 'containerd' ? join(dataDir, 'containerd.sock') : null;
  const shared = network === undefined;
  const command = [
    'worker',
    `--node-name=${name}`,
    `--data-dir=${dataDir}`,
    `--node-ip=${address}`,
    `--runtime=${layout.runtime}`,
    ...(containerd === null ? [] : [`--containerd-managed`, `--containerd-socket=${containerd}`]),
    `--images-dir=${imagesDirectory}`,
    // Workers of one machine would take the usual one from each other.
    `--device-plugin-dir=${join(dataDir, 'device-plugins')}`,
    ...(shared
      ? [
          `--agent-port=${10_250 + workerPortStep * n}`,
          `--netproxy-metrics-bind-address=127.0.0.1:${10_249 + workerPortStep * n}`,
          `--netproxy-healthz-bind-address=127.0.0.1:${10_256 + workerPortStep * n}`,
          `--netproxy-mode=userspace`,
          `--ingress-http-port=${8080 + n}`,
          `--ingress-https-port=${8500 + n}`,
          `--dns-port=${10_053 + n}`,
        ]
      : ['--netproxy-mode=iptables']),
    `--eviction-hard=${evictionHard}`,
    ...joinFlags(joining),
    ...layout.extraArguments.worker,
  ];
  return {
    name,
    role: 'worker',
    netns: shared ? null : namespaceName(layout.home, `w${n + 1}`),
    address,
    containerd,
    dataDir,
    logFile: join(layout.home, 'logs', `${name}.log`),
    command,
  };
}

/** The flags by which a host joins. */
export const joinFlag = /^--(?:join|token|token-file|ca-hash)=/;

/** The flags by which a host joins; none for the first master. */
export function joinFlags(joining: JoinArguments | undefined): string[] {
  if (joining === undefined) return [];
  return [
    `--join=${joining.servers}`,
    `--token-file=${joining.tokenFile}`,
    `--ca-hash=${joining.caHash}`,
  ];
}

/** Starts a host in the background, with the build that it was started with before. @returns its process id */
export function startHost({ command, logFile, netns, program, name, role }: HostPlan): number {
  const hostname = role === 'worker' ? name : undefined;
  return startInBackground(command, logFile, netns, program, hostname);
}

/** The process of a worker's network; undefined where there is none, as the agent serves it or the host is a master. */
export function planProxy(
  host: HostPlan,
): { readonly command: readonly string[]; readonly logFile: string } | undefined {
  if (host.role !== 'worker' || host.command.some((flag) => withoutProxy.test(flag))) {
    return undefined;
  }
  const flags = host.command.slice(1).filter((flag) => !joinFlag.test(flag));
  return {
    command: ['netproxy', ...flags],
    logFile: networkLog(host.logFile),
  };
}

/** The flags with which an agent needs no other process: it serves the network itself, or its nodes have none. */
const withoutProxy = /^--(?:proxy-in-process$|hollow-nodes=[1-9])/;

/**
 * Starts this program, or another build of it, in the background, in a network namespace if one is named. There it may
 * have a host name of its own, as on a machine of its own: pods on the host's network are called after their node.
 */
export function startInBackground(
  command: readonly string[],
  logFile: string,
  netns: string | null,
  build = programPath,
  hostname?: string,
): number {
  mkdirSync(dirname(logFile), { recursive: true, mode: 0o700 });
  const log = openSync(logFile, 'a', 0o600);
  // A master says for each of its threads how much room young objects get; a flag would go before that.
  const young = command[0] === 'master' ? [] : ['--max-semi-space-size=16'];
  const program = [process.execPath, ...young, build, ...command];
  const [file = '', ...parameters] = asOnHost(program, netns, hostname);
  // With an arena for each of its threads, what one frees is no other's: some ten megabytes of a master.
  const env = { MALLOC_ARENA_MAX: '2', ...process.env };
  const child = spawn(file, parameters, { detached: true, stdio: ['ignore', log, log], env });
  closeSync(log);
  child.unref();
  if (child.pid === undefined) throw new Error(`${file} could not be started`);
  return child.pid;
}

/**
 * The command line that runs a program as on a host of its own: in its network, under its name. Each program there
 * becomes the next one, so that the process id stays.
 */
export function asOnHost(
  program: readonly string[],
  netns: string | null,
  hostname: string | undefined,
): readonly string[] {
  if (netns === null) return program;
  const enter = ['nsenter', `--net=/run/netns/${netns}`];
  if (hostname === undefined) return [...enter, ...program];
  const script = '{ echo "$0" >/proc/sys/kernel/hostname; } 2>/dev/null; exec "$@"';
  return [...enter, 'unshare', '--uts', 'sh', '-c', script, hostname, ...program];
}
