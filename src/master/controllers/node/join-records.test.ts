import type { KubeObject } from '../../../api/object.js';
import { expect, test } from '@jest/globals';
import { FakeApi } from '../../../client/testkit/fake.js';
import { createInformerFactory } from '../../../client/index.js';
import { delay, systemClock } from '../../../lib/clock.js';
import { silentLogger } from '../../../lib/log.js';
import { Prng } from '../../../lib/prng.js';
import { claimName, joinRecordName } from '../../cluster/join-records.js';
import type { Node } from '../../../api/types/core.js';
import { resources } from '../../../client/resources.js';
import { startControllers } from '../start.js';

const clock = systemClock();
const namespace = 'kube-system';

test('a name belongs to the first key until its Node registers', async () => {
  const api = new FakeApi();
  const [first, second] = [Buffer.from('first'), Buffer.from('second')];
  expect(await claimName(api, 'n', first)).toBe(true);
  expect(await claimName(api, 'n', second)).toBe(false);
  expect(await claimName(api, 'n', first)).toBe(true);
  expect(await claimName(api, 'absent', first)).toBe(true);
  const informers = createInformerFactory({ client: api, clock, log: silentLogger });
  const parts = { client: api, informers, clock, prng: new Prng(1), log: silentLogger };
  const controllers = await startControllers(parts);
  const records = async (): Promise<string[]> =>
    (await api.list<KubeObject>(resources.leases, { namespace })).items
      .map(({ metadata }) => metadata.name)
      .filter((name) => name.startsWith('join-'));
  expect(await records()).toHaveLength(2);
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' }, spec: {} };
  await api.create<Node>(resources.nodes, node);
  const giveUpMs = clock.monotonicMs() + 10_000;
  while ((await records()).length > 1 && clock.monotonicMs() < giveUpMs) await delay(clock, 5);
  expect(await records()).toEqual(['join-absent']);
  await controllers.stop();
  informers.stop();
});

test('a long name has a record with a short one', () => {
  const name = 'a'.repeat(253);
  expect(joinRecordName(name).length).toBeLessThan(253);
  expect(joinRecordName(name)).not.toBe(joinRecordName(`${name.slice(1)}b`));
});
