import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { buildServicePorts } from '../model/service-model.js';
import type { Service } from '../../api/types/core.js';
import type { EndpointSlice } from '../../api/types/networking.js';
import { IptablesServiceRules } from './service-rule-set.js';
import { buildServiceRules } from './service-rules.js';

const config = {
  nodeIp: '192.168.0.1',
  clusterCidr: '10.244.0.0/16',
  nodePortAddresses: [],
};
const golden = 'src/netproxy/iptables/testdata/services.txt';

type Spec = NonNullable<Service['spec']>;

function service(spec: Spec, status: Service['status'] = {}): Service {
  const ports = [{ name: 'http', port: 80, protocol: 'TCP' as const, ...spec.ports?.[0] }];
  return {
    metadata: { namespace: 'default', name: 'web' },
    spec: { clusterIP: '10.96.5.5', ...spec, ports },
    status,
  };
}

type Condition = NonNullable<NonNullable<EndpointSlice['endpoints']>[number]['conditions']>;

function slice(endpoints: readonly (readonly [string, string, Condition?])[]): EndpointSlice {
  return {
    metadata: { namespace: 'default', name: 'web-1' },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: endpoints.map(([ip, nodeName, conditions]) => ({
      addresses: [ip],
      nodeName,
      conditions: conditions ?? { ready: true },
    })),
  };
}

const here = ['10.244.1.5', 'n1'] as const;
const there = ['10.244.2.5', 'n2'] as const;
const third = ['10.244.2.6', 'n2'] as const;
const ending = { ready: false, serving: true, terminating: true };

const cases: Record<string, [Service, EndpointSlice]> = {
  'ClusterIP with three endpoints': [service({}), slice([here, there, third])],
  'no endpoints: refused, NodePort too': [
    service({ type: 'NodePort', ports: [{ port: 80, nodePort: 30080 }] }),
    slice([]),
  ],
  'NodePort, external IP': [
    service({
      type: 'NodePort',
      externalIPs: ['203.0.113.7'],
      ports: [{ port: 80, nodePort: 30080 }],
    }),
    slice([here]),
  ],
  'NodePort, externalTrafficPolicy Local, an endpoint here': [
    service({
      type: 'NodePort',
      externalTrafficPolicy: 'Local',
      ports: [{ port: 80, nodePort: 30080 }],
    }),
    slice([here, there]),
  ],
  'NodePort, externalTrafficPolicy Local, none here': [
    service({
      type: 'NodePort',
      externalTrafficPolicy: 'Local',
      ports: [{ port: 80, nodePort: 30080 }],
    }),
    slice([there]),
  ],
  'internalTrafficPolicy Local, none here': [
    service({ internalTrafficPolicy: 'Local' }),
    slice([there]),
  ],
  'session affinity': [
    service({
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } },
    }),
    slice([here, there]),
  ],
  'load balancer with source ranges': [
    service(
      {
        type: 'LoadBalancer',
        loadBalancerSourceRanges: ['198.51.100.0/24'],
        ports: [{ port: 80, nodePort: 30080 }],
      },
      { loadBalancer: { ingress: [{ ip: '203.0.113.9' }] } },
    ),
    slice([here]),
  ],
  'only terminating endpoints: they serve on': [service({}), slice([[...here, ending]])],
  'headless: nothing': [service({ clusterIP: 'None' }), slice([here])],
};

function render([object, endpoints]: [Service, EndpointSlice]): string {
  const lines: string[] = [];
  for (const port of buildServicePorts(object, [endpoints], 'n1')) {
    const { chains, shared } = buildServiceRules(port, config);
    for (const [id, rules] of [...shared, ...chains]) {
      for (const rule of rules) lines.push(`${id} ${rule}`);
    }
  }
  return lines.join('\n');
}

test('rules of services', () => {
  const text = Object.entries(cases)
    .map(([title, objects]) => `# ${title}\n----\n${render(objects)}\n`)
    .join('\n');
  if (process.env['UPDATE'] === '1') writeFileSync(golden, text);
  expect(text).toBe(readFileSync(golden, 'utf8'));
});

