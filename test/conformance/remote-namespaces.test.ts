/** Namespaces that end take the objects of other servers along, and wait for a server that is away. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import * as https from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Namespace } from '../../src/api/types/core.js';
import { createApiClient, createInformerFactory } from '../../src/client/index.js';
import type { GrpcApiClient } from '../../src/client/api-client.js';
import { resources } from '../../src/client/resources.js';
import { isApiError } from '../../src/client/types.js';
import { delay, systemClock } from '../../src/lib/clock.js';
import { silentLogger as log } from '../../src/lib/log.js';
import { fixedTls } from '../../src/lib/pki/tls-source.js';
import { Prng } from '../../src/lib/prng.js';
import { startControllers } from '../../src/master/controllers/start.js';
import { TwoDoors } from '../security/two-doors.js';

const clock = systemClock({ unref: true });
const group = 'sample.example.com';
const base = `/apis/${group}/v1`;
const widgets = { group, version: 'v1', resource: 'widgets' };
const apiServices = '/apis/apiregistration.k8s.io/v1/apiservices';

let doors: TwoDoors;
let client: GrpcApiClient;
let controllers: { stop(): Promise<void> };
let sample: https.Server;
/** `namespace/name` of what the other server has, and the requests that it has had. */
const stored = new Set<string>();
const asked: string[] = [];

const kinds = [
  { name: 'widgets', namespaced: true, kind: 'Widget', verbs: ['delete', 'get', 'list'] },
  { name: 'widgets/status', namespaced: true, kind: 'Widget', verbs: ['get'] },
  { name: 'gadgets', namespaced: true, kind: 'Gadget', verbs: ['create'] },
  { name: 'planets', namespaced: false, kind: 'Planet', verbs: ['delete', 'list'] },
];

function answer(method: string, path: string, user: string): readonly [number, object] {
  if (path === base) return [200, { kind: 'APIResourceList', resources: kinds }];
  const [, namespace = '', resource = '', name = ''] =
    /^\/namespaces\/([^/]+)\/(\w+)\/?([^/]*)$/.exec(path.slice(base.length)) ?? [];
  if (resource !== '') asked.push(`${user} ${method} ${namespace}/${resource} ${name}`.trim());
  if (method === 'DELETE' && stored.delete(`${namespace}/${name}`)) return [200, {}];
  const mine = [...stored].filter((key) => key.startsWith(`${namespace}/`));
  const items = mine.map((key) => ({
    apiVersion: `${group}/v1`,
    kind: 'Widget',
    metadata: { namespace, name: key.slice(namespace.length + 1) },
    spec: { size: 1 },
  }));
  if (resource === 'widgets' && name === '')
    return [200, { kind: 'WidgetList', metadata: {}, items }];
  const message = `widgets.${group} "${name}" not found`;
  return [404, { kind: 'Status', status: 'Failure', reason: 'NotFound', message, code: 404 }];
}

async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const endMs = clock.monotonicMs() + 30_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (clock.monotonicMs() > endMs) throw new Error(`waited in vain for ${what}`);
    await delay(clock, 20);
  }
}

const post = async (path: string, body: object): Promise<void> => {
  const made = await doors.rest(await doors.identity('admin', 'system:masters'), 'POST', path, {
    body,
  });
  expect([made.code, made.message]).toEqual([201, '']);
};
const makeNamespace = (name: string): Promise<void> =>
  post('/api/v1/namespaces', { metadata: { name } });
const conditionOf = async (name: string, type: string): Promise<string | undefined> => {
  const { status } = await client.get<Namespace>(resources.namespaces, { name });
  const found = status?.conditions?.find((condition) => condition.type === type);
  return found === undefined ? undefined : `${found.status} ${found.reason}: ${found.message}`;
};
const isGone = (name: string): Promise<true | undefined> =>
  client.get(resources.namespaces, { name }).then(
    () => undefined,
    (error: unknown) => {
      if (isApiError(error, 'NotFound')) return true;
      throw error;
    },
  );

