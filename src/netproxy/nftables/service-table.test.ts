import { describe, expect, test } from '@jest/globals';
import { buildServicePorts } from '../model/service-model.js';
import type { ServicePort } from '../model/service-model.js';
import type { EndpointFields, ServiceFields } from '../testkit/service-cluster.js';
import { serviceOf, sliceOf } from '../testkit/service-cluster.js';
import { ServiceTable } from './service-table.js';

const config = {
  nodeIp: '192.168.0.1',
  clusterCidr: '10.244.0.0/16',
  serviceCidr: '10.96.0.0/16',
  nodePortAddresses: [],
  excludedIps: ['10.96.0.10'],
};
const http = [{ port: 80 }];

function portOf(key: string, fields: ServiceFields, at: readonly string[]): ServicePort {
  const slice: EndpointFields = { ports: [{ port: 8080 }], at };
  const [port] = buildServicePorts(serviceOf(key, fields), [sliceOf(key, slice)], 'n1');
  return port!;
}

const web = (...at: string[]): ServicePort =>
  portOf('default/web', { clusterIP: '10.96.5.5', ports: http }, at);
const here = '10.244.1.5 n1';
const there = '10.244.2.5 n2';

/** A table that has been written once. */
function written(...ports: readonly ServicePort[]): ServiceTable {
  const table = new ServiceTable(config);
  for (const port of ports) table.setPort(port.key, port);
  table.plan();
  table.commit();
  return table;
}

/** What a kernel lists of the table, and of another that is not ours. */
function listed(names: Readonly<Record<'chain' | 'set' | 'map', readonly string[]>>): string {
  return (['chain', 'set', 'map'] as const)
    .map((kind) => {
      const ours = names[kind].map((name) => ({ [kind]: { table: 'kube-proxy', name } }));
      const foreign = { [kind]: { table: 'other', name: 'foreign' } };
      return JSON.stringify({ nftables: [{ metainfo: {} }, foreign, ...ours] });
    })
    .join('\n');
}

const lines = (plan: string, start: string): string[] =>
  plan.split('\n').filter((line) => line.startsWith(start));

describe('the first transaction', () => {
  test('replaces what an earlier process left, and keeps the clients that it knew', () => {
    const fields = { clusterIP: '10.96.5.5', ports: http, sessionAffinity: 'ClientIP' };
    const port = portOf('default/web', fields, [here]);
    const before = new ServiceTable(config);
    before.setPort(port.key, port);
    const clients = /add set ip kube-proxy (affinity-\S+)/.exec(before.plan())?.[1] ?? '';
    const table = new ServiceTable(config);
    table.setPort(port.key, port);
    expect(table.needsNames).toBe(true);
    const set = [clients, 'affinity-old', 'cluster-ips'];
    table.observe(listed({ chain: ['services', 'gone'], set, map: ['old-map'] }));
    const plan = table.plan();
    expect(plan.split('\n').slice(0, 2)).toEqual([
      'add table ip kube-proxy',
      'flush table ip kube-proxy',
    ]);
    expect(plan).not.toContain(`flush set ip kube-proxy ${clients}`);
    expect(lines(plan, 'delete')).toEqual([
      'delete set ip kube-proxy affinity-old',
      'delete map ip kube-proxy old-map',
    ]);
    expect(plan).not.toContain('foreign');
    table.commit();
    expect(table.needsNames).toBe(false);
    // A chain goes two looks later: the kernel may remember for a while that a map led to it.
    const looks = [1, 2].map(() => {
      table.observe('');
      const look = table.plan();
      table.commit();
      return lines(look, 'delete chain');
    });
    expect(looks).toEqual([[], ['delete chain ip kube-proxy gone']]);
  });

  test('makes the table anew when the gentle way was refused', () => {
    const table = new ServiceTable(config);
    table.setPort('default/web', web(here));
    table.plan();
    table.observe(listed({ chain: ['services', 'gone'], set: [], map: [] }));
    const plan = table.plan();
    expect(plan.split('\n').slice(0, 3)).toEqual([
      'add table ip kube-proxy',
      'delete table ip kube-proxy',
      'add table ip kube-proxy',
    ]);
    expect(plan).not.toContain('gone');
    table.commit();
    expect(table.plan()).toBe('');
  });
});

describe('a change', () => {
  test('that failed is made good by the whole table, with what came meanwhile', () => {
    const table = written(web(here));
    table.setPort('default/web', web(here, there));
    expect(table.plan()).not.toContain('flush table');
    table.setPort('default/web', web(there));
    expect(table.needsNames).toBe(true);
    table.observe(listed({ chain: [], set: [], map: [] }));
    const plan = table.plan();
    expect(plan).toContain('flush table ip kube-proxy');
    expect(plan).not.toContain('delete table');
    expect(lines(plan, 'add element ip kube-proxy tcp-endpoints')).toEqual([
      'add element ip kube-proxy tcp-endpoints { 10.96.5.5 . 80 . 0 : 10.244.2.5 . 8080 }',
    ]);
  });

  test('of one service is as long as if there were no others', () => {
    const many = Array.from({ length: 300 }, (_, at) =>
      portOf(`default/s${at}`, { clusterIP: `10.96.7.${at % 256}`, ports: [{ port: 80 + at }] }, [
        there,
      ]),
    );
    const [alone, among] = [written(web(here)), written(web(here), ...many)].map((table) => {
      table.setPort('default/web', web(there));
      return table.plan();
    });
    expect(among).toBe(alone);
    expect(lines(alone ?? '', 'add')).toHaveLength(1);
  });
});

