import { expect, test } from '@jest/globals';
import type { NetworkPolicy, Pod } from '../objects.js';
import { buildPolicyRules, subtract } from './policy-rules.js';

function pod(name: string, ip: string, app: string, nodeName = 'n1'): Pod {
  return {
    metadata: { namespace: 'default', name, labels: { app } },
    spec: { nodeName, containers: [{ ports: [{ name: 'http', containerPort: 8080 }] }] },
    status: { podIP: ip },
  };
}

const pods = [pod('db', '10.244.1.2', 'db'), pod('web', '10.244.2.3', 'web', 'n2')];
const namespaces = [{ metadata: { name: 'default', labels: { team: 'a' } } }];

function rulesOf(spec: NonNullable<NetworkPolicy['spec']>): string[] {
  const policies = [{ metadata: { namespace: 'default', name: 'p' }, spec }];
  const built = buildPolicyRules({ nodeName: 'n1', policies, pods, namespaces });
  return [...(built.get('default/db')?.chains.values() ?? [])].flat();
}

test('a peer pod and a named port', () => {
  const from = [{ podSelector: { matchLabels: { app: 'web' } } }];
  const ports = [{ port: 'http' }];
  expect(rulesOf({ podSelector: {}, ingress: [{ from, ports }] })).toEqual([
    '-s 10.244.2.3/32 -p tcp -m comment --comment "default/p allows" -m tcp --dport 8080 -j RETURN',
    '-m comment --comment "default/db default" -j DROP',
  ]);
});

test('nothing allowed, everything allowed, nobody selected', () => {
  const drop = '-m comment --comment "default/db default" -j DROP';
  expect(rulesOf({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] })).toEqual([drop, drop]);
  const all = '-m comment --comment "default/p allows" -j RETURN';
  expect(rulesOf({ podSelector: {}, ingress: [{}] })).toEqual([all, drop]);
  expect(rulesOf({ podSelector: { matchLabels: { app: 'x' } } })).toEqual([]);
});

test('an address block without its exceptions', () => {
  expect(subtract('10.0.0.0/30', ['10.0.0.1/32'])).toEqual(['10.0.0.0/32', '10.0.0.2/31']);
  expect(subtract('10.0.0.0/8', ['10.0.0.0/8'])).toEqual([]);
  // What was stored under laxer rules lets nothing through.
  expect(subtract('10.0.0.0/8', ['10.1.0.0/16 or so'])).toEqual([]);
});
