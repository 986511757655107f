/** "ServiceCIDR and IPAddress API" of Kubernetes' conformance (test/e2e/network/service_cidrs.go), as raw requests. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { IPAddress, ServiceCIDR } from '../../src/api/types/networking.js';
import { canRun } from '../cluster/apiserver-harness.js';
import type { Answer, RawServer } from './raw-requests.js';
import { startRawServer, statusOf } from './raw-requests.js';

const group = '/apis/networking.k8s.io/v1';
const cidrs = `${group}/servicecidrs`;
const addresses = `${group}/ipaddresses`;
const services = '/api/v1/namespaces/default/services';
const json = 'application/json';
const suite = canRun ? describe : describe.skip;

suite('ranges and addresses of services', () => {
  let server: RawServer;

  beforeAll(async () => {
    server = await startRawServer();
  }, 60_000);

  afterAll(async () => {
    await server.stop();
  }, 30_000);

  const get = async <T>(path: string): Promise<T> =>
    JSON.parse((await server.send('GET', path)).text) as T;
  const post = (path: string, body: object): Promise<Answer> =>
    server.send('POST', path, json, JSON.stringify(body));
  const list = async (selector: string): Promise<string[]> => {
    const { items } = await get<{ items: IPAddress[] }>(`${addresses}?labelSelector=${selector}`);
    return items.map(({ metadata }) => metadata.name);
  };
  const cidr = (name: string, ...ranges: string[]): object => ({
    metadata: { name },
    spec: { cidrs: ranges },
  });
  const service = (name: string, clusterIP?: string): object => ({
    metadata: { name },
    spec: { clusterIP, ports: [{ port: 80 }] },
  });

  test('the default range is ready, and has the service of the API', async () => {
    const found = await get<ServiceCIDR>(`${cidrs}/kubernetes`);
    expect(found.status?.conditions).toMatchObject([{ type: 'Ready', status: 'True', reason: '' }]);
    const status = await get<ServiceCIDR>(`${cidrs}/kubernetes/status`);
    expect([status.kind, status.metadata.uid]).toEqual(['ServiceCIDR', found.metadata.uid]);
    const { spec } = await get<{ spec: { clusterIP: string } }>(`${services}/kubernetes`);
    const address = await get<IPAddress>(`${addresses}/${spec.clusterIP}`);
    expect(address.spec.parentRef).toEqual({
      resource: 'services',
      namespace: 'default',
      name: 'kubernetes',
    });
  });

  test('addresses of others are made, changed, listed and deleted', async () => {
    const spec = {
      parentRef: { group: 'mygroup', resource: 'myresources', namespace: 'foo', name: 'bar' },
    };
    const made = (name: string, type: string): Promise<Answer> =>
      post(addresses, { metadata: { name, labels: { type } }, spec });
    expect((await made('255.255.255.255', 'broadcast')).code).toBe(201);
    expect((await made('fe80::42:1dff:fe84:f9e2', 'link-local')).code).toBe(201);
    const path = `${addresses}/255.255.255.255`;
    const patch = JSON.stringify({ metadata: { annotations: { patched: 'true' } } });
    const patched = await server.send('PATCH', path, 'application/merge-patch+json', patch);
    const object = JSON.parse(patched.text) as IPAddress;
    object.metadata.annotations = { ...object.metadata.annotations, updated: 'true' };
    expect((await server.send('PUT', path, json, JSON.stringify(object))).code).toBe(200);
    delete object.metadata.resourceVersion;
    const other = { ...object, spec: { parentRef: { ...spec.parentRef, name: 'other' } } };
    const refused = await server.send('PUT', path, json, JSON.stringify(other));
    expect([refused.code, statusOf(refused).message]).toEqual([
      422,
      expect.stringMatching(/: spec\.parentRef: Invalid value: .*: field is immutable$/),
    ]);
    expect(await list('type=broadcast')).toEqual(['255.255.255.255']);
    expect((await server.send('DELETE', path)).code).toBe(200);
    await server.send('DELETE', `${addresses}?labelSelector=type=link-local`);
    expect(await list('type')).toEqual([]);
  });

  test('a service has an address of another range, and gives it back', async () => {
    const before = await post(services, service('early', '203.0.113.10'));
    expect([before.code, statusOf(before).message]).toEqual([
      422,
      'Service "early" is invalid: spec.clusterIPs: Invalid value: []string{"203.0.113.10"}: ' +
        'failed to allocate IP 203.0.113.10: the provided network does not match the current range',
    ]);
    expect((await post(cidrs, cidr('more', '203.0.113.0/24'))).code).toBe(201);
    expect((await post(services, service('web', '203.0.113.10'))).code).toBe(201);
    const managed = 'ipaddress.kubernetes.io/managed-by=ipallocator.k8s.io';
    expect(await list(managed)).toContain('203.0.113.10');
    await server.send('DELETE', `${services}/web`);
    expect(await list(managed)).not.toContain('203.0.113.10');
  });

  test('tables, discovery and the schema know them', async () => {
    const { resources } = await get<{ resources: { name: string; shortNames?: string[] }[] }>(
      group,
    );
    const names = resources.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(['ipaddresses', 'servicecidrs', 'servicecidrs/status']),
    );
    const short = resources.find(({ name }) => name === 'ipaddresses')?.shortNames;
    expect(short).toEqual(['ip']);
    const { components } = await get<{ components: { schemas: Record<string, object> } }>(
      '/openapi/v3/apis/networking.k8s.io/v1',
    );
    expect(components.schemas).toHaveProperty(['io.k8s.api.networking.v1.ParentReference']);
  });
});
