import { describe, expect, test } from '@jest/globals';
import { ManualClock } from '../../../lib/clock.js';
import { silentLogger } from '../../../lib/log.js';
import { podKind } from '../../../api/core/pod.js';
import type { WatchItem } from '../registry/watch-session.js';
import { WatchSession } from '../registry/watch-session.js';
import { encodeStored } from '../storage/codec.js';
import { plainValues } from '../storage/encryption.js';
import { MemoryStore } from '../storage/testkit/memory-store.js';
import { WatchCache } from './watch-cache.js';
import { parseSelection } from './selection.js';

function pod(name: string, labels: Record<string, string> = {}): Buffer {
  const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'ns', labels } };
  return encodeStored(object);
}

async function setUp() {
  const store = new MemoryStore();
  const clock = new ManualClock();
  const put = async (name: string, labels?: Record<string, string>): Promise<number> => {
    const key = `/registry/pods/ns/${name}`;
    return (await store.txn([], [{ type: 'put', key, value: pod(name, labels) }])).revision;
  };
  const remove = async (name: string): Promise<number> =>
    (await store.txn([], [{ type: 'delete', key: `/registry/pods/ns/${name}` }])).revision;
  const watchCache = new WatchCache({ store, clock, log: silentLogger, values: plainValues });
  const open = (resourceVersion: string, labelSelector = '') => {
    const items: WatchItem[] = [];
    const session = new WatchSession({
      options: {
        kind: podKind,
        namespace: 'ns',
        selection: parseSelection(podKind, labelSelector, ''),
        resourceVersion,
        allowBookmarks: true,
        sendInitialEvents: undefined,
      },
      sink: {
        send: (more) => {
          items.push(...more);
          return true;
        },
        drained: () => Promise.resolve(),
        end: () => undefined,
      },
      watchCache,
      cache: watchCache.cache('pods'),
      clock,
    });
    return { session, items };
  };
  const watch = async (resourceVersion: string, labelSelector = '') => {
    const { session, items } = open(resourceVersion, labelSelector);
    await session.start();
    return items;
  };
  return { store, watchCache, clock, put, remove, open, watch };
}

function shown(items: readonly WatchItem[]): string[] {
  return items.map((item) =>
    item.type === 'ERROR'
      ? `ERROR ${item.error.code} ${item.error.message}`
      : item.type === 'BOOKMARK'
        ? `BOOKMARK ${item.revision}`
        : `${item.type} ${item.entry.name} ${item.entry.revision}`,
  );
}

describe('a watch', () => {
  test('without a version gives the state, then what changes', async () => {
    const { watchCache, put, remove, watch } = await setUp();
    const first = await put('a');
    await watchCache.start();
    const items = await watch('');
    const second = await put('a');
    const third = await remove('a');
    await watchCache.waitFor(third);
    expect(shown(items)).toEqual([
      `ADDED a ${first}`,
      `MODIFIED a ${second}`,
      `DELETED a ${third}`,
    ]);
  });

  test('from a version gives exactly what came after it', async () => {
    const { watchCache, put, watch } = await setUp();
    await watchCache.start();
    const first = await put('a');
    const second = await put('b');
    await watchCache.waitFor(second);
    expect(shown(await watch(String(first)))).toEqual([`ADDED b ${second}`]);
  });

  test.each(['', '2'])('ended before it has begun it tells nothing, from "%s"', async (from) => {
    const { watchCache, put, open } = await setUp();
    await watchCache.start();
    await watchCache.waitFor(await put('a'));
    const { session, items } = open(from);
    const started = session.start();
    session.stop({ bookmark: true });
    await started;
    expect(shown(items)).toEqual([]);
  });

  test('ended later it tells how far it got', async () => {
    const { watchCache, put, open } = await setUp();
    const revision = await put('a');
    await watchCache.start();
    const { session, items } = open('');
    await session.start();
    session.stop({ bookmark: true });
    expect(shown(items)).toEqual([`ADDED a ${revision}`, `BOOKMARK ${revision}`]);
  });

  test('from before what is remembered gives 410 in an ERROR event', async () => {
    const { watchCache, put, watch } = await setUp();
    await put('a');
    const loaded = await put('b');
    await watchCache.start();
    const text = `too old resource version: 2 (${loaded})`;
    expect(shown(await watch('2'))).toEqual([`ERROR 410 ${text}`]);
  });

  test('an object that begins or ceases to match is added or deleted', async () => {
    const { watchCache, put, watch } = await setUp();
    await put('a');
    await watchCache.start();
    const items = await watch('', 'app=x');
    const matching = await put('a', { app: 'x' });
    const gone = await put('a', { app: 'y' });
    await watchCache.waitFor(gone);
    expect(shown(items)).toEqual([`ADDED a ${matching}`, `DELETED a ${gone}`]);
    const last = items.at(-1);
    if (last?.type !== 'DELETED') throw new Error('no deletion');
    const { metadata } = last.entry.parse();
    expect(metadata.resourceVersion).toBe(String(gone));
    expect(metadata.labels).toEqual({ app: 'x' });
  });

  test('bookmarks tell how far it got, though nothing matched', async () => {
    const { watchCache, clock, put, watch } = await setUp();
    await watchCache.start();
    const items = await watch('', 'app=x');
    const other = await put('b');
    await watchCache.waitFor(other);
    clock.advance(60_000);
    expect(shown(items)).toEqual([`BOOKMARK ${other}`]);
  });

  test('a fresh read waits for the revision that the store has now', async () => {
    const { watchCache, store, put } = await setUp();
    await watchCache.start();
    void put('a');
    const revision = await watchCache.fresh();
    expect(revision).toBe(await store.revision());
    expect(watchCache.cache('pods').get('ns/a')).toBeDefined();
  });
});