describe('the rule set', () => {
  const contribution = (endpoints: EndpointSlice) => {
    const [port] = buildServicePorts(service({}), [endpoints], 'n1');
    return buildServiceRules(port!, config);
  };

  test('a changed endpoint sends its chains only, and nothing the second time', () => {
    const rules = new IptablesServiceRules(config);
    rules.set('other', { chains: new Map(), shared: new Map([['nat/KUBE-SERVICES', ['-j X']]]) });
    rules.set('web', contribution(slice([here])));
    expect(rules.plan()).toContain('KUBE-POSTROUTING');
    rules.commit();
    rules.set('web', contribution(slice([there])));
    const plan = rules.plan();
    rules.commit();
    expect(plan).not.toContain('KUBE-SERVICES');
    expect(plan).toMatch(/-X KUBE-SEP-/);
    expect(plan).toContain('--to-destination 10.244.2.5:8080');
    expect(rules.plan()).toBe('');
  });

  test('a removed service deletes its own line of the shared chain', () => {
    const rules = new IptablesServiceRules(config);
    rules.set('web', contribution(slice([here])));
    rules.plan();
    rules.commit();
    rules.set('web', undefined);
    const plan = rules.plan();
    expect(plan).toContain('-D KUBE-SERVICES -d 10.96.5.5/32');
    expect(plan.match(/^-X/gm)).toHaveLength(2);
  });

  const refused = '-d 10.96.5.5/32 -p tcp -m comment --comment "default/web:http has no endpoints"';
  const served = '-d 10.96.5.5/32 -p tcp -m comment --comment "default/web:http cluster IP"';
  /** Where the two rules of the service come and go, in the order in which the kernel takes them. */
  const steps = (plan: string): string[] =>
    plan.split('\n').flatMap((line) => {
      const kind = line.includes(refused) ? 'refused' : line.includes(served) ? 'served' : '';
      const isShared = line.slice(3).startsWith('KUBE-SERVICES');
      return kind === '' || !isShared ? [] : [`${line.slice(0, 2)} ${kind}`];
    });

  test('a service is refused before it is no longer served, and served before it is no longer refused', () => {
    const rules = new IptablesServiceRules(config);
    rules.set('web', contribution(slice([here])));
    rules.plan();
    rules.commit();
    rules.set('web', contribution(slice([])));
    expect(steps(rules.plan())).toEqual(['-I refused', '-D served']);
    rules.commit();
    rules.set('web', contribution(slice([here])));
    expect(steps(rules.plan())).toEqual(['-I served', '-D refused']);
  });

  const observed = (table: string, rule: string): string =>
    `*${table}\n:KUBE-SERVICES - [0:0]\n-A KUBE-SERVICES ${rule} -m tcp --dport 80 -j GONE\n` +
    'COMMIT\n';

  test('so it is with what an earlier process left', () => {
    const rules = new IptablesServiceRules(config);
    rules.observe(observed('nat', served) + observed('filter', '-d 10.96.9.9/32 -p tcp'));
    rules.set('web', contribution(slice([])));
    const plan = rules.plan();
    const [first, nat, last] = plan.split(/(?=^\*)/m);
    expect(first).toContain(`-I KUBE-SERVICES ${refused}`);
    expect(first).not.toContain(':KUBE-SERVICES');
    expect(nat).toMatch(/^\*nat\n/);
    expect(nat).not.toContain(served);
    // Rewritten without what is not wanted.
    expect(last).toContain(':KUBE-SERVICES - [0:0]');
    expect(last).toContain(`-A KUBE-SERVICES ${refused}`);
  });

  test('what was observed is not written again; foreign chains are left alone, stale ones go', () => {
    const rules = new IptablesServiceRules(config);
    rules.observe(
      '*nat\n:KUBE-MARK-MASQ - [0:0]\n:KUBE-SVC-AAAAAAAAAAAAAAAA - [0:0]\n:KUBE-FOREIGN - [0:0]\n' +
        '-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000\nCOMMIT\n',
    );
    const plan = rules.plan();
    expect(plan).not.toContain('KUBE-FOREIGN');
    expect(plan).not.toContain(':KUBE-MARK-MASQ');
    expect(plan).toContain('-X KUBE-SVC-AAAAAAAAAAAAAAAA');
  });
});
