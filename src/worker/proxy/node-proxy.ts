/** The settings of a node's proxy and pod network, as its flags and the cluster give them: for one process or two. */
import { join } from 'node:path';
import type { ApiClient, InformerFactory } from '../../client/index.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import type { Registry } from '../../lib/metrics.js';
import { UsageError } from '../../lib/usage-error.js';
import { nameServerAddress, startNetproxy, whatModeLacks } from '../../netproxy/index.js';
import type { Netproxy, NodeNetworkOptions, ProxyMode } from '../../netproxy/index.js';
import type { Credentials } from '../join/credentials.js';
import type { ProxyOptions } from './flags.js';

/** What both processes of a node know of it. */
export interface NodeSettings extends ProxyOptions {
  readonly nodeName: string;
  readonly nodeIp: string;
  readonly dataDir: string;
  readonly log: Logger;
}

/** What a process of a node has to ask the cluster with. */
export interface NodeAccess {
  readonly informers: InformerFactory;
  readonly credentials: Credentials;
  readonly client: ApiClient;
  readonly clock: Clock;
  /** Of a process that is the proxy's alone. */
  readonly registries?: readonly Registry[];
}

/** The directory of the proxy: its lock, its socket for the agent, and what it must not forget. */
export function proxyDirectory(dataDir: string): string {
  return join(dataDir, 'netproxy');
}

/** The options of a part of the network. */
export function networkOptions(
  { nodeName, nodeIp, dataDir, log }: NodeSettings,
  { informers, credentials, clock }: NodeAccess,
  part: 'network' | 'netproxy',
): NodeNetworkOptions {
  const { clusterCidr, serviceCidr } = credentials;
  return {
    informers,
    nodeName,
    nodeIp,
    clusterCidr,
    serviceCidr,
    clock,
    dataDir: join(dataDir, part),
    log: log.child({ part }),
  };
}

function modeOf({ netproxyMode }: ProxyOptions): ProxyMode {
  return netproxyMode ?? (process.getuid?.() === 0 ? 'iptables' : 'userspace');
}

/** Refuses a mode for which this machine lacks something. @throws UsageError */
export async function checkMode(settings: ProxyOptions, clock: Clock): Promise<void> {
  const lacks = await whatModeLacks(modeOf(settings), clock);
  if (lacks !== undefined) throw new UsageError(`--netproxy-mode ${lacks}`);
}

function dnsOf({ dnsPort }: ProxyOptions): { readonly dns?: { readonly port: number } } {
  return dnsPort === undefined ? {} : { dns: { port: dnsPort } };
}

/** The address of the node's name server, whoever runs it. */
export function clusterResolver(settings: NodeSettings, { clusterDns }: Credentials): string {
  const { nodeIp } = settings;
  return nameServerAddress({ ...dnsOf(settings), mode: modeOf(settings), clusterDns, nodeIp })
    .address;
}

/** Starts the node's proxy in this process. */
export function startNodeProxy(settings: NodeSettings, access: NodeAccess): Netproxy {
  const isRoot = process.getuid?.() === 0;
  const { ingressHttpPort, ingressHttpsPort, netproxyMetrics, netproxyHealthz } = settings;
  const { clusterDns, clusterDomain } = access.credentials;
  const httpPort = ingressHttpPort ?? (isRoot ? 80 : 8080);
  const httpsPort = ingressHttpsPort ?? (isRoot ? 443 : 8443);
  return startNetproxy({
    ...networkOptions(settings, access, 'netproxy'),
    clusterDns,
    clusterDomain,
    mode: modeOf(settings),
    client: access.client,
    ingress:
      httpPort === 0
        ? false
        : { httpPort, httpsPort, trustedProxies: settings.ingressTrustedProxies },
    ...dnsOf(settings),
    observation: {
      ...(netproxyMetrics && { metricsAddress: netproxyMetrics }),
      ...(netproxyHealthz && { healthzAddress: netproxyHealthz }),
      ...(access.registries && { registries: access.registries }),
    },
  });
}
