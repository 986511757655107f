/** A pod's /etc/resolv.conf. @see Kubernetes "DNS for Services and Pods" */
import { readFile } from 'node:fs/promises';
import type { Pod } from '../../api/types/core.js';
import { isOneWord } from './pod-files.js';

/** The cluster's name server, as pods see it. */
export interface ClusterDns {
  /** The address of the cluster's DNS for pods. */
  readonly address: string;
  /** For example `cluster.local`. */
  readonly domain: string;
}

/** The content of a resolv.conf. */
export interface ResolverConfig {
  readonly nameservers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

/** More are left out. @see kubelet dns.go, validation.MaxDNSSearchPaths and MaxDNSSearchListChars */
const limits = { nameservers: 3, searches: 32, searchChars: 2048 } as const;

/** Reads the node's own file; one that is missing gives an empty configuration. */
export async function readHostResolver(path = '/etc/resolv.conf'): Promise<ResolverConfig> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const nameservers: string[] = [];
  let searches: string[] = [];
  let options: string[] = [];
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line.trim().split(/\s+/);
    if (keyword === 'nameserver' && values[0] !== undefined) nameservers.push(values[0]);
    if (keyword === 'search') searches = values;
    if (keyword === 'options') options = values;
  }
  return { nameservers, searches, options };
}

/** The text of the pod's resolv.conf. */
export function podResolver(pod: Pod, host: ResolverConfig, cluster: ClusterDns): string {
  const base = baseConfig(pod, host, cluster);
  const own = pod.spec.dnsConfig;
  const nameservers = unique([...base.nameservers, ...(own?.nameservers ?? [])]).filter(isOneWord);
  const searches = fitting(unique([...base.searches, ...(own?.searches ?? [])]).filter(isOneWord));
  const options = mergeOptions(base.options, own?.options ?? []).filter(isOneWord);
  const lines = [
    ...(searches.length === 0 ? [] : [`search ${searches.join(' ')}`]),
    ...nameservers.slice(0, limits.nameservers).map((address) => `nameserver ${address}`),
    ...(options.length === 0 ? [] : [`options ${options.join(' ')}`]),
  ];
  return `${lines.join('\n')}\n`;
}

/** As many of the domains as a resolver takes in one line. */
function fitting(searches: readonly string[]): string[] {
  const kept: string[] = [];
  let chars = 0;
  for (const search of searches.slice(0, limits.searches)) {
    chars += search.length + (kept.length === 0 ? 0 : 1);
    if (chars > limits.searchChars) break;
    kept.push(search);
  }
  return kept;
}

function baseConfig(pod: Pod, host: ResolverConfig, cluster: ClusterDns): ResolverConfig {
  const policy = pod.spec.dnsPolicy ?? 'ClusterFirst';
  if (policy === 'None') return { nameservers: [], searches: [], options: [] };
  const usesHost =
    policy === 'Default' || (policy === 'ClusterFirst' && pod.spec.hostNetwork === true);
  if (usesHost) return host;
  const { domain, address } = cluster;
  return {
    nameservers: [address],
    searches: [
      `${pod.metadata.namespace ?? 'default'}.svc.${domain}`,
      `svc.${domain}`,
      domain,
      ...host.searches,
    ],
    options: ['ndots:5'],
  };
}

function mergeOptions(
  base: readonly string[],
  own: readonly { readonly name?: string | undefined; readonly value?: string | undefined }[],
): string[] {
  const merged = new Map<string, string>();
  for (const option of base) {
    const [name = '', value] = option.split(':');
    merged.set(name, value === undefined ? name : `${name}:${value}`);
  }
  for (const { name = '', value } of own) {
    merged.set(name, value === undefined || value === '' ? name : `${name}:${value}`);
  }
  return [...merged.values()];
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
