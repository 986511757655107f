import type { NetproxyState } from '../api/facts/node-network.js';
import type { ApiClient, InformerFactory } from '../client/types.js';
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/log.js';
import type { Registry } from '../lib/metrics.js';

/** The ways of serving services, by the names that flags and metrics give them. */
export const proxyModes = ['iptables', 'nftables', 'userspace', 'none'] as const;

/**
 * The way of serving services: `iptables` and `nftables` need root and program NAT rules in the network namespace that
 * the process runs in; `userspace` proxies connections itself; `none` serves no services (DNS and ingress may still
 * run).
 */
export type ProxyMode = (typeof proxyModes)[number];

/** Protocols of the transport layer that Services and Pods may name. */
export type Protocol = 'TCP' | 'UDP' | 'SCTP';

/** A container port that is published on the node. */
export interface HostPort {
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: Protocol;
  /** Absent: every address of the node. */
  readonly hostIp?: string;
}

/**
 * The pod whose network is meant. The caller makes the network namespace and keeps it until `tearDown` has returned.
 */
export interface PodRef {
  readonly podUid: string;
  readonly namespace: string;
  readonly name: string;
  /** For example `/run/netns/trireme-<uid>`; empty where the runtime made it. */
  readonly netnsPath: string;
  /** The addresses that the runtime gave the pod; absent where they are to be given here. */
  readonly ips?: readonly string[];
}

/**
 * Gives pods their network. Host-network pods never come here. Every call is safe to repeat; calls for different pods
 * may run at the same time.
 */
export interface PodNetwork {
  /**
   * Prepares the node: routes, forwarding, masquerading. Called when the node's pod CIDR is known, again when it
   * changes. @throws PodNetworkError
   */
  start(): Promise<void>;
  /**
   * Connects the pod: loopback up, eth0 with an address of the node's pod CIDR, default route, host ports. A pod that
   * is connected already gets the addresses it has. @throws PodNetworkError, retryable unless it says otherwise
   */
  setUp(
    pod: PodRef & {
      readonly hostPorts?: readonly HostPort[];
      readonly labels?: Readonly<Record<string, string>>;
    },
  ): Promise<{ readonly ips: readonly string[] }>;
  /** Disconnects the pod and frees its addresses, also when its network namespace is gone already. */
  tearDown(pod: PodRef): Promise<void>;
  /** The pod's addresses, if its network is whole; undefined: set it up again. */
  check(pod: PodRef): Promise<readonly string[] | undefined>;
  /**
   * Called after a restart with all pods that still exist: addresses, links and host ports of other pods are reclaimed.
   * @returns the uids of pods whose network is whole, with their addresses
   */
  recover(pods: readonly PodRef[]): Promise<ReadonlyMap<string, readonly string[]>>;
  /** Ends background work. Pods stay connected. */
  stop(): Promise<void>;
}

/** A pod could not be connected or disconnected. */
export class PodNetworkError extends Error {
  override readonly name = 'PodNetworkError';
  readonly code:
    | 'NoPodCidr'
    | 'NoAddressLeft'
    | 'CommandFailed'
    | 'BadAnswer'
    | 'NotIsolated'
    | 'ForeignAddress';
  /** False: the same call cannot succeed later without a change of configuration. */
  readonly retryable: boolean;

