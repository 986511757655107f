/** Lists in pages and of revisions, and watches that begin with a list, as raw requests. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../src/api/object.js';
import { canRun } from '../cluster/apiserver-harness.js';
import type { Answer, RawServer } from './raw-requests.js';
import { startRawServer, statusOf } from './raw-requests.js';

const maps = '/api/v1/namespaces/default/configmaps';
const json = 'application/json';
const suite = canRun ? describe : describe.skip;

suite('lists', () => {
  let server: RawServer;
  const send: RawServer['send'] = (...request) => server.send(...request);

  beforeAll(async () => {
    server = await startRawServer();
    expect((await send('POST', maps, json, '{"metadata":{"name":"one"}}')).code).toBe(201);
  }, 60_000);

  afterAll(async () => {
    await server.stop();
  }, 30_000);

  test('a list of any age has no limit', async () => {
    const roles = '/apis/rbac.authorization.k8s.io/v1/clusterroles';
    const pageOf = async (query: string): Promise<[number, string | undefined]> => {
      const answer = await send('GET', `${roles}?limit=2${query}`);
      const { items } = JSON.parse(answer.text) as { items: readonly unknown[] };
      return [items.length, statusOf(answer).metadata?.continue];
    };
    const [first, more] = await pageOf('');
    expect([first, typeof more]).toEqual([2, 'string']);
    for (const query of ['', '&resourceVersionMatch=NotOlderThan']) {
      const [count, next] = await pageOf(`&resourceVersion=0${query}`);
      expect(count).toBeGreaterThan(2);
      expect(next).toBeUndefined();
    }
  });

  test('a page of a revision is one of that revision', async () => {
    const space = '/api/v1/namespaces/kube-public/configmaps';
    const page = async (query: string): Promise<[string[], string]> => {
      const answer = await send('GET', `${space}?labelSelector=paged${query}`);
      const { items, metadata } = JSON.parse(answer.text) as {
        items: { metadata: { name: string } }[];
        metadata: { resourceVersion: string };
      };
      return [items.map((item) => item.metadata.name), metadata.resourceVersion];
    };
    const create = (name: string): Promise<Answer> =>
      send('POST', space, json, JSON.stringify({ metadata: { name, labels: { paged: '' } } }));
    await create('q2');
    const [, before] = await page('');
    await create('q1');
    expect(await page(`&resourceVersion=${before}&limit=5`)).toEqual([['q2'], before]);
    const [present] = await page(`&resourceVersion=${before}`);
    expect(present).toEqual(['q1', 'q2']);
    const [fresh] = await page(
      `&resourceVersion=${before}&resourceVersionMatch=NotOlderThan&limit=5`,
    );
    expect(fresh).toEqual(['q1', 'q2']);
    // A deletecollection deletes what its list has, a page as well.
    await send('DELETE', `${space}?labelSelector=paged&limit=1`);
    expect((await page(''))[0]).toEqual(['q2']);
  });

  test('a watch-list brings the state, a bookmark that ends it, and then the changes', async () => {
    const query =
      'watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1';
    const watched = await send('GET', `${maps}?${query}&allowWatchBookmarks=true&limit=1`);
    const events = watched.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; object: KubeObject });
    const end = events.findIndex(({ type }) => type === 'BOOKMARK');
    expect(events.slice(0, end).map(({ type }) => type)).toEqual(
      events.slice(0, end).map(() => 'ADDED'),
    );
    expect(events.slice(0, end).map(({ object }) => object.metadata.name)).toContain('one');
    expect(events[end]?.object).toMatchObject({
      kind: 'ConfigMap',
      metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } },
    });
    const without = await send('GET', `${maps}?${query}`);
    expect(without.text).not.toContain('BOOKMARK');
    expect((await send('GET', `${maps}?watch=1&timeoutSeconds=-1`)).code).toBe(200);
  });

  test('an exact revision of the future is refused with both numbers', async () => {
    const { metadata } = JSON.parse((await send('GET', maps)).text) as {
      metadata: { resourceVersion: string };
    };
    const exact = 'resourceVersion=99999999&resourceVersionMatch=Exact';
    const answer = await send('GET', `${maps}?${exact}&limit=5`);
    const said = /^Timeout: Too large resource version: 99999999, current: (\d+)$/;
    const [, current = ''] = said.exec(statusOf(answer).message ?? '') ?? [];
    expect([answer.code, statusOf(answer).reason]).toEqual([504, 'Timeout']);
    expect(Number(current)).toBeGreaterThanOrEqual(Number(metadata.resourceVersion));
    expect(Number(current)).toBeLessThan(99999999);
  });

  test('an expired continue token brings one that goes on', async () => {
    const names = (answer: Answer): string[] =>
      (JSON.parse(answer.text) as { items: { metadata: { name: string } }[] }).items.map(
        ({ metadata }) => metadata.name,
      );
    for (const name of ['p1', 'p2', 'p3']) {
      await send('POST', maps, json, JSON.stringify({ metadata: { name } }));
    }
    const old = { v: 'meta.k8s.io/v1', rv: 1, start: 'default/p1\0' };
    const token = Buffer.from(JSON.stringify(old)).toString('base64url');
    const from1 = await send('GET', `${maps}?limit=1&continue=${token}`);
    if (from1.code === 410) {
      const fresh = statusOf(from1).metadata?.continue ?? '';
      expect(names(await send('GET', `${maps}?limit=1&continue=${fresh}`))).toEqual(['p2']);
    } else expect(names(from1)).toEqual([]);
    const now = { ...old, rv: -1 };
    const onward = Buffer.from(JSON.stringify(now)).toString('base64url');
    expect(names(await send('GET', `${maps}?limit=2&continue=${onward}`))).toEqual(['p2', 'p3']);
  });
});
