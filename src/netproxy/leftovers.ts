/**
 * What another way of serving services left on the node. It goes once the rules of this one are in force, so that
 * services are served all the time; connections go on, since the kernel remembers them without rules.
 */
import type { Clock } from '../lib/clock.js';
import { delay } from '../lib/clock.js';
import type { Logger } from '../lib/log.js';
import { cidrContains, parseCidr } from './address.js';
import type { RunCommand } from './command.js';
import { mustRun } from './command.js';
import { iptablesKernel } from './iptables/kernel.js';
import { IptablesServiceRules } from './iptables/service-rule-set.js';
import { removeLocalAddress } from './local-address.js';
import { removeServiceTable } from './nftables/kernel.js';
import { setSysctls } from './sysctl.js';
import type { ProxyMode } from './types.js';

/** What {@link removeLeftovers} needs to know. */
export interface LeftoverOptions {
  /** The way in which services are served now. */
  readonly mode: ProxyMode;
  readonly serviceCidr: string;
  /** Addresses of services that the node has for other reasons. */
  readonly ownIps: readonly string[];
  readonly run: RunCommand;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** @default those of this process's network namespace */
  readonly sysctls?: typeof setSysctls;
}

/** The chain by which a kube-proxy sees that somebody has emptied a table. We make none. */
const kubeProxyMark = /^:KUBE-PROXY-CANARY /m;
const attemptsMax = 5;
const retryMs = 1000;

/** Removes what the other modes left; needs root. What cannot be removed is logged. */
export async function removeLeftovers(options: LeftoverOptions): Promise<void> {
  const { mode, clock, log, signal } = options;
  const works: readonly [ProxyMode, () => Promise<void>][] = [
    ['nftables', () => removeServiceTable(options.run)],
    ['iptables', () => removeServiceChains(options)],
    ['userspace', () => removeServiceAddresses(options)],
  ];
  for (const [of, remove] of works) {
    if (of === mode) continue;
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        await remove();
        break;
      } catch (error) {
        if (attempt < attemptsMax) {
          await delay(clock, retryMs, signal).catch(() => undefined);
          continue;
        }
        log.error({ error, of, mode }, 'what another proxy mode left could not be removed');
        break;
      }
    }
  }
}

async function removeServiceChains(options: LeftoverOptions): Promise<void> {
  const { run, log, sysctls = setSysctls } = options;
  const kernel = iptablesKernel(run);
  const rules = new IptablesServiceRules({ nodeIp: '', clusterCidr: '', nodePortAddresses: [] });
  const found = await kernel.read();
  if (kubeProxyMark.test(found)) {
    log.warn({ of: 'iptables' }, 'a kube-proxy works or worked here: its rules are left alone');
    return;
  }
  rules.observe(found);
  const plan = rules.planRemoval();
  if (plan === '') return;
  await kernel.write(plan);
  log.info({ of: 'iptables' }, 'removed the rules of another proxy mode');
  // Set for node ports on 127.0.0.1, and guarded by a rule that has gone with the others.
  await sysctls({ 'net/ipv4/conf/all/route_localnet': '0' }, log);
}

interface Interface {
  readonly addr_info?: readonly { readonly local?: string; readonly prefixlen?: number }[];
}

async function removeServiceAddresses(options: LeftoverOptions): Promise<void> {
  const { run, log, serviceCidr, ownIps } = options;
  const block = parseCidr(serviceCidr);
  if (block === undefined) return;
  const text = await mustRun(run, 'ip', ['-j', '-4', 'addr', 'show', 'dev', 'lo']);
  const found = (JSON.parse(text) as readonly Interface[])
    .flatMap(({ addr_info: addresses = [] }) => addresses)
    .filter(({ prefixlen }) => prefixlen === 32)
    .map(({ local = '' }) => local)
    .filter((address) => cidrContains(block, address) && !ownIps.includes(address));
  for (const address of found) await removeLocalAddress(run, address);
  if (found.length > 0) {
    log.info({ of: 'userspace', addresses: found.length }, 'removed addresses of services');
  }
}