describe('two services that claim one address', () => {
  const outside = (key: string, clusterIP: string, ip: string, at: string): ServicePort =>
    portOf(key, { clusterIP, externalIPs: [ip], ports: http }, [at]);
  const targets = (plan: string): string =>
    lines(plan, 'add element ip kube-proxy tcp-endpoints').join();

  test('the first by name has all of it; when it goes, the other has', () => {
    const [a, b] = [
      outside('default/a', '10.96.5.1', '203.0.113.7', here),
      outside('default/b', '10.96.5.2', '203.0.113.7', there),
    ];
    const table = new ServiceTable(config);
    table.setPort(b.key, b);
    table.setPort(a.key, a);
    const plan = table.plan();
    table.commit();
    expect(targets(plan)).toContain('203.0.113.7 . 80 . 0 : 10.244.1.5 . 8080');
    expect(targets(plan).match(/203\.0\.113\.7/g)).toHaveLength(1);
    table.setPort(a.key, undefined);
    expect(targets(table.plan())).toContain('203.0.113.7 . 80 . 0 : 10.244.2.5 . 8080');
  });

  test('nobody takes the ClusterIP of another as an external one', () => {
    const thief = outside('a/thief', '10.96.5.1', '10.96.5.5', there);
    const table = written(web(here));
    table.setPort(thief.key, thief);
    expect(targets(table.plan())).not.toContain('10.96.5.5');
    table.commit();
    const whole = new ServiceTable(config);
    for (const port of [thief, web(here)]) whole.setPort(port.key, port);
    expect(targets(whole.plan())).toContain('10.96.5.5 . 80 . 0 : 10.244.1.5 . 8080');
  });
});

test('a node whose address is none of IPv4 answers on all that it has', () => {
  const plans = ['192.168.0.1', 'fd00::1'].map((nodeIp) =>
    new ServiceTable({ ...config, nodeIp }).plan(),
  );
  expect(plans.map((plan) => lines(plan, 'add element ip kube-proxy nodeport-ips'))).toEqual([
    ['add element ip kube-proxy nodeport-ips { 192.168.0.1 }'],
    ['add element ip kube-proxy nodeport-ips { 0.0.0.0/0 }'],
  ]);
});

describe('a look', () => {
  test('takes out and puts back what it looks at, but what changes', () => {
    const other = portOf('default/other', { clusterIP: '10.96.5.6', ports: http }, [there]);
    const table = written(web(here), other);
    table.setPort('default/web', undefined);
    table.observe('');
    const plan = table.plan();
    expect(lines(plan, 'delete element ip kube-proxy cluster-ips')).toEqual([
      'delete element ip kube-proxy cluster-ips { 10.96.5.5, 10.96.5.6 }',
    ]);
    expect(lines(plan, 'add element ip kube-proxy cluster-ips')).toEqual([
      'add element ip kube-proxy cluster-ips { 10.96.5.6 }',
    ]);
    expect(plan).toContain('add rule ip kube-proxy nat-prerouting jump services');
    table.commit();
    expect(table.plan()).toBe('');
  });

  test('has its bounds, and comes to everything in turns', () => {
    const many = Array.from({ length: 250 }, (_, at) =>
      portOf(`default/s${at}`, { clusterIP: `10.96.7.${at}`, ports: http }, [there]),
    );
    const table = written(...many);
    const seen = new Set<string>();
    for (let turn = 0; turn < 15; turn++) {
      table.observe('');
      const found = table.plan().match(/10\.96\.7\.\d+ \. tcp \. 80 comment/g) ?? [];
      expect(found.length).toBeLessThanOrEqual(50);
      for (const one of found) seen.add(one);
      table.commit();
    }
    expect(seen.size).toBe(250);
  });

  test('replaces the whole table once an hour', () => {
    const table = written(web(here));
    for (let look = 0; look < 360; look++) {
      table.observe('');
      expect(table.plan()).not.toContain('flush table');
      table.commit();
    }
    expect(table.needsNames).toBe(true);
    table.observe(listed({ chain: [], set: [], map: [] }));
    expect(table.plan()).toContain('flush table');
    table.commit();
    expect(table.needsNames).toBe(false);
  });
});

test('a rule or an element that somebody slipped in is refused', () => {
  const table = new ServiceTable(config);
  const sets = new Map<string, string>();
  const chains = [{ name: 'service-x', rules: ['accept\nflush ruleset'] }];
  expect(() => table.set('x', { claims: [], chains, sets })).toThrow('one line');
  const element = { collection: 'cluster-ips', key: '10.96.0.1 } ; flush ruleset', value: '' };
  const claims = [{ id: 'x', rank: 0, elements: [{ ...element, comment: '' }] }];
  expect(() => table.set('x', { claims, chains: [], sets })).toThrow('one word after the other');
});
