/** The ways of serving services: by rules of the kernel in one of two languages, or by connections of our own. */
import { isIPv4 } from 'node:net';
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/log.js';
import { parseCidr } from './address.js';
import type { RunCommand } from './command.js';
import { createRunner } from './command.js';
import { iptablesKernel } from './iptables/kernel.js';
import { IptablesServiceRules } from './iptables/service-rule-set.js';
import { ServiceProxier } from './kernel/service-proxier.js';
import { removeLeftovers } from './leftovers.js';
import type { ServiceWatch } from './model/service-watch.js';
import { nftablesKernel, whatNftablesLacks } from './nftables/kernel.js';
import { ServiceTable } from './nftables/service-table.js';
import type { SyncObserver } from './observation/proxy-metrics.js';
import { setSysctls } from './sysctl.js';
import type { NetproxyOptions, ProxyMode } from './types.js';
import { UserspaceProxier } from './userspace/proxier.js';

/** What {@link startServiceProxier} needs beside the settings of the node. */
export interface ServiceProxierParts {
  readonly watch: ServiceWatch;
  /** ClusterIPs that the node serves itself. */
  readonly excludedIps: readonly string[];
  readonly run: RunCommand;
  readonly clock: Clock;
  readonly log: Logger;
  readonly observer: SyncObserver;
  readonly signal: AbortSignal;
}

/** Serves all Services of the cluster on this node. */
export interface RunningProxier {
  stop(): Promise<void>;
  cleanUp(): Promise<void>;
}

/** Says what this machine lacks for a mode, its name first; undefined when nothing, as far as can be told before. */
export async function whatModeLacks(mode: ProxyMode, clock: Clock): Promise<string | undefined> {
  if (mode !== 'nftables') return undefined;
  const lacks = await whatNftablesLacks(createRunner(clock));
  return lacks === undefined ? undefined : `${mode}: ${lacks}`;
}

/**
 * Starts the mode that the options name, and then removes what others left.
 * @param begun is given the proxier before it starts, so that it can be stopped meanwhile
 */
export async function startServiceProxier(
  options: NetproxyOptions,
  parts: ServiceProxierParts,
  begun: (proxier: RunningProxier) => void,
): Promise<void> {
  const { mode, nodeName, nodeIp, clusterCidr, serviceCidr } = options;
  const { run, log, excludedIps } = parts;
  const root = process.getuid?.() === 0;
  const base = { nodeIp, clusterCidr: ipv4Block(clusterCidr), nodePortAddresses: [] };
  const shared = { ...parts, nodeName };
  if (mode === 'userspace') {
    const proxier = new UserspaceProxier({ ...shared, root });
    begun(proxier);
    await proxier.start();
  } else if (mode === 'nftables') {
    await setSysctls({ 'net/ipv4/ip_forward': '1' }, log);
    const own = { serviceCidr: ipv4Block(serviceCidr), excludedIps: excludedIps.filter(isIPv4) };
    const rules = new ServiceTable({ ...base, ...own });
    const kernel = nftablesKernel(run, () => rules.needsNames);
    const proxier = new ServiceProxier({ ...shared, rules, kernel });
    begun(proxier);
    await proxier.start();
  } else {
    await setSysctls({ 'net/ipv4/ip_forward': '1', 'net/ipv4/conf/all/route_localnet': '1' }, log);
    const rules = new IptablesServiceRules(base);
    const proxier = new ServiceProxier({ ...shared, rules, kernel: iptablesKernel(run) });
    begun(proxier);
    await proxier.start();
  }
  if (root) await removeLeftovers({ ...parts, mode, serviceCidr, ownIps: excludedIps });
}

/** The rules are those of IPv4, and would all be refused for one address of another kind. "" = no such block. */
function ipv4Block(cidr: string): string {
  return parseCidr(cidr) === undefined ? '' : cidr;
}
