import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
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
});