beforeAll(async () => {
  doors = await TwoDoors.start();
  const pair = await doors.issue('sample.default.svc', []);
  const own = { cert: pair.cert, key: pair.key };
  sample = https.createServer(own, (request, response) => {
    const user = String(request.headers['x-remote-user'] ?? '');
    const [code, body] = answer(
      request.method ?? '',
      (request.url ?? '').split('?')[0] ?? '',
      user,
    );
    response.writeHead(code, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
    request.resume();
  });
  await new Promise<void>((resolve) => sample.listen(0, '127.0.0.1', resolve));
  const { port } = sample.address() as AddressInfo;
  const manager = await doors.issue('system:kube-controller-manager', []);
  client = createApiClient({
    servers: [`127.0.0.1:${doors.grpcPort}`],
    tls: fixedTls({ ca: doors.ca.cert, ...manager }),
    log,
    clock,
  });
  const informers = createInformerFactory({ client, clock, log });
  const parts = { client, informers, clock, log, prng: new Prng(1) };
  controllers = await startControllers({
    ...parts,
    flags: { controllers: ['namespace-controller'] },
  });
  await makeNamespace('away');
  await post('/api/v1/namespaces/away/services', {
    metadata: { name: 'sample' },
    spec: { type: 'ExternalName', externalName: 'localhost', ports: [{ port }] },
  });
  await post(apiServices, {
    metadata: { name: `v1.${group}` },
    spec: {
      group,
      version: 'v1',
      groupPriorityMinimum: 100,
      versionPriority: 100,
      insecureSkipTLSVerify: true,
      service: { namespace: 'away', name: 'sample', port },
    },
  });
  await until('the other server', () =>
    client
      .list(widgets, { namespace: 'x' })
      .then(() => true as const)
      .catch(() => undefined),
  );
}, 60_000);

afterAll(async () => {
  await controllers?.stop();
  client?.close();
  sample?.closeAllConnections();
  sample?.close();
  await doors?.stop();
});

test('objects of another server are listed and deleted by who may, in its name', async () => {
  stored.add('x/one');
  const { items } = await client.list(widgets, { namespace: 'x' });
  expect(items).toEqual([
    expect.objectContaining({ kind: 'Widget', metadata: { namespace: 'x', name: 'one' } }),
  ]);
  asked.length = 0;
  await client.delete(widgets, { namespace: 'x', name: 'one' });
  expect(asked).toEqual(['system:kube-controller-manager DELETE x/widgets one']);
  const again = client.delete(widgets, { namespace: 'x', name: 'one' });
  await expect(again).rejects.toThrow(`widgets.${group} "one" not found`);
  const nobody = await doors.identity('nobody');
  const ref = { ...widgets, namespace: 'x', name: '', subresource: '' };
  const refused = doors.grpc(nobody).get({ ref: { ...ref, resource: '' }, resourceVersion: '' });
  // Who is somebody may see what there is, as with any discovery.
  await expect(refused).resolves.toBeDefined();
  const list = doors.grpc(nobody).list({
    ref,
    labelSelector: '',
    fieldSelector: '',
    resourceVersion: '',
    resourceVersionMatch: '',
    limit: 0,
    continue: '',
  });
  await expect(
    (async () => {
      for await (const _ of list);
    })(),
  ).rejects.toThrow('cannot list resource "widgets"');
}, 60_000);

test.each<[string, object, string]>([
  ['no name', { name: '' }, 'the server does not allow this method on the requested resource'],
  ['a step upwards', { name: '..' }, 'Name parameter invalid: "..": may not be \'..\''],
  ['a part', { name: 'one/status' }, `Name parameter invalid: "one/status": may not contain '/'`],
  ['a part in escapes', { name: 'one%2Fstatus' }, "may not contain '%'"],
  ['a subresource', { subresource: 'status' }, 'the server does not allow this method'],
  ['no resource', { resource: '' }, 'the server could not find the requested resource'],
  ['a resource that is a path', { resource: 'widgets/one' }, 'could not find the requested'],
  ['a namespace that is a path', { namespace: 'x/widgets' }, 'could not find the requested'],
])('a deletion with %s reaches no other object', async (_, more, text) => {
  stored.add('x/one');
  asked.length = 0;
  const ref = { ...widgets, namespace: 'x', name: 'one', subresource: '', ...more };
  const admin = await doors.identity('admin', 'system:masters');
  const request = { ref, deleteOptions: Buffer.alloc(0), options: undefined };
  const refused = doors.grpc(admin).delete({ ...request, labelSelector: '', fieldSelector: '' });
  await expect(refused).rejects.toThrow(text);
  expect([asked, stored.delete('x/one')]).toEqual([[], true]);
});

test('a namespace goes with what another server has in it', async () => {
  await makeNamespace('full');
  stored.add('full/a').add('full/b').add('other/c');
  await client.delete(resources.namespaces, { name: 'full' });
  await until('the end of the namespace', () => isGone('full'));
  expect([...stored]).toEqual(['other/c']);
}, 60_000);

test('a namespace waits for a server that is away, and says so', async () => {
  await makeNamespace('waits');
  stored.add('waits/a');
  await client.delete(resources.services, { namespace: 'away', name: 'sample' });
  await until('the other server to be away', async () => {
    const found = await client.get(resources.apiServices, { name: `v1.${group}` });
    return JSON.stringify(found).includes('"ServiceNotFound"') ? true : undefined;
  });
  await client.delete(resources.namespaces, { name: 'waits' });
  const told = await until('the condition', () =>
    conditionOf('waits', 'NamespaceDeletionDiscoveryFailure'),
  );
  expect(told).toBe(
    'True DiscoveryFailed: Discovery failed for some groups, 1 failing: unable to retrieve the complete list of ' +
      `server APIs: ${group}/v1: stale GroupVersion discovery: ${group}/v1`,
  );
  expect(await isGone('waits')).toBeUndefined();
  expect(stored.has('waits/a')).toBe(true);
  await client.delete(resources.apiServices, { name: `v1.${group}` });
  await until('the end of the namespace', () => isGone('waits'));
}, 60_000);
