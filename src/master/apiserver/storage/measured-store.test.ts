import { expect, test } from '@jest/globals';
import { ManualClock } from '../../../lib/clock.js';
import type { FinishedStoreCall } from './measured-store.js';
import { measuredStore } from './measured-store.js';
import type { Store } from './store.js';
import { MemoryStore } from './testkit/memory-store.js';

const value = Buffer.from('{}');

test('each call is told with its operation and its resource', async () => {
  const clock = new ManualClock();
  const calls: FinishedStoreCall[] = [];
  const store = measuredStore(new MemoryStore(), clock, (call) => calls.push(call));
  const [pod, deployment] = ['/registry/pods/ns/a', '/registry/apps/deployments/ns/a'];
  await store.txn([{ key: pod, modRevision: 0 }], [{ type: 'put', key: pod, value }]);
  const { kv } = await store.get(pod);
  const { modRevision = 0 } = kv ?? {};
  await store.txn([{ key: pod, modRevision }], [{ type: 'put', key: pod, value }]);
  await store.txn([], [{ type: 'delete', key: pod }]);
  await store.range({ start: '/registry/apps/deployments/', end: '/registry/apps/deployments0' });
  await store.get(deployment);
  await store.get('/registry/example.com/widgets/ns/a');
  await store.get('/registry/autoscaling/horizontalpodautoscalers/ns/a');
  await store.get('elsewhere');
  await store.revision();
  expect(calls.map(({ operation, type, failed }) => `${operation} ${type} ${failed}`)).toEqual([
    'create pods false',
    'get pods false',
    'update pods false',
    'delete pods false',
    'list deployments.apps false',
    'get deployments.apps false',
    'get widgets.example.com false',
    'get horizontalpodautoscalers.autoscaling false',
    'get  false',
  ]);
});

test('a call that fails is told as well, with its time', async () => {
  const clock = new ManualClock();
  const calls: FinishedStoreCall[] = [];
  const broken = {
    get: () => {
      clock.advance(250);
      return Promise.reject(new Error('no'));
    },
  } as unknown as Store;
  const store = measuredStore(broken, clock, (call) => calls.push(call));
  await expect(store.get('/registry/nodes/n')).rejects.toThrow('no');
  expect(calls).toEqual([{ operation: 'get', type: 'nodes', failed: true, elapsedMs: 250 }]);
});
