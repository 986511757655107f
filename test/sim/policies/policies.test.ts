/**
 * The rules that nodes make of random policies, against what Kubernetes' documents say of them: every pair of pods,
 * nodes and strangers, on every port. `POLICY_ROUNDS=N` tries more seeds, `POLICY_SEED=N` one alone; a seed that fails
 * becomes a test by its name.
 */
import { describe, expect, test } from '@jest/globals';
import { Prng } from '../../../src/lib/prng.js';
import { buildPolicyRules, newPolicyRuleSet } from '../../../src/netproxy/policy/policy-rules.js';
import { RulesModel } from './rules-model.js';
import type { Attempt } from './semantics.js';
import { isAllowed, podAt } from './semantics.js';
import type { PolicyWorld } from './world.js';
import { ports, protocols, randomWorld, strangers } from './world.js';

const rounds = Number(process.env['POLICY_ROUNDS'] ?? 300);

/** What the node sends to `iptables-restore` at its start. */
function restoreInput(world: PolicyWorld, nodeName: string): string {
  const rules = newPolicyRuleSet();
  const { policies, pods, namespaces } = world;
  const wanted = buildPolicyRules({ nodeName, policies, pods, namespaces });
  for (const [owner, own] of wanted) rules.set(owner, own);
  return rules.plan();
}

/** The way of a first packet through the kernels of both ends. */
function passes(
  world: PolicyWorld,
  kernels: ReadonlyMap<string, RulesModel>,
  attempt: Attempt,
): boolean {
  const placeOf = (address: string): { node: string | undefined; isNode: boolean } => {
    const isNode = Object.entries(world.nodes).find(([, ip]) => ip === address);
    if (isNode !== undefined) return { node: isNode[0], isNode: true };
    return { node: podAt(world, address)?.spec?.nodeName, isNode: false };
  };
  const from = placeOf(attempt.from);
  const to = placeOf(attempt.to);
  const through = (node: string | undefined, hook: 'FORWARD' | 'INPUT'): boolean =>
    node === undefined || (kernels.get(node)?.passes(hook, attempt) ?? true);
  if (from.node === to.node && from.node !== undefined) {
    // What a node sends to its own pods meets neither hook.
    return from.isNode || through(from.node, to.isNode ? 'INPUT' : 'FORWARD');
  }
  const left = from.isNode || through(from.node, 'FORWARD');
  // Behind the sender's node a packet to a node has the sender's node for its source.
  return left && (to.isNode || through(to.node, 'FORWARD'));
}

/** @param mistake is put into the rules. @default none */
function disagreements(
  world: PolicyWorld,
  mistake: (rules: string) => string = (rules) => rules,
): string[] {
  const kernels = new Map(
    Object.keys(world.nodes).map((node) => [
      node,
      new RulesModel(mistake(restoreInput(world, node))),
    ]),
  );
  const pods = world.pods.flatMap(({ status }) => status?.podIP ?? []);
  const all = [...new Set([...pods, ...Object.values(world.nodes), ...strangers])];
  const found: string[] = [];
  for (const from of all) {
    for (const to of all) {
      for (const port of ports) {
        for (const protocol of protocols) {
          const attempt = { from, to, port, protocol };
          const should = isAllowed(world, attempt);
          const is = passes(world, kernels, attempt);
          if (is !== should) found.push(`${from} > ${to}:${port}/${protocol}: ${is}`);
        }
      }
    }
  }
  return found;
}

const only = process.env['POLICY_SEED'];

test('the rules of random policies do what the documents say', () => {
  const seeds = only === undefined ? Array.from({ length: rounds }, (_, n) => n) : [Number(only)];
  const failed: Record<number, string[]> = {};
  let closed = 0;
  for (const seed of seeds) {
    const world = randomWorld(seed);
    if (world.policies.length > 0) closed++;
    const found = disagreements(world);
    if (found.length > 0) failed[seed] = found.slice(0, 3);
  }
  expect(failed).toEqual({});
  expect(closed).toBeGreaterThan(seeds.length / 2);
});

test.each<[string, (rules: string) => string]>([
  ['a pod is kept from itself', (rules) => rules.replaceAll(/^.* itself" -j RETURN\n/gm, '')],
  ['nothing is closed', (rules) => rules.replaceAll(/^.* default" -j DROP\n/gm, '')],
  ['a port is the next one', (rules) => rules.replaceAll(/--dport 80 /g, '--dport 81 ')],
  ['TCP is every protocol', (rules) => rules.replaceAll(/ -p tcp| -m tcp/g, '')],
  ['a block is wider', (rules) => rules.replaceAll('/29 ', '/28 ')],
  ['what goes to nodes is free', (rules) => rules.replaceAll(/^-I INPUT .*\n/gm, '')],
])('a mistake is seen: %s', (_, mistake) => {
  const seeds = Array.from({ length: 60 }, (_one, n) => n);
  expect(seeds.some((seed) => disagreements(randomWorld(seed), mistake).length > 0)).toBe(true);
});

describe('rules depend on the cluster alone', () => {
  test('not on the order in which a node heard of it', () => {
    for (let seed = 0; seed < 40; seed++) {
      const world = randomWorld(seed);
      const prng = new Prng(seed);
      const shuffled = {
        ...world,
        pods: prng.shuffle([...world.pods]),
        policies: prng.shuffle([...world.policies]),
        namespaces: prng.shuffle([...world.namespaces]),
      };
      for (const node of Object.keys(world.nodes)) {
        expect(restoreInput(shuffled, node)).toBe(restoreInput(world, node));
      }
    }
  });

  test('not on the node that a pod runs on', () => {
    for (let seed = 0; seed < 40; seed++) {
      const world = randomWorld(seed);
      const moved = {
        ...world,
        pods: world.pods.map((pod) => ({ ...pod, spec: { ...pod.spec, nodeName: 'n1' } })),
      } as PolicyWorld;
      const [all, ...parts] = [
        restoreInput(moved, 'n1'),
        ...Object.keys(world.nodes).map((node) => restoreInput(world, node)),
      ].map((text) => new Set(text.split('\n').filter((line) => line.includes('KUBE-NP'))));
      expect(all).toEqual(new Set(parts.flatMap((part) => [...part])));
    }
  });
});
