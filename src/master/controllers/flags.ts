import type { KeyPair } from '../../lib/pki/certificates.js';
import type { TlsSource } from '../../lib/pki/tls-source.js';

/** Settings of the controllers; names and defaults as kube-controller-manager's flags. Times in ms. */
export interface ControllerFlags {
  readonly clusterCidrs: readonly string[];
  readonly allocateNodeCidrs: boolean;
  /** The address at which every worker answers cluster DNS; undefined: there is no Service `kube-dns`. */
  readonly clusterDns?: string;
  /** Prefix length of a node's IPv4 block. */
  readonly nodeCidrMaskSize: number;
  /** Prefix length of a node's IPv6 block. */
  readonly nodeCidrMaskSizeIpv6: number;
  readonly nodeMonitorPeriodMs: number;
  readonly nodeMonitorGracePeriodMs: number;
  readonly nodeStartupGracePeriodMs: number;
  /** Nodes a second whose pods may be evicted. */
  readonly nodeEvictionRate: number;
  readonly secondaryNodeEvictionRate: number;
  readonly unhealthyZoneThreshold: number;
  readonly largeClusterSizeThreshold: number;
  readonly terminatedPodGcThreshold: number;
  /** PEM of the cluster's CA of now, published as kube-root-ca.crt; undefined turns the publisher off. */
  readonly rootCa?: TlsSource<string>;
  /** Signs certificates, read for each; undefined turns the signer off. */
  readonly signing?: () => KeyPair;
  /** Signs legacy tokens; PEM of the private key, read for each. */
  readonly serviceAccountKey?: () => string;
  /** The directory of local-path volumes on workers, below their data directory when relative. */
  readonly localPathRoot: string;
  /** Names of controllers to run: "*", "name", "-name". */
  readonly controllers: readonly string[];
  readonly hpaSyncPeriodMs: number;
}

/** The settings of a controller manager that is given no flags. */
export const defaultFlags: ControllerFlags = {
  clusterCidrs: [],
  allocateNodeCidrs: true,
  nodeCidrMaskSize: 24,
  nodeCidrMaskSizeIpv6: 64,
  nodeMonitorPeriodMs: 5000,
  nodeMonitorGracePeriodMs: 40_000,
  nodeStartupGracePeriodMs: 60_000,
  nodeEvictionRate: 0.1,
  secondaryNodeEvictionRate: 0.01,
  unhealthyZoneThreshold: 0.55,
  largeClusterSizeThreshold: 50,
  terminatedPodGcThreshold: 12_500,
  localPathRoot: 'local-path',
  controllers: ['*'],
  hpaSyncPeriodMs: 15_000,
};