  constructor(
    code: PodNetworkError['code'],
    message: string,
    options: { readonly retryable?: boolean; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? code !== 'NoAddressLeft';
  }
}

/** The facts of the node that both `createPodNetwork` and `startNetproxy` need. */
export interface NodeNetworkOptions {
  readonly informers: InformerFactory;
  readonly nodeName: string;
  /** The node's own address, which other nodes reach it by. */
  readonly nodeIp: string;
  /** Of all pods, for example `10.244.0.0/16`. Traffic that leaves it is masqueraded. */
  readonly clusterCidr: string;
  /** Of all ClusterIPs, for example `10.96.0.0/16`. */
  readonly serviceCidr: string;
  /** A directory of this component's own; survives restarts. */
  readonly dataDir: string;
  readonly log: Logger;
  readonly clock: Clock;
}

/** A pod of this node that has its addresses and runs nothing yet. */
export interface IsolatedPod {
  readonly podUid: string;
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly ips: readonly string[];
}

/** A pod of this node that holds addresses; the API may not know of them yet, or still of who held them before. */
export interface HeldPod {
  readonly podUid: string;
  readonly namespace: string;
  readonly name: string;
  /** Until the API tells; absent for a pod that an earlier process started. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly ips: readonly string[];
}

/** The network policies of a node, as far as the start of pods waits for them. */
export interface PodIsolation {
  /**
   * Resolves when the policies that select the pod are in force. @throws when they are not known, or cannot be
   * enforced
   */
  isolate(pod: IsolatedPod): Promise<void>;
  /** These pods run since an earlier process, and no others of those that it knew. */
  adopt(pods: readonly HeldPod[]): void;
  /** The pod's addresses are free. */
  forget(podUid: string): void;
}

/** The isolation of a node's pods, by a netproxy that tells how it is. */
export interface NodeIsolation extends PodIsolation {
  /** Never rejects: one that does not answer is silent. */
  state(): Promise<NetproxyState>;
}

/** The settings of {@link PodNetwork}. */
export interface PodNetworkOptions extends NodeNetworkOptions {
  /** Asked before a pod that has its addresses may run. @default nobody is */
  readonly isolation?: PodIsolation;
  /** Defaults to the Node object's `spec.podCIDR`, which is then waited for. */
  readonly podCidr?: string;
  /**
   * `cni` runs plugins from `cniBinDir`; `runtime`: the container runtime runs them, by a configuration that is written
   * for it; `host`: no root, pod IP = node IP. @default 'cni'
   */
  readonly kind?: 'cni' | 'runtime' | 'host';
  /** Where a runtime looks for configurations of networks; absent: somebody else writes them. */
  readonly cniConfDir?: string;
  /** @default '/usr/lib/cni' */
  readonly cniBinDir?: string;
  /** The bridge to which pods are attached. @default 'cni0' */
  readonly bridge?: string;
  /** @default 1500, less 50 when VXLAN is used */
  readonly mtu?: number;
  /** `auto`: a direct route to nodes in the own subnet, VXLAN to others. @default 'auto' */
  readonly routing?: 'auto' | 'direct' | 'vxlan';
}

/** The addresses, ports and limits of the ingress. */
export interface IngressOptions {
  /** 0 = any free port (tests). @default 80 */
  readonly httpPort?: number;
  /** @default 443 */
  readonly httpsPort?: number;
  /** The address to listen at. @default every one; the node's where root serves services in `userspace` mode */
  readonly bindAddress?: string;
  /** Wait for an answer's head, in milliseconds. @default 60_000 */
  readonly upstreamTimeoutMs?: number;
  /**
   * IPv4 blocks of proxies in front, whose `X-Forwarded-*` fields are believed and carried on. @default none:
   * whatever clients say about themselves is replaced
   */
  readonly trustedProxies?: readonly string[];
}

/** The address of the name server, and the servers that it asks for names outside of the cluster. */
export interface DnsOptions {
  /** Address to listen at. @default the cluster DNS service's address with iptables as root, else the node's */
  readonly bindAddress?: string;
  /** @default 53, or 10053 without root; 0 = any free port (tests) */
  readonly port?: number;
  /** @default the name servers of /etc/resolv.conf, without the own address */
  readonly upstreams?: readonly string[];
}

/** An address and a port to listen at; port 0 takes a free one. */
export interface PortAddress {
  readonly host: string;
  readonly port: number;
}

/** The plain ports on which a node's proxy tells of itself; each is left out where it is absent. */
export interface ObservationOptions {
  /** `/metrics`. @see kube-proxy's `--metrics-bind-address` */
  readonly metricsAddress?: PortAddress;
  /** `/healthz` and `/livez`, for load balancers. @see kube-proxy's `--healthz-bind-address` */
  readonly healthzAddress?: PortAddress;
  /** What the process measures besides, where it is the proxy's alone. @default nothing */
  readonly registries?: readonly Registry[];
}

/** The dependencies and settings of {@link Netproxy}. */
export interface NetproxyOptions extends NodeNetworkOptions {
  /** The node's own part of the cluster CIDR, if the caller knows it; else read from the Node object. */
  readonly podCidr?: string;
  readonly clusterDns: string;
  /** @default 'cluster.local' */
  readonly clusterDomain?: string;
  readonly mode: ProxyMode;
  /** Writes the addresses of ingresses; without it they are not reported. */
  readonly client?: ApiClient;
  /** false: no ingress controller on this node. */
  readonly ingress?: IngressOptions | false;
  /** false: no DNS server on this node. */
  readonly dns?: DnsOptions | false;
  /** @default no ports */
  readonly observation?: ObservationOptions;
}

/** Services, DNS, ingress and network policies of one node. */
export interface Netproxy extends NodeIsolation {
  /** Resolves when the first full set of rules is applied and DNS and ingress listen. Rejects when stopped before. */
  readonly ready: Promise<void>;
  /** The addresses of DNS and ingress, once ready; port 0 while they do not listen. */
  readonly ports: { readonly dns: number; readonly http: number; readonly https: number };
  /** The ports on which the proxy tells of itself; 0 while they are not listened at. */
  readonly observed: { readonly metrics: number; readonly healthz: number };
  /** The name server for a pod's /etc/resolv.conf: the cluster DNS address, or the node's where there is no NAT. */
  readonly dnsAddress: string;
  /** Ends the servers (draining them) and leaves the rules in place, so that traffic flows on across a restart. */
  stop(): Promise<void>;
  /** After `stop`: takes every rule and link back that this component made. */
  cleanUp(): Promise<void>;
}
