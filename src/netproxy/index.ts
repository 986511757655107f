import { RuntimePodNetwork } from './pods/runtime-network.js';
import { CniPodNetwork } from './pods/pod-network.js';
import { HostPodNetwork } from './pods/host-network.js';
import type { PodNetwork, PodNetworkOptions } from './types.js';

export type {
  DnsOptions,
  HostPort,
  IngressOptions,
  IsolatedPod,
  NodeIsolation,
  Netproxy,
  NetproxyOptions,
  NodeNetworkOptions,
  PodNetwork,
  PodNetworkOptions,
  PodRef,
  PortAddress,
  ProxyMode,
} from './types.js';
export { nameServerAddress } from './name-server-address.js';
export { proxyModes } from './types.js';
export { startNetproxy } from './netproxy.js';
export { whatModeLacks } from './service-modes.js';

export { removeConfiguration } from './pods/runtime-network.js';

/** The pod network of this node; nothing happens before `start` or the first pod. */
export function createPodNetwork(options: PodNetworkOptions): PodNetwork {
  if (options.kind === 'host') return new HostPodNetwork(options.nodeIp);
  return options.kind === 'runtime' ? new RuntimePodNetwork(options) : new CniPodNetwork(options);
}
export { parseCidr } from './address.js';
