/**
 * The store of a cluster that has just been made: what the API server's bootstrap wrote, made once and copied for each
 * run.
 */
import { ManualClock } from '../../../src/lib/clock.js';
import { silentLogger } from '../../../src/lib/log.js';
import { Prng } from '../../../src/lib/prng.js';
import { ApiCore } from '../../../src/master/apiserver/core.js';
import { registryPrefix } from '../../../src/master/apiserver/storage/keys.js';
import { MemoryStore } from '../../../src/master/apiserver/storage/testkit/memory-store.js';
import type { StoreOp } from '../../../src/master/apiserver/storage/store.js';
import { prefixEnd } from '../../../src/master/apiserver/storage/store.js';
import { diskClasses, patientClass, priorityClasses } from './manifests.js';
import { coreOptions, seededRandom } from './api-process.js';

let made: Promise<StoreOp[]> | undefined;

/** See above. */
export async function firstStore(): Promise<MemoryStore> {
  made ??= bootstrap();
  const store = new MemoryStore();
  await store.txn([], await made);
  return store;
}

async function bootstrap(): Promise<StoreOp[]> {
  const store = new MemoryStore();
  const clock = new ManualClock();
  const random = seededRandom(new Prng(0));
  const core = new ApiCore(coreOptions({ store, log: silentLogger, clock, random }));
  await core.start();
  const { kvs } = await store.range({ start: registryPrefix, end: prefixEnd(registryPrefix) });
  await core.close();
  const objects: [key: string, value: Buffer][] = kvs.map(({ key, value }) => [key, value]);
  return [...objects, ...classes()].map(([key, value]) => ({ type: 'put', key, value }));
}

/** What somebody has prepared before the workloads come: priorities, and classes of disks. */
function classes(): [key: string, value: Buffer][] {
  const priorities = Object.entries(priorityClasses).map(([name, value]) => ({
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: { name },
    value,
    preemptionPolicy: name === patientClass ? 'Never' : 'PreemptLowerPriority',
  }));
  const disks = diskClasses.map((name) => ({
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name },
    provisioner: 'kubernetes.io/no-provisioner',
    reclaimPolicy: 'Delete',
    volumeBindingMode: name === 'disk' ? 'WaitForFirstConsumer' : 'Immediate',
  }));
  return [
    ...priorities.map((one) => stored('scheduling.k8s.io/priorityclasses', one)),
    ...disks.map((one) => stored('storage.k8s.io/storageclasses', one)),
  ];
}

function stored(
  storage: string,
  object: { readonly metadata: { readonly name: string } },
): [key: string, value: Buffer] {
  const { name } = object.metadata;
  const metadata = { name, uid: `uid-of-${name}`, creationTimestamp: '2023-11-14T22:13:20Z' };
  const value = Buffer.from(JSON.stringify({ ...object, metadata }));
  return [`${registryPrefix}${storage}/${name}`, value];
}
