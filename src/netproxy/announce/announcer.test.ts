import { afterEach, expect, test } from '@jest/globals';
import { poolCondition } from '../../api/facts/load-balancers.js';
import { netproxyAnnotation } from '../../api/facts/node-network.js';
import type { Node, Service } from '../../api/types/core.js';
import { createInformerFactory } from '../../client/index.js';
import { resources } from '../../client/resources.js';
import { FakeApi } from '../../client/testkit/fake.js';
import { ManualClock, systemClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import type { RunCommand } from '../command.js';
import { ServiceWatch } from '../model/service-watch.js';
import { until } from '../testkit/watched-services.js';
import { Announcer } from './announcer.js';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

/** A link that has addresses, with the time for which each may stay. */
class Link {
  readonly addresses = new Map<string, string>();
  fails = 0;

  readonly run: RunCommand = (program, args, { stdin = '' } = {}) => {
    if (program !== 'ip') return Promise.resolve({ code: -1, stdout: '', stderr: 'ENOENT' });
    if (this.fails > 0) {
      this.fails--;
      return Promise.resolve({ code: 1, stdout: '', stderr: 'RTNETLINK answers: Busy' });
    }
    for (const line of stdin.split('\n').filter((text) => text !== '')) {
      const [, verb, address = ''] = line.split(' ');
      if (verb === 'del') this.addresses.delete(address);
      else this.addresses.set(address, / valid_lft (\d+) /.exec(line)?.[1] ?? 'forever');
    }
    const shown = args.includes('show') ? [...this.addresses.keys()] : [];
    const stdout = shown.map((address) => `1: lo    inet ${address} scope global lo:lb\n`).join('');
    return Promise.resolve({ code: 0, stdout, stderr: '' });
  };
}

async function setUp(present: readonly string[] = []) {
  const [api, clock, link] = [new FakeApi(), new ManualClock(), new Link()];
  for (const address of present) link.addresses.set(address, 'forever');
  const log = silentLogger;
  const informers = createInformerFactory({ client: api, clock: systemClock(), log });
  const watch = new ServiceWatch(informers, 'n1');
  await api.create<Node>(resources.nodes, {
    metadata: { name: 'n1' },
    spec: {},
    status: { conditions: [{ type: 'Ready', status: 'True' }] },
  });
  const condition = { type: poolCondition, status: 'True' as const, reason: 'x', message: '' };
  await api.create<Service>(resources.services, {
    metadata: { namespace: 'default', name: 'a' },
    spec: { type: 'LoadBalancer' },
    status: {
      loadBalancer: { ingress: [{ ip: '192.0.2.1' }] },
      conditions: [{ ...condition, lastTransitionTime: '2026-01-01T00:00:00Z' }],
    },
  });
  const announcer = new Announcer({ watch, informers, nodeName: 'n1', run: link.run, clock, log });
  await Promise.all([watch.whenSynced(), informers.informer(resources.nodes).whenSynced()]);
  announcer.start();
  ends.push(
    () => announcer.stop(),
    () => watch.stop(),
    () => informers.stop(),
  );
  const has = (...wanted: string[]) =>
    until(() => {
      clock.advance(50);
      return JSON.stringify([...link.addresses.keys()].sort()) === JSON.stringify(wanted);
    });
  return { api, clock, link, announcer, has };
}

test('an address is held for a while only, and renewed', async () => {
  const { clock, link, has } = await setUp();
  await has('192.0.2.1/32');
  expect(link.addresses.get('192.0.2.1/32')).toBe('60');
  link.addresses.set('192.0.2.1/32', '45');
  clock.advance(15_000);
  await until(() => link.addresses.get('192.0.2.1/32') === '60');
});

test('what an earlier netproxy left goes, and what it had is renewed; what others took comes back', async () => {
  const { clock, link, has } = await setUp(['192.0.2.1/32', '192.0.2.9/32']);
  await has('192.0.2.1/32');
  await until(() => link.addresses.get('192.0.2.1/32') === '60');
  link.addresses.clear();
  clock.advance(15_000);
  await has('192.0.2.1/32');
});

test('an address goes with the state of the node, also where the link refused once', async () => {
  const { api, link, has } = await setUp();
  await has('192.0.2.1/32');
  link.fails = 1;
  const node = await api.get<Node>(resources.nodes, { name: 'n1' });
  const annotations = { [netproxyAnnotation]: 'silent' };
  await api.update<Node>(resources.nodes, { ...node, metadata: { ...node.metadata, annotations } });
  await has();
});

test('the address of a Service that goes is given up, and one that comes is taken', async () => {
  const { api, has } = await setUp();
  await has('192.0.2.1/32');
  const service = await api.get<Service>(resources.services, { namespace: 'default', name: 'a' });
  const { resourceVersion: _version, uid: _uid, ...metadata } = service.metadata;
  const loadBalancer = { ingress: [{ ip: '192.0.2.2' }] };
  const status = { ...service.status, loadBalancer };
  await api.create<Service>(resources.services, {
    ...service,
    metadata: { ...metadata, name: 'b' },
    status,
  });
  await has('192.0.2.1/32', '192.0.2.2/32');
  await api.delete(resources.services, { namespace: 'default', name: 'a' });
  await has('192.0.2.2/32');
});
