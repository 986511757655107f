import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { resources } from '../../client/resources.js';
import { WatchedServices, until } from '../testkit/watched-services.js';

let cluster: WatchedServices;
beforeEach(async () => {
  cluster = new WatchedServices();
  await cluster.watch.whenSynced();
});
afterEach(() => cluster.end());

const fields = { clusterIP: '10.96.5.5', ports: [{ port: 80 }] };
const endpoints = { ports: [{ port: 8080 }], at: ['10.244.1.5 n1'] };

describe('a service', () => {
  test('has the slices whose label names it', async () => {
    await cluster.addService('default/web', fields);
    await cluster.addSlice('default/a', endpoints, 'web');
    await cluster.addSlice('default/b', endpoints, 'other');
    await cluster.addSlice('shop/c', endpoints, 'web');
    await until(() => cluster.watch.slices.list().length === 3);
    expect(cluster.watch.slicesOf('default/web').map(({ metadata }) => metadata.name)).toEqual([
      'a-1',
    ]);
    expect(cluster.watch.service('default/web')?.spec.clusterIP).toBe('10.96.5.5');
    expect(cluster.watch.service('shop/web')).toBeUndefined();
    expect(cluster.watch.slicesOf('default/nothing')).toEqual([]);
  });

  test('is told of when it, or a slice of it, comes or goes', async () => {
    const told: string[] = [];
    const end = cluster.watch.onChange((key) => told.push(key));
    const next = async (count: number): Promise<string | undefined> => {
      await until(() => told.length >= count);
      return told.at(-1);
    };
    await cluster.addService('default/web', fields);
    expect(await next(1)).toBe('default/web');
    await cluster.addSlice('default/a', endpoints, 'web');
    expect(await next(2)).toBe('default/web');
    await cluster.removeSlice('default/a');
    expect(await next(3)).toBe('default/web');
    await cluster.removeService('default/web');
    expect(await next(4)).toBe('default/web');
    end();
    await cluster.addService('default/late', fields);
    await until(() => cluster.watch.service('default/late') !== undefined);
    expect(told).toHaveLength(4);
  });

  test('that is there already is told of at once', async () => {
    await cluster.addService('default/web', fields);
    await until(() => cluster.watch.service('default/web') !== undefined);
    const told: string[] = [];
    cluster.watch.onChange((key) => told.push(key));
    expect(told).toEqual(['default/web']);
  });

  test('whose endpoints are for zones is told of when the node gets another zone', async () => {
    const { api, watch } = cluster;
    await cluster.addService('default/far', fields);
    await cluster.addSlice('default/far', endpoints, 'far');
    await cluster.addService('default/web', fields);
    await cluster.addSlice('default/web', endpoints, 'web');
    const key = { namespace: 'default', name: 'web-1' };
    const hinted = [{ addresses: ['10.244.1.5'], hints: { forZones: [{ name: 'west' }] } }];
    const type = 'application/merge-patch+json';
    await api.patch(resources.endpointSlices, key, type, { endpoints: hinted });
    await until(() => watch.slices.get(key)?.endpoints?.[0]?.hints !== undefined);
    const told: string[] = [];
    watch.onChange((changed) => told.push(changed));
    told.length = 0;
    const zone = (name: string) => ({ labels: { 'topology.kubernetes.io/zone': name } });
    await api.create(resources.nodes, { metadata: { name: 'n1', ...zone('west') } });
    await until(() => told.length === 1);
    expect(watch.zone).toBe('west');
    const status = { conditions: [] };
    await api.patch(resources.nodes, { name: 'n1' }, type, { status });
    await api.patch(resources.nodes, { name: 'n1' }, type, { metadata: zone('east') });
    await until(() => watch.zone === 'east');
    expect(told).toEqual(['default/web', 'default/web']);
  });
});
