/**
 * UDP has no connections that end, so the kernel's memory of a flow outlives the endpoint it led to. Pure part: which
 * flows to forget when a service port changes.
 */
import type { ServicePort } from '../model/service-model.js';
import type { RunCommand } from '../command.js';

/** Arguments for `conntrack`, one list per call. */
export function staleFlows(
  before: ServicePort | undefined,
  after: ServicePort | undefined,
): string[][] {
  const port = before ?? after;
  if (port === undefined || port.protocol === 'TCP') return [];
  const protocol = port.protocol.toLowerCase();
  const calls: string[][] = [];
  const addresses = [port.clusterIp, ...port.externalIps, ...port.loadBalancerIps];
  const now = new Set(after?.cluster.map(({ ip, port }) => `${ip}:${port}`));
  for (const { ip, port: target } of before?.cluster ?? []) {
    if (now.has(`${ip}:${target}`)) continue;
    for (const address of addresses) {
      calls.push(['-D', '--orig-dst', address, '--dst-nat', ip, '-p', protocol]);
    }
    if (port.nodePort !== 0) {
      calls.push(['-D', '-p', protocol, '--dport', String(port.nodePort), '--dst-nat', ip]);
    }
  }
  // Flows that began while nobody served lead nowhere.
  if ((before?.cluster.length ?? 0) === 0 && (after?.cluster.length ?? 0) > 0) {
    for (const address of addresses) calls.push(['-D', '--orig-dst', address, '-p', protocol]);
    if (port.nodePort !== 0) calls.push(['-D', '-p', protocol, '--dport', String(port.nodePort)]);
  }
  return calls;
}

/** `conntrack -D` fails when there was nothing to delete; that is as good. */
export async function forgetFlows(run: RunCommand, calls: readonly string[][]): Promise<void> {
  for (const call of calls) await run('conntrack', call);
}
