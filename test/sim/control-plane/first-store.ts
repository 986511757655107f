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
  return kvs.map(({ key, value }) => ({ type: 'put', key, value }));
}
