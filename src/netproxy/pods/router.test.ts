import { afterEach, expect, test } from '@jest/globals';
import type { Node } from '../../api/types/core.js';
import { createInformerFactory } from '../../client/index.js';
import { resources } from '../../client/resources.js';
import { FakeApi } from '../../client/testkit/fake.js';
import { ManualClock, systemClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import type { CommandResult } from '../command.js';
import { until } from '../testkit/watched-services.js';
import { findSubnet, parseJsonList, Router } from './router.js';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

const node = (name: string, address: string, podCIDR: string): Node => ({
  metadata: { name },
  spec: { podCIDR, podCIDRs: [podCIDR] },
  status: { addresses: [{ type: 'InternalIP', address }] },
});

const links = JSON.stringify([
  { addr_info: [{ local: '127.0.0.1', prefixlen: 8 }] },
  { addr_info: [{ local: '192.168.0.1', prefixlen: 24 }] },
]);

/** A node with two others, one in its subnet and one beyond it, and a kernel that answers commands. */
async function setUp(
  options: { readonly stale?: string; readonly routing?: 'auto' | 'direct' } = {},
) {
  const api = new FakeApi();
  const informers = createInformerFactory({
    client: api,
    clock: systemClock(),
    log: silentLogger,
  });
  ends.push(() => informers.stop());
  await api.create(resources.nodes, node('n1', '192.168.0.1', '10.244.1.0/24'));
  await api.create(resources.nodes, node('n2', '192.168.0.2', '10.244.2.0/24'));
  await api.create(resources.nodes, node('far', '172.16.0.9', '10.244.9.0/24'));
  const nodes = informers.informer<Node>(resources.nodes);
  await nodes.whenSynced();
  const clock = new ManualClock();
  const done: string[] = [];
  const kernel = { fails: 0 };
  const router = new Router({
    nodes,
    nodeName: 'n1',
    nodeIp: '192.168.0.1',
    podCidr: '10.244.1.0/24',
    clusterCidr: '10.244.0.0/16',
    routing: options.routing ?? 'auto',
    mtu: 1450,
    clock,
    log: silentLogger,
    run: async (program, args, { stdin = '' } = {}): Promise<CommandResult> => {
      const asked = args.join(' ');
      if (asked === '-j -4 addr show') return { code: 0, stdout: links, stderr: '' };
      if (asked.startsWith('-j route show')) {
        return { code: 0, stdout: options.stale ?? '', stderr: '' };
      }
      done.push(...(stdin === '' ? [`${program} ${asked}`] : lines(program, stdin)));
      const fails = stdin.includes('route replace') && kernel.fails-- > 0;
      return { code: fails ? 1 : 0, stdout: '', stderr: fails ? 'RTNETLINK answers: no' : '' };
    },
  });
  ends.push(() => router.stop());
  return { api, router, clock, done, kernel };
}

const lines = (program: string, text: string): string[] =>
  text.split('\n').flatMap((line) => (line === '' ? [] : [`${program} ${line}`]));
const routes = (done: readonly string[]): string[] =>
  done.flatMap((line) => /route (?:replace|del) \S+/.exec(line)?.[0] ?? []);

test('a node of the subnet has a direct route, one beyond it goes through the tunnel', async () => {
  const { router, done } = await setUp();
  await router.start();
  expect(done.find((line) => line.includes('10.244.2.0/24'))).toContain('via 192.168.0.2');
  expect(done.find((line) => line.includes('route replace 10.244.9.0/24'))).toContain('onlink');
  // The tunnel stands before anything is sent through it.
  const made = done.findIndex((line) => line.includes('type vxlan'));
  const used = done.findIndex((line) => line.includes('10.244.9'));
  expect(made).toBeGreaterThanOrEqual(0);
  expect(made).toBeLessThan(used);
  expect(done[made]).toContain('mtu 1450');
  expect(done[made]).toContain('local 192.168.0.1');
  // Its own pods are on its bridge.
  expect(done.some((line) => line.includes('10.244.1.0/24'))).toBe(false);
});

test('without a tunnel none is made', async () => {
  const { router, done } = await setUp({ routing: 'direct' });
  await router.start();
  expect(done.some((line) => line.includes('vxlan'))).toBe(false);
  expect(routes(done).toSorted()).toEqual([
    'route replace 10.244.2.0/24',
    'route replace 10.244.9.0/24',
  ]);
});

test('routes of an earlier process go, but for those that are still wanted', async () => {
  const stale = JSON.stringify([{ dst: '10.244.2.0/24' }, { dst: '10.244.77.0/24' }, {}]);
  const { router, done } = await setUp({ stale });
  await router.start();
  expect(routes(done).filter((line) => line.startsWith('route del'))).toEqual([
    'route del 10.244.77.0/24',
  ]);
});

test('routes follow nodes, many changes in one batch', async () => {
  const { api, router, clock, done } = await setUp();
  await router.start();
  done.length = 0;
  await api.create(resources.nodes, node('n4', '192.168.0.4', '10.244.4.0/24'));
  await api.create(resources.nodes, node('n5', '192.168.0.5', '10.244.5.0/24'));
  await api.delete(resources.nodes, { name: 'n2' });
  await until(() => {
    clock.advance(20);
    return routes(done).length >= 3;
  });
  expect(routes(done).toSorted()).toEqual([
    'route del 10.244.2.0/24',
    'route replace 10.244.4.0/24',
    'route replace 10.244.5.0/24',
  ]);
});

test('what could not be set is set again after a while, all of it', async () => {
  const { router, clock, done, kernel } = await setUp({ routing: 'direct' });
  kernel.fails = 1;
  await router.start();
  const first = routes(done);
  done.length = 0;
  clock.advance(2000);
  await until(() => done.length > 0);
  expect(routes(done)).toEqual(first);
  await router.stop();
  // Nothing waits for a router that has stopped.
  expect(clock.pending).toBe(0);
});

test.each([
  ['192.168.0.1', '192.168.0.1/24'],
  ['10.9.9.9', '10.9.9.9/32'],
])('the subnet of %s', async (address, subnet) => {
  const run = async (): Promise<CommandResult> => ({ code: 0, stdout: links, stderr: '' });
  expect(await findSubnet(run, address)).toBe(subnet);
});

test('an empty list of `ip -j` is nothing at all', () => {
  expect(parseJsonList('')).toEqual([]);
  expect(parseJsonList('[{"dst":"a"}]')).toEqual([{ dst: 'a' }]);
});
