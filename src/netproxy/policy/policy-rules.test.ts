import { expect, test } from '@jest/globals';
import type { Pod } from '../../api/types/core.js';
import type { NetworkPolicy } from '../../api/types/networking.js';
import { resolverPod, withHeld } from './local-pods.js';
import { buildPolicyRules, subtract } from './policy-rules.js';

function pod(name: string, ip: string, app: string, nodeName = 'n1'): Pod {
  return {
    metadata: { namespace: 'default', name, labels: { app } },
    spec: {
      nodeName,
      containers: [{ name: 'app', ports: [{ name: 'http', containerPort: 8080 }] }],
    },
    status: { podIP: ip },
  };
}

const pods = [pod('db', '10.244.1.2', 'db'), pod('web', '10.244.2.3', 'web', 'n2')];
const namespaces = [{ metadata: { name: 'default', labels: { team: 'a' } }, spec: {} }];

function rulesOf(spec: NonNullable<NetworkPolicy['spec']>): string[] {
  const policies = [{ metadata: { namespace: 'default', name: 'p' }, spec }];
  const built = buildPolicyRules({ nodeName: 'n1', policies, pods, namespaces });
  return [...(built.get('default/db')?.chains.values() ?? [])].flat();
}

test('a peer pod and a named port', () => {
  const from = [{ podSelector: { matchLabels: { app: 'web' } } }];
  const ports = [{ port: 'http' }];
  expect(rulesOf({ podSelector: {}, ingress: [{ from, ports }] })).toEqual([
    '-s 10.244.1.2/32 -m comment --comment "default/db itself" -j RETURN',
    '-s 10.244.2.3/32 -p tcp -m comment --comment "default/p allows" -m tcp --dport 8080 -j RETURN',
    '-m comment --comment "default/db default" -j DROP',
  ]);
});

test('a pod that still runs and its successor of the same name are both closed', () => {
  const twice = ['10.244.1.2', '10.244.1.7'].map((ip, n) => {
    const one = pod('db', ip, 'db');
    return { ...one, metadata: { ...one.metadata, uid: `uid-${n}` } };
  });
  const metadata = { namespace: 'default', name: 'p' };
  const policies = [{ metadata, spec: { podSelector: {} } }];
  for (const both of [twice, twice.toReversed()]) {
    const built = buildPolicyRules({ nodeName: 'n1', policies, pods: both, namespaces });
    expect([...built.keys()]).toEqual(['default/db', 'default/db uid-1']);
    const jumps = [...built.values()].flatMap(({ shared }) => [...shared.values()].flat());
    const chains = [...built.values()].flatMap((one) => [...one.chains.keys()]);
    expect(new Set(chains).size).toBe(2);
    expect(jumps).toEqual([
      `-d 10.244.1.2/32 -j ${chains[0]?.slice('mangle/'.length)}`,
      `-d 10.244.1.7/32 -j ${chains[1]?.slice('mangle/'.length)}`,
    ]);
  }
});

test('nothing allowed, everything allowed, nobody selected', () => {
  const drop = '-m comment --comment "default/db default" -j DROP';
  const itself = (side: string): string =>
    `${side} 10.244.1.2/32 -m comment --comment "default/db itself" -j RETURN`;
  const both = ['Ingress', 'Egress'];
  expect(rulesOf({ podSelector: {}, policyTypes: both })).toEqual([
    itself('-s'),
    drop,
    itself('-d'),
    drop,
  ]);
  const all = '-m comment --comment "default/p allows" -j RETURN';
  expect(rulesOf({ podSelector: {}, ingress: [{}] })).toEqual([itself('-s'), all, drop]);
  expect(rulesOf({ podSelector: { matchLabels: { app: 'x' } } })).toEqual([]);
});

/** Of the direction out, without the first and the last, which are always there. */
function egressTo(to: object[], ports?: object[]): string[] {
  const rule = { to, ...(ports === undefined ? {} : { ports }) };
  const spec = { podSelector: {}, policyTypes: ['Egress'], egress: [rule] };
  return rulesOf(spec).slice(1, -1);
}

test('ranges, SCTP, blocks with exceptions; what is not understood allows nothing', () => {
  const to = [{ ipBlock: { cidr: '10.0.0.0/30', except: ['10.0.0.0/31'] } }];
  const text = '-m comment --comment "default/p allows"';
  expect(egressTo(to, [{ protocol: 'SCTP', port: 100, endPort: 200 }])).toEqual([
    `-d 10.0.0.2/31 -p sctp ${text} -m sctp --dport 100:200 -j RETURN`,
  ]);
  expect(egressTo(to, [{ port: 100, endPort: 100 }])[0]).toContain('--dport 100 ');
  expect(egressTo(to, [{ port: 200, endPort: 100 }])).toEqual([]);
  expect(egressTo(to, [{ protocol: 'UDP' }])).toEqual([`-d 10.0.0.2/31 -p udp ${text} -j RETURN`]);
  expect(egressTo(to, [{ protocol: 'tcp -j ACCEPT\n-A INPUT', port: 1 }])).toEqual([]);
  expect(egressTo([{ ipBlock: { cidr: '0.0.0.0/0 -j ACCEPT' } }])).toEqual([]);
  expect(egressTo([{ ipBlock: { cidr: '10.0.0.0/8', except: ['x'] } }])).toEqual([]);
  expect(egressTo([{ ipBlock: { cidr: 'fd00::/8' } }])).toEqual([]);
});

