import { execFile } from 'node:child_process';
import { networkInterfaces } from 'node:os';
import { promisify } from 'node:util';
import { homeId } from '../home.js';

const execute = promisify(execFile);

/** The machine's own network namespace joined with one per host by a bridge. */
export interface HostNetwork {
  readonly bridge: string;
  /** The first three bytes of the /24, for example `10.88.0`. */
  readonly prefix: string;
}

async function run(command: string, ...parameters: string[]): Promise<string> {
  const { stdout } = await execute(command, parameters, { timeout: 20_000 });
  return stdout;
}

/** True when this process may make network namespaces. */
export async function canMakeNamespaces(): Promise<boolean> {
  if (process.getuid?.() !== 0) return false;
  const name = `trireme-probe-${process.pid}`;
  try {
    await run('ip', 'netns', 'add', name);
    await run('ip', 'netns', 'del', name);
    return true;
  } catch {
    return false;
  }
}

/** The name of a host's network namespace. */
export function namespaceName(home: string, host: string): string {
  return `trireme-${homeId(home)}-${host}`;
}

/** The bridge of a home's hosts, made if need be, with a subnet that nothing on this machine uses. */
export async function createHostNetwork(home: string, known?: string): Promise<HostNetwork> {
  const bridge = `tri${homeId(home)}`;
  const prefix = known?.replace(/\.0\/24$/, '') ?? freePrefix();
  await run('ip', 'link', 'add', bridge, 'type', 'bridge').catch(ignoreExists);
  await run('ip', 'addr', 'replace', `${prefix}.1/24`, 'dev', bridge);
  await run('ip', 'link', 'set', bridge, 'up');
  await run('sysctl', '-q', '-w', 'net.ipv4.ip_forward=1');
  for (const rule of natRules(bridge, prefix)) {
    await run('iptables', '-w', ...rule(true)).catch(() => run('iptables', '-w', ...rule(false)));
  }
  return { bridge, prefix };
}

/** Hosts reach the outside through the machine. Each rule as a check and as an addition. */
function natRules(bridge: string, prefix: string): ((check: boolean) => string[])[] {
  const comment = ['-m', 'comment', '--comment', `trireme ${bridge}`];
  const subnet = `${prefix}.0/24`;
  return [
    (check) =>
      ['-t', 'nat', check ? '-C' : '-A', 'POSTROUTING', '-s', subnet, '!', '-d', subnet].concat(
        comment,
        ['-j', 'MASQUERADE'],
      ),
    (check) => [check ? '-C' : '-I', 'FORWARD', '-i', bridge, ...comment, '-j', 'ACCEPT'],
    (check) => [check ? '-C' : '-I', 'FORWARD', '-o', bridge, ...comment, '-j', 'ACCEPT'],
  ];
}

function freePrefix(): string {
  const used = Object.values(networkInterfaces()).flatMap((addresses) =>
    (addresses ?? []).map((entry) => entry.address),
  );
  for (let third = 0; third < 256; third++) {
    const prefix = `10.88.${third}`;
    if (!used.some((address) => address.startsWith(`${prefix}.`))) return prefix;
  }
  throw new Error('no free /24 in 10.88.0.0/16');
}

/** A namespace that stands for one host: its own address on the bridge, routes, loopback. Safe to repeat. */
export async function createHostNamespace(options: {
  readonly network: HostNetwork;
  readonly namespace: string;
  readonly address: string;
}): Promise<void> {
  const { network, namespace, address } = options;
  await run('ip', 'netns', 'add', namespace).catch(ignoreExists);
  const inside = ['-n', namespace];
  await run('ip', ...inside, 'link', 'set', 'lo', 'up');
  const links = await run('ip', ...inside, '-o', 'link', 'show');
  if (links.includes('eth0')) return;
  const outer = `tv${namespace.slice('trireme-'.length).replace('-', '')}`.slice(0, 15);
  await run('ip', 'link', 'del', outer).catch(() => undefined);
  const pair = `link add ${outer} type veth peer name eth0 netns ${namespace}`;
  await run('ip', ...pair.split(' '));
  await run('ip', 'link', 'set', outer, 'master', network.bridge, 'up');
  await run('ip', ...inside, 'addr', 'add', `${address}/24`, 'dev', 'eth0');
  await run('ip', ...inside, 'link', 'set', 'eth0', 'up');
  await run('ip', ...inside, 'route', 'replace', 'default', 'via', `${network.prefix}.1`);
}

/** Takes back what {@link createHostNamespace} made, processes in it included. */
export async function removeHostNamespace(namespace: string): Promise<void> {
  const pids = await run('ip', 'netns', 'pids', namespace).catch(() => '');
  for (const pid of pids.split('\n').filter((line) => line !== '')) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
  await run('ip', 'netns', 'del', namespace).catch(() => undefined);
}

/** Takes back what {@link createHostNetwork} made. */
export async function removeHostNetwork(bridge: string, subnet: string): Promise<void> {
  const prefix = subnet.replace(/\.0\/24$/, '');
  for (const rule of natRules(bridge, prefix)) {
    const deletion = rule(true).map((word) => (word === '-C' ? '-D' : word));
    await run('iptables', '-w', ...deletion).catch(() => undefined);
  }
  await run('ip', 'link', 'del', bridge).catch(() => undefined);
}

function ignoreExists(error: unknown): void {
  if (!String(error).includes('exists')) throw error;
}
