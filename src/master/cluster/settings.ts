/** The settings that all masters of a cluster share. Fixed when the first master is made; joining masters are told. */
export interface ClusterSettings {
  /** Pods of the whole cluster; each node gets a part. */
  readonly clusterCidr: string;
  /** Service addresses; the first is the API's, the tenth the DNS'. */
  readonly serviceCidr: string;
  /** The suffix of service names. */
  readonly clusterDomain: string;
  /** Prefix length of a node's share of `clusterCidr`: it has 2^(32-n) addresses. */
  readonly nodeCidrMaskSize: number;
}

/** The settings of a cluster for which none were given. */
export const defaultSettings: ClusterSettings = {
  clusterCidr: '10.244.0.0/16',
  serviceCidr: '10.96.0.0/16',
  clusterDomain: 'cluster.local',
  nodeCidrMaskSize: 24,
};

/**
 * The n-th address of an IPv4 range.
 * @throws RangeError for what is no IPv4 range, or an address outside of it
 */
export function addressInRange(cidr: string, n: number): string {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(cidr);
  if (match === null) throw new RangeError(`"${cidr}" is not an IPv4 range in CIDR form`);
  const bits = Number(match[5]);
  const base = match.slice(1, 5).reduce((sum, part) => sum * 256 + Number(part), 0);
  if (bits > 32 || n < 0 || n >= 2 ** (32 - bits)) {
    throw new RangeError(`${cidr} has no address number ${n}`);
  }
  const address = base + n;
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

/** The address of the service `kubernetes.default`. */
export function apiServiceAddress(settings: ClusterSettings): string {
  return addressInRange(settings.serviceCidr, 1);
}

/** The address at which every worker answers cluster DNS. */
export function clusterDnsAddress(settings: ClusterSettings): string {
  return addressInRange(settings.serviceCidr, 10);
}

/** As the join protocol carries them. */
export function settingsToMap(settings: ClusterSettings): Record<string, string> {
  return {
    clusterCidr: settings.clusterCidr,
    serviceCidr: settings.serviceCidr,
    clusterDomain: settings.clusterDomain,
    nodeCidrMaskSize: String(settings.nodeCidrMaskSize),
  };
}

/** The reverse of {@link settingsToMap}; what is missing is the default. */
export function settingsFromMap(map: Readonly<Record<string, string>>): ClusterSettings {
  return {
    clusterCidr: map['clusterCidr'] ?? defaultSettings.clusterCidr,
    serviceCidr: map['serviceCidr'] ?? defaultSettings.serviceCidr,
    clusterDomain: map['clusterDomain'] ?? defaultSettings.clusterDomain,
    nodeCidrMaskSize: Number(map['nodeCidrMaskSize'] ?? defaultSettings.nodeCidrMaskSize),
  };
}