test('a named port on the way out is that of each pod that may be reached', () => {
  const text = '-m comment --comment "default/p allows"';
  const [db, web] = ['10.244.1.2', '10.244.2.3'].map(
    (ip) => `-d ${ip}/32 -p tcp ${text} -m tcp --dport 8080 -j RETURN`,
  );
  const egress = (rule: object): string[] =>
    rulesOf({ podSelector: {}, policyTypes: ['Egress'], egress: [rule] }).slice(1, -1);
  expect(egress({ ports: [{ port: 'http' }] })).toEqual([db, web]);
  expect(egress({ to: [], ports: [{ port: 'http' }, { port: 53 }] })).toEqual([
    db,
    web,
    `-p tcp ${text} -m tcp --dport 53 -j RETURN`,
  ]);
  const block = (cidr: string, except: string[] = []): object => ({ ipBlock: { cidr, except } });
  expect(egressTo([block('10.244.2.0/24')], [{ port: 'http' }])).toEqual([web]);
  expect(egressTo([block('0.0.0.0/0', ['10.244.1.0/24'])], [{ port: 'http' }])).toEqual([web]);
  expect(egressTo([block('192.0.2.0/24')], [{ port: 'http' }])).toEqual([]);
  expect(egressTo([block('0.0.0.0/0')], [{ port: 'other' }])).toEqual([]);
});

test('a sidecar names ports as well, an init container that ends names none', () => {
  const port = (containerPort: number): object => ({ name: 'metrics', containerPort });
  const web = pod('web', '10.244.2.3', 'web', 'n2');
  const initContainers = [
    { name: 'init', ports: [port(1)] },
    { name: 'side', restartPolicy: 'Always', ports: [port(9100)] },
  ];
  const withSidecar = { ...web, spec: { ...web.spec, initContainers } } as Pod;
  const egress = [{ to: [{ podSelector: {} }], ports: [{ port: 'metrics' }] }];
  const policies = [
    {
      metadata: { namespace: 'default', name: 'p' },
      spec: { podSelector: {}, policyTypes: ['Egress'], egress },
    },
  ];
  const all = [pod('db', '10.244.1.2', 'db'), withSidecar];
  const built = buildPolicyRules({ nodeName: 'n1', policies, pods: all, namespaces });
  expect([...(built.get('default/db')?.chains.values() ?? [])].flat().slice(1, -1)).toEqual([
    '-d 10.244.2.3/32 -p tcp -m comment --comment "default/p allows" -m tcp --dport 9100 -j RETURN',
  ]);
});

test('nothing that was named by somebody begins a rule of its own', () => {
  const name = 'p"\n-A INPUT -j ACCEPT';
  const bad = { ...pod('evil', '10.0.0.1/32 -j ACCEPT\n-A x', 'web', 'n2') };
  const policies = [
    {
      metadata: { namespace: 'default', name },
      spec: { podSelector: {}, ingress: [{ from: [{ podSelector: {} }] }] },
    },
  ];
  const built = buildPolicyRules({ nodeName: 'n1', policies, pods: [...pods, bad], namespaces });
  const rules = [...built.values()].flatMap(({ chains }) => [...chains.values()].flat());
  expect(rules.length).toBeGreaterThan(2);
  for (const rule of rules) expect(rule).not.toMatch(/[\n]|-j ACCEPT$/);
});

test('an address belongs to the pod that holds it on this node', () => {
  const before = {
    ...pod('before', '10.244.1.9', 'x'),
    metadata: { namespace: 'default', name: 'before', uid: 'u1' },
  };
  const held = {
    podUid: 'u2',
    namespace: 'default',
    name: 'new',
    labels: { app: 'db' },
    ips: ['10.244.1.9'],
  };
  const all = withHeld([before], [held], 'n1');
  expect(all.map(({ metadata, status }) => [metadata.name, status?.podIP])).toEqual([
    ['before', ''],
    ['new', '10.244.1.9'],
  ]);
});

test('the name server is a peer by the labels that policies name', () => {
  const dns = {
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
    podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
  };
  const egress = [{ to: [dns], ports: [{ protocol: 'UDP' as const, port: 53 }] }];
  const policies = [
    {
      metadata: { namespace: 'default', name: 'p' },
      spec: { podSelector: {}, policyTypes: ['Egress'], egress },
    },
  ];
  const system = {
    metadata: { name: 'kube-system', labels: { 'kubernetes.io/metadata.name': 'kube-system' } },
    spec: {},
  };
  const built = buildPolicyRules({
    nodeName: 'n1',
    policies,
    pods: [...pods, resolverPod('10.96.0.10')],
    namespaces: [system],
  });
  expect([...(built.get('default/db')?.chains.values() ?? [])].flat()[1]).toBe(
    '-d 10.96.0.10/32 -p udp -m comment --comment "default/p allows" -m udp --dport 53 -j RETURN',
  );
});

test('an address block without its exceptions', () => {
  expect(subtract('10.0.0.0/30', ['10.0.0.1/32'])).toEqual(['10.0.0.0/32', '10.0.0.2/31']);
  expect(subtract('10.0.0.0/8', ['10.0.0.0/8'])).toEqual([]);
  // A block that was stored under laxer rules lets nothing through.
  expect(subtract('10.0.0.0/8', ['10.1.0.0/16 or so'])).toEqual([]);
});
