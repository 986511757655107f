import { expect, test } from '@jest/globals';
import { formatMicroTime } from '../../../api/facts/time.js';
import { MemoryStore } from '../storage/testkit/memory-store.js';
import type { RangeOptions } from '../storage/store.js';
import { RevisionTimes } from './revision-times.js';

const secondMs = 1_000;
const leaseKey = '/registry/coordination.k8s.io/leases/kube-system/kube-scheduler';

/** A store in which a lease is renewed every two seconds, with other writes between. */
async function busyStore(renewals: number): Promise<MemoryStore> {
  const store = new MemoryStore();
  const put = (key: string, value: object) =>
    store.txn([], [{ type: 'put', key, value: Buffer.from(JSON.stringify(value)) }]);
  for (let n = 0; n < renewals; n++) {
    await put(leaseKey, { spec: { renewTime: formatMicroTime(n * 2 * secondMs) } });
    for (let m = 0; m < n % 4; m++) await put(`/registry/configmaps/default/c${m}`, { n });
  }
  return store;
}

const asIs = (_: string, value: Buffer): Buffer => value;

/** The time of the last renewal at a revision. */
async function timeOf(store: MemoryStore, revision: number): Promise<number> {
  return (await new RevisionTimes(store, asIs).time(revision)).timeMs ?? -1;
}

test('the revision of a time is the last before the lease was renewed later', async () => {
  const store = await busyStore(50);
  const times = new RevisionTimes(store, asIs);
  for (const timeMs of [0, 1, 2_000, 2_001, 33_333, 97_999]) {
    const { revision } = (await times.at(timeMs)) ?? { revision: 0 };
    expect(await timeOf(store, revision)).toBeLessThanOrEqual(timeMs);
    expect(await timeOf(store, revision + 1)).toBeGreaterThan(timeMs);
  }
});

test('now, and later, is the present revision', async () => {
  const store = await busyStore(5);
  const times = new RevisionTimes(store, asIs);
  const present = await store.revision();
  expect(await times.at(60 * secondMs)).toEqual({ revision: present, timeMs: 8_000 });
  expect(await times.present()).toEqual({ revision: present, timeMs: 8_000 });
});

test('what is compacted is no longer known, also where it was', async () => {
  const store = await busyStore(50);
  const times = new RevisionTimes(store, asIs);
  expect(await times.at(10 * secondMs)).toBeDefined();
  const { revision } = (await times.at(50 * secondMs)) ?? { revision: 0 };
  store.compact(revision);
  expect(await times.at(10 * secondMs)).toBeUndefined();
  expect(await times.at(50 * secondMs)).toMatchObject({ revision });
  expect((await times.oldest()).revision).toBe(revision);
});

test('before the first lease there is no revision of a time', async () => {
  const store = new MemoryStore();
  const put = (key: string, value: object) =>
    store.txn([], [{ type: 'put', key, value: Buffer.from(JSON.stringify(value)) }]);
  await put('/registry/namespaces/default', {});
  await put(leaseKey, { spec: { renewTime: formatMicroTime(60 * secondMs) } });
  const times = new RevisionTimes(store, asIs);
  expect(await times.at(30 * secondMs)).toBeUndefined();
  expect(await times.at(61 * secondMs)).toEqual({ revision: 3, timeMs: 60 * secondMs });
});

test('the first revisions of a cluster have the time of the first lease, which can be asked for', async () => {
  const store = new MemoryStore();
  const put = (key: string, value: object) =>
    store.txn([], [{ type: 'put', key, value: Buffer.from(JSON.stringify(value)) }]);
  for (let n = 0; n < 5; n++) await put(`/registry/namespaces/n${n}`, {});
  for (let n = 0; n < 5; n++) {
    await put(leaseKey, { spec: { renewTime: formatMicroTime((60 + n) * secondMs) } });
  }
  const times = new RevisionTimes(store, asIs);
  expect(await times.oldest()).toEqual({ revision: 1, timeMs: 60 * secondMs });
  expect(await times.at(60 * secondMs)).toEqual({ revision: 7, timeMs: 60 * secondMs });
});

test('the cost is a few reads, and less the second time', async () => {
  const store = await busyStore(200);
  let reads = 0;
  const counted = {
    revision: () => store.revision(),
    range: (options: RangeOptions) => {
      reads++;
      return store.range(options);
    },
  };
  const times = new RevisionTimes(counted, asIs);
  await times.at(100 * secondMs);
  expect(reads).toBeLessThan(16);
  const before = reads;
  await times.at(100 * secondMs);
  expect(reads - before).toBeLessThan(3);
});

test('without a lease no time is told', async () => {
  const store = new MemoryStore();
  await store.txn([], [{ type: 'put', key: '/registry/a', value: Buffer.from('{}') }]);
  const times = new RevisionTimes(store, asIs);
  expect(await times.present()).toEqual({ revision: 2, timeMs: undefined });
});
