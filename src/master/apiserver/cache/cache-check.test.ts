import { expect, test } from '@jest/globals';
import { encodeStored } from '../storage/codec.js';
import { MemoryStore } from '../storage/testkit/memory-store.js';
import { CacheCheck } from './cache-check.js';
import { splitKey } from './watch-cache.js';
import { ResourceCache } from './resource-cache.js';

const value = encodeStored({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } });

/** A store with pods, and a cache that follows it by hand. */
function setUp() {
  const store = new MemoryStore();
  const cache = new ResourceCache('pods');
  const check = new CacheCheck({
    store,
    caches: () => [cache],
    place: (key) => splitKey(key),
  });
  const put = async (name: string): Promise<number> => {
    const key = `/registry/pods/ns/${name}`;
    return (await store.txn([], [{ type: 'put', key, value }])).revision;
  };
  const follow = (name: string, modRevision: number): void => {
    const key = `/registry/pods/ns/${name}`;
    const event = { type: 'put', key, value, modRevision, createRevision: modRevision } as const;
    cache.apply(`ns/${name}`, event);
  };
  return { store, cache, check, put, follow };
}

test('a cache that agrees passes, also when it goes on while it is compared', async () => {
  const { check, put, follow } = setUp();
  for (const name of ['a', 'b', 'a']) follow(name, await put(name));
  const revision = await put('c');
  follow('c', revision);
  check.reached(revision);
  const { running } = check;
  follow('b', await put('b'));
  await expect(running).resolves.toBeUndefined();
});

test('an event that was lost is found', async () => {
  const { check, put, follow } = setUp();
  follow('a', await put('a'));
  const revision = await put('b');
  check.reached(revision);
  await expect(check.running).rejects.toThrow(
    `the watch cache lacks pods/ns/b of revision ${revision} at ${revision}`,
  );
});

test('an update and a deletion that were lost are found', async () => {
  const { store, check, put, follow } = setUp();
  const first = await put('a');
  follow('a', first);
  const second = await put('a');
  check.reached(second);
  await expect(check.running).rejects.toThrow(
    `the watch cache has pods/ns/a of revision ${first}, the store ${second} at ${second}`,
  );
  const { check: other, cache, put: putOther, follow: followOther, store: its } = setUp();
  followOther('a', await putOther('a'));
  await its.txn([], [{ type: 'delete', key: '/registry/pods/ns/a' }]);
  expect(cache.size).toBe(1);
  other.reached(await its.revision());
  await expect(other.running).rejects.toThrow(/has pods\/ns\/a of revision \d+, the store nothing/);
  store.close();
});

test('a store that was compacted meanwhile is not compared', async () => {
  const { cache, put } = setUp();
  const check = new CacheCheck({
    store: new MemoryStore(),
    caches: () => [cache],
    place: (key) => splitKey(key),
  });
  // This store has not reached the revision: it refuses like one that has dropped it.
  check.reached((await put('a')) + 100);
  await expect(check.running).resolves.toBeUndefined();
});
