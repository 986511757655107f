/** The addresses in the status of Ingresses, on an API server in memory. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { KubeObject } from '../../api/object.js';
import type { Ingress } from '../../api/types/networking.js';
import { ApiError, createInformerFactory } from '../../client/index.js';
import { resources } from '../../client/resources.js';
import { FakeApi } from '../../client/testkit/fake.js';
import { ManualClock, systemClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import { until } from '../testkit/watched-services.js';
import { IngressStatus } from './status.js';

let api: FakeApi;
let clock: ManualClock;
let ends: (() => Promise<void>)[];

beforeEach(() => {
  api = new FakeApi();
  clock = new ManualClock();
  ends = [];
});
afterEach(async () => {
  for (const end of ends) await end();
});

function start(nodeName: string): void {
  const informers = createInformerFactory({ client: api, clock: systemClock(), log: silentLogger });
  const status = new IngressStatus({ client: api, informers, nodeName, clock, log: silentLogger });
  status.start();
  ends.push(async () => {
    await status.stop();
    informers.stop();
  });
}

async function addNode(name: string, ip: string, ready = 'True'): Promise<void> {
  await api.create(resources.nodes, {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name },
    status: {
      addresses: [{ type: 'InternalIP', address: ip }],
      conditions: [{ type: 'Ready', status: ready }],
    },
  } as KubeObject);
}

async function addIngress(name: string, ips: readonly string[], className?: string): Promise<void> {
  await api.create(resources.ingresses, {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name, namespace: 'd' },
    spec: className === undefined ? {} : { ingressClassName: className },
  } as KubeObject);
  const ingress = ips.map((ip) => ({ ip }));
  const patch = { status: { loadBalancer: { ingress } } };
  const type = 'application/merge-patch+json';
  await api.patch(resources.ingresses, { name, namespace: 'd' }, type, patch, {
    subresource: 'status',
  });
}

async function addClass(name: string, controller: string): Promise<void> {
  await api.create(resources.ingressClasses, {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IngressClass',
    metadata: { name },
    spec: { controller },
  } as KubeObject);
}

async function ipsOf(name: string): Promise<string> {
  const found = await api.get<Ingress>(resources.ingresses, { name, namespace: 'd' });
  return (found.status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip).join();
}

/** Lets `ms` pass once somebody waits for it. */
async function pass(ms: number): Promise<void> {
  await until(() => clock.pending > 0);
  clock.advance(ms);
}

test('an Ingress has the addresses of all ready nodes, in the order of their names', async () => {
  await addNode('b', '10.0.0.2');
  await addNode('a', '10.0.0.9');
  await addNode('c', '10.0.0.3', 'Unknown');
  await addIngress('web', []);
  start('a');
  await pass(100);
  await until(async () => (await ipsOf('web')) === '10.0.0.9,10.0.0.2');
});

test('an Ingress of another controller is left to it', async () => {
  await addNode('a', '10.0.0.1');
  await addClass('theirs', 'example.com/other');
  await addIngress('their', ['192.0.2.1'], 'theirs');
  await addIngress('ours', [], 'trireme');
  start('a');
  await pass(100);
  await until(async () => (await ipsOf('ours')) === '10.0.0.1');
  expect(await ipsOf('their')).toBe('192.0.2.1');
});

test('the first in order writes at once, the next a second later, and only what is missing', async () => {
  await addNode('a', '10.0.0.1');
  await addNode('b', '10.0.0.2');
  await addIngress('web', []);
  start('b');
  await pass(1099);
  expect(await ipsOf('web')).toBe('');
  clock.advance(1);
  await until(async () => (await ipsOf('web')) === '10.0.0.1,10.0.0.2');
});

test('a write that is refused is made again', async () => {
  await addNode('a', '10.0.0.1');
  await addIngress('web', []);
  let refusals = 1;
  api.intercept = ({ verb }) => {
    if (verb === 'patch' && refusals-- > 0) throw new ApiError(409, 'Conflict', 'changed');
  };
  start('a');
  await pass(100);
  await pass(100);
  await until(async () => (await ipsOf('web')) === '10.0.0.1');
});
