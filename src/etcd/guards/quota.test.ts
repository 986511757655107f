import { describe, expect, test } from '@jest/globals';
import { AlarmType } from '../../gen/etcd/rpc.js';
import { IndexRoom } from './index-room.js';
import { indexHeapShare, indexKeysMax } from './limits.js';
import { Quota } from './quota.js';
import type { QuotaHost } from './quota.js';

const small = { keys: 1, keyBytes: 10, revisions: 1 };
const entry = { keys: 1000, keyBytes: 16_000, revisions: 1000 };

describe('the room of the index', () => {
  test.each([
    ['a key', small, 1e9, false],
    ['as many keys as a map holds', { ...small, keys: indexKeysMax }, 1e12, true],
    ['one less', { ...small, keys: indexKeysMax - 1 }, 1e12, false],
    ['entries beyond their share', entry, (1000 * 196) / indexHeapShare, true],
    ['entries within it', entry, (1000 * 196) / indexHeapShare + 2, false],
    ['long keys', { ...small, keyBytes: 1000 }, 1000, true],
    ['a key that was put very often', { ...small, revisions: 1e6 }, 20e6, true],
  ])('%s', (_, size, heapBytes, isFull) => {
    expect(new IndexRoom(heapBytes).isFull(size)).toBe(isFull);
  });
});

function rigged(quotaBytes: number): { quota: Quota; host: QuotaHost; index: { keys: number } } {
  const index = { ...small };
  const proposed: string[] = [];
  const host = {
    config: { quotaBytes },
    memberId: 1n,
    alarms: { has: (alarm: AlarmType) => alarm === AlarmType.NOSPACE && proposed.length > 0 },
    backend: { sizeBytes: () => 1000 },
    store: { indexSize: () => index },
    onGrowth: () => undefined,
    propose: async (kind: string) => proposed.push(kind),
  };
  return { quota: new Quota(host), host, index };
}

describe('the quota', () => {
  test.each([
    [1010, 9, false],
    [1010, 10, true],
    [1000, 0, true],
    [-1, 1e9, false],
  ])('of %d bytes, 1000 being used: a request of %d', async (quotaBytes, cost, isRefused) => {
    const refusal = rigged(quotaBytes).quota.refusal(cost);
    expect(refusal !== undefined).toBe(isRefused);
    if (refusal !== undefined) await expect(refusal).rejects.toThrow('database space exceeded');
  });

  test.each([2 ** 40, -1])('a full index is refused by any quota: %d', async (quotaBytes) => {
    const { quota, host, index } = rigged(quotaBytes);
    quota.start();
    index.keys = indexKeysMax;
    await expect(quota.refusal(1)).rejects.toThrow('database space exceeded');
    expect(host.alarms.has(AlarmType.NOSPACE)).toBe(true);
  });

  test('what others proposed raises the alarm once it has filled the index', () => {
    const { quota, host, index } = rigged(-1);
    quota.start();
    host.onGrowth();
    expect(host.alarms.has(AlarmType.NOSPACE)).toBe(false);
    index.keys = indexKeysMax;
    host.onGrowth();
    expect(host.alarms.has(AlarmType.NOSPACE)).toBe(true);
  });
});
