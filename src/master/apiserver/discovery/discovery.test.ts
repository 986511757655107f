import { beforeEach, describe, expect, test } from '@jest/globals';
import { builtInRegistry } from '../../../api/kinds.js';
import { exchangeOf } from '../rest/testkit/exchange.js';
import { DiscoveryHandler } from './discovery-handler.js';
import { ServedGroups } from './served-groups.js';

const kinds = builtInRegistry();
const served = new ServedGroups(kinds, { find: () => undefined, list: () => [] });
let handler: DiscoveryHandler;
beforeEach(() => {
  handler = new DiscoveryHandler(served, '192.0.2.1:6443');
});

/** The answer's document; undefined where there is none. */
async function get(path: string, headers: Record<string, string> = {}) {
  const exchange = exchangeOf(`GET ${path}`, headers);
  if (!(await handler.handle(exchange))) return undefined;
  const { code, headers: sent, body } = exchange.written;
  const document: unknown = body.length === 0 ? undefined : JSON.parse(body.toString());
  return { code, headers: sent, document };
}

const document = async (path: string): Promise<unknown> => (await get(path))?.document;

describe('what there is', () => {
  test('the versions of the core, and where the server is', async () => {
    expect(await document('/api')).toEqual({
      kind: 'APIVersions',
      versions: ['v1'],
      serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: '192.0.2.1:6443' }],
    });
  });

  test('the groups, in the order of their importance', async () => {
    const { kind, groups } = (await document('/apis')) as {
      kind: string;
      groups: { name: string; preferredVersion: object }[];
    };
    expect(kind).toBe('APIGroupList');
    const names = groups.map(({ name }) => name);
    expect(names).toContain('apps');
    expect(names).not.toContain('');
    expect(names.indexOf('apps')).toBeLessThan(names.indexOf('apiextensions.k8s.io'));
    const apps = { groupVersion: 'apps/v1', version: 'v1' };
    const group = { name: 'apps', versions: [apps], preferredVersion: apps };
    expect(groups[names.indexOf('apps')]).toEqual(group);
    expect(await document('/apis/apps')).toEqual({ kind: 'APIGroup', apiVersion: 'v1', ...group });
  });

  test('the resources of a version, with their parts', async () => {
    const list = (await document('/api/v1')) as { resources: { name: string }[] };
    const named = new Map(list.resources.map((resource) => [resource.name, resource]));
    expect([...named.keys()]).toEqual([...named.keys()].toSorted());
    expect(named.get('pods')).toEqual({
      name: 'pods',
      singularName: 'pod',
      namespaced: true,
      kind: 'Pod',
      verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
      shortNames: ['po'],
      categories: ['all'],
      storageVersionHash: 'xPOwRZ+Yhw8=',
    });
    expect(named.get('pods/eviction')).toEqual({
      name: 'pods/eviction',
      singularName: '',
      namespaced: true,
      group: 'policy',
      version: 'v1',
      kind: 'Eviction',
      verbs: ['create'],
    });
    expect(await document('/apis/apps/v1')).toMatchObject({
      kind: 'APIResourceList',
      apiVersion: 'v1',
      groupVersion: 'apps/v1',
    });
    const hashOf = async (path: string, resource: string): Promise<unknown> => {
      const { resources } = (await document(path)) as {
        resources: { name: string; storageVersionHash?: string }[];
      };
      return resources.find(({ name }) => name === resource)?.storageVersionHash;
    };
    // Of the version that is stored, whichever is asked for.
    for (const version of ['v1', 'v2']) {
      const path = `/apis/autoscaling/${version}`;
      expect(await hashOf(path, 'horizontalpodautoscalers')).toBe('qwQve8ut294=');
    }
    expect(await hashOf('/apis/events.k8s.io/v1', 'events')).toBe('r2yiGXH7wu8=');
    expect(await hashOf('/api/v1', 'bindings')).toBeUndefined();
    // The core's list has never had one.
    expect(list).not.toHaveProperty('apiVersion');
  });

  test.each([
    '/api/v2',
    '/apis/cars',
    '/apis/apps/v9',
    '/api/v1/pods',
    '/apis/apps/v1/x',
    '/version',
    '/',
  ])('nothing of it at %s', async (path) => {
    expect(await get(path)).toBeUndefined();
  });
});

describe('all of it at once', () => {
  const accept = (version: string): string =>
    `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;

  test.each(['v2', 'v2beta1'])('in %s', async (version) => {
    const answer = await get('/apis', { accept: `${accept(version)},application/json` });
    expect(answer?.headers).toMatchObject({
      'content-type': accept(version),
      'cache-control': 'public',
      vary: 'Accept',
    });
    const { apiVersion, items } = (answer?.document ?? {}) as {
      apiVersion: string;
      items: { metadata: { name: string }; versions: { resources: { resource: string }[] }[] }[];
    };
    expect(apiVersion).toBe(`apidiscovery.k8s.io/${version}`);
    const apps = items.find(({ metadata }) => metadata.name === 'apps');
    const deployments = apps?.versions[0]?.resources.find(
      ({ resource }) => resource === 'deployments',
    );
    expect(deployments).toMatchObject({
      responseKind: { group: '', version: '', kind: 'Deployment' },
      scope: 'Namespaced',
      singularResource: 'deployment',
      shortNames: ['deploy'],
      subresources: expect.arrayContaining([
        {
          subresource: 'scale',
          responseKind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
          verbs: ['get', 'patch', 'update'],
        },
      ]),
    });
  });

  test('the newer version of two, and of the core its own group', async () => {
    const both = { accept: `${accept('v2')},${accept('v2beta1')},application/json` };
    expect((await get('/api', both))?.document).toMatchObject({
      apiVersion: 'apidiscovery.k8s.io/v2',
      items: [{ metadata: { creationTimestamp: null }, versions: [{ version: 'v1' }] }],
    });
  });

  test('not again to one who has it', async () => {
    const first = await get('/apis', { accept: accept('v2') });
    const etag = String(first?.headers['etag']);
    const again = await get('/apis', { accept: accept('v2'), 'if-none-match': etag });
    expect(again).toMatchObject({ code: 304, headers: { etag }, document: undefined });
    const other = await get('/apis', { accept: accept('v2'), 'if-none-match': '"OTHER"' });
    expect(other?.code).toBe(200);
  });

  test.each([
    'application/json',
    accept('v3'),
    'application/json;g=example.com;v=v2;as=APIGroupDiscoveryList,application/json',
    'application/json;v=v2,application/json;g=apidiscovery.k8s.io;as=APIGroupDiscoveryList',
  ])('not to one who takes %s', async (given) => {
    const answer = await get('/apis', { accept: `${given},application/json` });
    expect(answer?.document).toMatchObject({ kind: 'APIGroupList' });
  });
});
