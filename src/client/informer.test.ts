import { resources } from './resources.js';
import type { KubeObject } from '../api/object.js';
import { expect, test } from '@jest/globals';
import type { ListOptions, ResourceId } from './index.js';
import { ApiError, createInformerFactory } from './index.js';
import type { WatchTrouble } from './index.js';
import { FakeApi } from './testkit/fake.js';
import { ManualClock, systemClock } from '../lib/clock.js';
import { silentLogger } from '../lib/log.js';

/** An API that forbids one resource until it is told otherwise. */
class GuardedApi extends FakeApi {
  forbidden = 'secrets';
  watches = 0;

  override async *watch<T extends KubeObject>(resource: ResourceId, options: ListOptions) {
    this.watches++;
    if (resource.resource === this.forbidden) {
      throw new ApiError(403, 'Forbidden', `${resource.resource} is forbidden`);
    }
    yield* super.watch<T>(resource, options);
  }
}

test('a watch that is forbidden is told, and holds up nobody who does not need it', async () => {
  const api = new GuardedApi();
  const told: WatchTrouble[] = [];
  const clock = systemClock();
  const factory = createInformerFactory({
    client: api,
    clock,
    log: silentLogger,
    onTrouble: (trouble) => void told.push(trouble),
  });
  const secret = factory.informer<KubeObject>(resources.secrets, {
    namespace: 'a',
    fieldSelector: 'metadata.name=tls',
  });
  const pod = factory.informer<KubeObject>(resources.pods);
  await pod.whenSynced();
  const late = new AbortController();
  const waiting = secret.whenSynced(late.signal);
  late.abort();
  await expect(waiting).rejects.toThrow('secrets did not sync in time: secrets is forbidden');
  expect(secret.synced).toBe(false);
  expect(told).toMatchObject([{ message: 'secrets is forbidden', synced: false }]);
  // Once allowed, it comes by itself.
  api.forbidden = '';
  await secret.whenSynced();
  expect(secret.problem).toBeUndefined();
  factory.stop();
});

test('trouble is told once a minute, not once a try', async () => {
  const api = new GuardedApi();
  const clock = new ManualClock();
  let told = 0;
  const factory = createInformerFactory({
    client: api,
    clock,
    log: silentLogger,
    onTrouble: () => void told++,
  });
  factory.informer(resources.secrets);
  while (api.watches < 30) {
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(1000);
  }
  expect(api.watches).toBeGreaterThan(20);
  // Thirty tries, five seconds apart at most.
  expect(told).toBeGreaterThan(0);
  expect(told).toBeLessThanOrEqual(4);
  factory.stop();
});

test('a released informer ends its watch; asked for again it begins anew', async () => {
  const api = new GuardedApi();
  const factory = createInformerFactory({ client: api, clock: systemClock(), log: silentLogger });
  const first = factory.informer<KubeObject>(resources.pods);
  await first.whenSynced();
  factory.release(first);
  await api.create(resources.pods, { metadata: { namespace: 'a', name: 'one' } });
  const second = factory.informer<KubeObject>(resources.pods);
  await second.whenSynced();
  expect(second).not.toBe(first);
  expect(second.list()).toHaveLength(1);
  expect(first.list()).toHaveLength(0);
  factory.stop();
});
