/**
 * Sends packets between twelve pods, their node and a stranger, each in a network namespace of its own, under the rules
 * that a node makes of random policies: who reaches whom, against what Kubernetes' documents say. The rules as such are
 * judged in test/sim/policies, for many more policies; here the kernel judges. Needs root; skipped without.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync, fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { buildPolicyRules, newPolicyRuleSet } from '../../src/netproxy/policy/policy-rules.js';
import { isAllowed } from '../sim/policies/semantics.js';
import type { PolicyWorld } from '../sim/policies/world.js';
import { ports, protocols, randomWorld } from '../sim/policies/world.js';
import type { Request, Wanted } from './policy-endpoint.js';

const root = process.getuid?.() === 0;
const stranger = '203.0.113.5';
const node = '192.168.50.1';
/** Those whose clusters have shown a fault, and some that have many policies. */
const seeds = [24, 85, 131, 144, 171, 253];
const blockedMs = 300;
const patientMs = 5000;

const netnsOf = (name: string): string => `pkt-${process.pid}-${name}`;
const children = new Map<string, ChildProcess>();

function inside(netns: string, command: readonly string[], input?: string): void {
  execFileSync('nsenter', [`--net=/run/netns/${netns}`, ...command], {
    stdio: ['pipe', 'ignore', 'pipe'],
    timeout: 20_000,
    ...(input === undefined ? {} : { input }),
  });
}

/** Every pod on one node, with the addresses that it has in the world. */
function onOneNode(seed: number): PolicyWorld {
  const world = randomWorld(seed);
  const pods = world.pods.map((pod) => ({ ...pod, spec: { ...pod.spec, nodeName: 'n1' } }));
  return { ...world, nodes: { n1: node }, pods };
}

function podAddresses({ pods }: PolicyWorld): string[] {
  const running = pods.filter(
    ({ status, spec }) => status?.phase === 'Running' && spec?.hostNetwork !== true,
  );
  return running.map(({ status }) => status?.podIP ?? '').toSorted();
}

/** Gives the pods of a cluster their addresses; namespaces are used again. */
function place(addresses: readonly string[]): void {
  addresses.forEach((address, n) => {
    const lines = [
      `addr flush dev eth0`,
      `addr add ${address}/16 dev eth0`,
      `route add default via 10.244.0.1`,
    ];
    inside(netnsOf(`p${n}`), ['ip', '-batch', '-'], `${lines.join('\n')}\n`);
  });
}

function load(world: PolicyWorld): void {
  inside(netnsOf('node'), ['iptables', '-t', 'mangle', '-F']);
  inside(netnsOf('node'), ['iptables', '-t', 'mangle', '-X']);
  const rules = newPolicyRuleSet();
  for (const [owner, own] of buildPolicyRules({ ...world, nodeName: 'n1' })) rules.set(owner, own);
  inside(netnsOf('node'), ['iptables-restore', '--noflush'], rules.plan());
}

function ask(endpoint: string, request: Request): Promise<readonly boolean[]> {
  const child = children.get(endpoint);
  return new Promise((resolve, reject) => {
    child?.once('message', (results) => resolve(results as boolean[]));
    child?.send(request, (error) => {
      if (error !== null) reject(error);
    });
  });
}

(root ? describe : describe.skip)('packets under random policies', () => {
  const pods = Array.from({ length: 12 }, (_, n) => `p${n}`);
  const all = ['node', 'out', ...pods];

  beforeAll(async () => {
    for (const name of all) execFileSync('ip', ['netns', 'add', netnsOf(name)]);
    const links = all.filter((name) => name !== 'node');
    const lines = [
      'link set lo up',
      'link add cni0 type bridge',
      'addr add 10.244.0.1/16 dev cni0',
      'link set cni0 up',
      `addr add ${node}/32 dev lo`,
      ...links.flatMap((name) => [
        `link add ${name} type veth peer name eth0 netns ${netnsOf(name)}`,
        `link set ${name} up`,
      ]),
      ...pods.map((name) => `link set ${name} master cni0`),
      'addr add 203.0.113.1/24 dev out',
    ];
    inside(netnsOf('node'), ['ip', '-batch', '-'], `${lines.join('\n')}\n`);
    inside(netnsOf('node'), ['sysctl', '-qw', 'net.ipv4.ip_forward=1']);
    inside(netnsOf('node'), ['sysctl', '-qw', 'net.bridge.bridge-nf-call-iptables=1']);
    for (const name of links) {
      inside(netnsOf(name), ['ip', '-batch', '-'], 'link set lo up\nlink set eth0 up\n');
    }
    const outside = [`addr add ${stranger}/24 dev eth0`, 'route add default via 203.0.113.1'];
    inside(netnsOf('out'), ['ip', '-batch', '-'], `${outside.join('\n')}\n`);
    await Promise.all(
      all.map(async (name) => {
        const child = fork('dist/test/cluster/policy-endpoint.js', [], {
          execPath: '/usr/bin/nsenter',
          execArgv: [`--net=/run/netns/${netnsOf(name)}`, process.execPath],
          stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        });
        children.set(name, child);
        await new Promise((resolve) => child.once('message', resolve));
      }),
    );
  }, 60_000);

  afterAll(() => {
    for (const child of children.values()) child.kill('SIGKILL');
    for (const name of all) execFileSync('ip', ['netns', 'del', netnsOf(name)]);
  }, 30_000);

  test.each(seeds.map((seed, round) => [seed, round] as const))(
    'of seed %s',
    async (seed, round) => {
      const world = onOneNode(seed);
      const addresses = podAddresses(world);
      place(addresses);
      load(world);
      const endpoints = new Map([
        ...addresses.map((ip, n): [string, string] => [ip, `p${n}`]),
        [node, 'node'],
        [stranger, 'out'],
      ]);
      const told = (from: string, { to, port, protocol }: Wanted): boolean =>
        isAllowed(world, { from, to, port, protocol });
      const wrong: string[] = [];
      const count = { open: 0, shut: 0 };
      const tryAll = async (from: string, name: string): Promise<void> => {
        const targets = [...endpoints.keys()].flatMap((to) =>
          ports.flatMap((port) => protocols.map((protocol) => ({ to, port, protocol }))),
        );
        const attempts = targets.map((target, n) => ({
          ...target,
          sourcePort: 20_000 + 500 * round + n,
        }));
        const results = await ask(name, { attempts, waitMs: blockedMs });
        const late = attempts.filter((wanted, n) => told(from, wanted) && results[n] !== true);
        // A machine that has much to do is given time before it is said that nothing came.
        const again = await ask(name, {
          attempts: late.map((wanted) => ({ ...wanted, sourcePort: wanted.sourcePort + 20_000 })),
          waitMs: patientMs,
        });
        const missing = late.filter((_, n) => again[n] !== true);
        const through = attempts.filter((wanted, n) => !told(from, wanted) && results[n] === true);
        count.shut += attempts.filter((wanted) => !told(from, wanted)).length;
        count.open += attempts.filter((wanted) => told(from, wanted)).length;
        for (const [one, is] of [
          ...missing.map((one) => [one, 'shut'] as const),
          ...through.map((one) => [one, 'open'] as const),
        ]) {
          wrong.push(`${from} > ${one.to}:${one.port}/${one.protocol} is ${is}`);
        }
      };
      await Promise.all([...endpoints].map(([from, name]) => tryAll(from, name)));
      expect(wrong).toEqual([]);
      expect(count.shut).toBeGreaterThan(0);
      expect(count.open).toBeGreaterThan(0);
    },
    60_000,
  );
});
