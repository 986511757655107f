/**
 * An address of the pool with real neighbours: a client on the nodes' network finds by ARP the node that has it, and
 * the other one when that is gone. Needs root; skipped without.
 */
import { afterEach, describe, expect, test } from '@jest/globals';
import { execFileSync, fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Told } from './balancer-node.js';
import { hasProgram } from './etcd-processes.js';

const root = process.getuid?.() === 0;
const modes = (['iptables', 'nftables'] as const).filter(
  (mode) => root && (mode === 'iptables' || hasProgram('nft')),
);
const address = '192.168.98.200';
const names = ['n1', 'n2'] as const;
const namespaces = [...names, 'client'].map((name) => `lb-${name}${process.pid}`);
const netns = (name: string): string => `lb-${name}${process.pid}`;
let directories: string[] = [];
let children: ChildProcess[] = [];
let made: string[] = [];

afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  for (const name of made) execFileSync('ip', ['netns', 'del', name]);
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
  [children, made, directories] = [[], [], []];
}, 30_000);

/** What the command prints; "" when it fails. */
function inside(name: string, ...command: string[]): string {
  try {
    return execFileSync('nsenter', [`--net=/run/netns/${netns(name)}`, ...command], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 20_000,
    });
  } catch {
    return '';
  }
}

async function eventually(what: string, condition: () => boolean): Promise<void> {
  const untilMs = performance.now() + 30_000;
  while (!condition()) {
    if (performance.now() > untilMs) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Runs Node.js in the namespace. */
function run(
  name: string,
  script: string,
  args: readonly string[],
  execArgv: string[],
): ChildProcess {
  const child = fork(script, args, {
    execPath: '/usr/bin/nsenter',
    execArgv: [`--net=/run/netns/${netns(name)}`, process.execPath, ...execArgv],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  children.push(child);
  return child;
}

/** The client's bridge, two nodes on it, and on each an endpoint that says its node's name. */
function makeNetwork(): void {
  for (const name of namespaces) {
    execFileSync('ip', ['netns', 'add', name]);
    made.push(name);
  }
  inside('client', 'ip', 'link', 'add', 'br0', 'type', 'bridge');
  inside('client', 'ip', 'addr', 'add', '192.168.98.254/24', 'dev', 'br0');
  inside('client', 'ip', 'link', 'set', 'br0', 'up');
  // A neighbour that does not answer is given up after some seconds, not half a minute.
  const soon = ['base_reachable_time_ms=500', 'delay_first_probe_time=1', 'ucast_solicit=1'];
  for (const setting of soon) inside('client', 'sysctl', '-w', `net.ipv4.neigh.br0.${setting}`);
  for (const [index, name] of names.entries()) {
    const other = 2 - index;
    const peer = ['peer', 'name', 'eth0', 'netns', netns(name)];
    inside('client', 'ip', 'link', 'add', name, 'type', 'veth', ...peer);
    inside('client', 'ip', 'link', 'set', name, 'master', 'br0', 'up');
    inside(name, 'ip', 'link', 'set', 'lo', 'up');
    inside(name, 'ip', 'addr', 'add', `192.168.98.${index + 1}/24`, 'dev', 'eth0');
    inside(name, 'ip', 'addr', 'add', `10.244.${index + 1}.1/32`, 'dev', 'lo');
    inside(name, 'ip', 'link', 'set', 'eth0', 'up');
    inside(name, 'ip', 'route', 'add', `10.244.${other}.1`, 'via', `192.168.98.${other}`);
    inside(name, 'sysctl', '-w', 'net.ipv4.ip_forward=1');
    const server = `require('http').createServer((q,s)=>s.end('${name}')).listen(8080,'10.244.${index + 1}.1')`;
    run(name, '-', [], ['-e', server]);
  }
}

async function startNode(name: string, mode: string): Promise<ChildProcess> {
  const directory = mkdtempSync(join(tmpdir(), 'balancer-'));
  directories.push(directory);
  const child = run(
    name,
    'dist/test/cluster/balancer-node.js',
    [name, directory, mode, address],
    [],
  );
  await new Promise((resolve) => child.once('message', resolve));
  return child;
}

const shown = (name: string): string => inside(name, 'ip', '-o', 'addr', 'show', 'to', address);
const holders = (): string => names.filter((name) => shown(name) !== '').join(' ');
const answer = (): string => inside('client', 'curl', '-s', '-m2', `http://${address}`);

/** The node whose link the client has for the address. */
function neighbour(): string | undefined {
  const mac = / lladdr (\S+)/.exec(inside('client', 'ip', 'neigh', 'show', address))?.[1];
  return names.find((name) => mac && inside(name, 'ip', 'link', 'show', 'eth0').includes(mac));
}

describe.each(modes.length > 0 ? modes : [undefined])('an address of the pool by %s', (mode) => {
  (mode === undefined ? test.skip : test)(
    'is found at one node, moves with the endpoints, and when its netproxy and its node are gone',
    async () => {
      makeNetwork();
      const nodes = new Map<string, ChildProcess>();
      for (const name of names) nodes.set(name, await startNode(name, mode ?? ''));
      const tell = (told: Told): void => nodes.forEach((node) => node.connected && node.send(told));

      await eventually('the address is on one node', () => holders().length === 2);
      await eventually('the client is answered', () => answer() !== '');
      expect(neighbour()).toBe(holders());
      await eventually('by both endpoints', () => answer() === 'n1');
      await eventually('by both endpoints', () => answer() === 'n2');

      const last = holders();
      const other = last === 'n1' ? 'n2' : 'n1';
      tell({ policy: 'Local', endpoints: [other] });
      await eventually('it follows the endpoint', () => holders() === other);
      await eventually('the client follows', () => answer() === other && neighbour() === other);
      tell({ endpoints: ['n1', 'n2'] });
      await eventually('it is back', () => holders() === last);
      // It was answered by the other's rules all the while, so it has not asked who has the address now.
      inside('client', 'ip', 'neigh', 'flush', 'to', address);
      await eventually('the client is back', () => answer() === last && neighbour() === last);

      nodes.get(last)?.kill('SIGKILL');
      tell({ netproxies: { [last]: 'silent' } });
      await eventually('the other has it', () => shown(other) !== '');
      // Where nobody is left to remove it, the kernel does.
      expect(shown(last)).toMatch(/valid_lft \d+sec/);
      expect(answer()).not.toBe('');
      inside('client', 'ip', 'link', 'set', last, 'down');
      await eventually('the client moves', () => answer() === other && neighbour() === other);
    },
    120_000,
  );
});
