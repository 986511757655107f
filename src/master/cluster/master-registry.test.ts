import { expect, test } from '@jest/globals';
import { FakeApi } from '../../client/testkit/fake.js';
import { ApiError } from '../../client/types.js';
import { ManualClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import type { MasterRecord } from './master-registry.js';
import { allMasters, announceMaster, listMasters } from './master-registry.js';

const record = (name: string): MasterRecord => ({
  name,
  grpcAddress: `${name}:6444`,
  restAddress: `${name}:6443`,
  build: '0.1.0+g1a2b3c4d5e',
  certificatesEnd: '2027-01-01T00:00:00.000Z',
  rotation: 'r1/use',
});

/** Lets the announcement that is due be made. */
async function settle(clock: ManualClock, ms = 0): Promise<void> {
  clock.advance(ms);
  while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
}

test('a master is there from its announcement until it has been silent for 15 seconds', async () => {
  const [client, clock] = [new FakeApi(), new ManualClock()];
  const announced = announceMaster({ client, clock, log: silentLogger, record: () => record('b') });
  await settle(clock);
  await expect(listMasters(client, clock)).resolves.toEqual([record('b')]);
  // It says so again and again, the last time in the 56th second.
  for (let seconds = 0; seconds < 56; seconds++) await settle(clock, 1000);
  await expect(listMasters(client, clock)).resolves.toEqual([record('b')]);
  announced.stop();
  expect(clock.pending).toBe(0);
  clock.advance(14_999);
  await expect(listMasters(client, clock)).resolves.toEqual([record('b')]);
  clock.advance(1);
  await expect(listMasters(client, clock)).resolves.toEqual([]);
  // Its name is still one of a master.
  await expect(allMasters(client)).resolves.toEqual([record('b')]);
});

test('a record is written when it has changed, and else every seven seconds', async () => {
  const [client, clock] = [new FakeApi(), new ManualClock()];
  const written: number[] = [];
  client.intercept = (call) => {
    if (call.verb !== 'get') written.push(clock.monotonicMs() / 1000);
  };
  let rotation = 'r1/use';
  const announced = announceMaster({
    client,
    clock,
    log: silentLogger,
    record: () => ({ ...record('a'), rotation }),
  });
  await settle(clock);
  written.length = 0;
  for (let second = 1; second <= 20; second++) {
    if (second === 10) rotation = 'r1/done';
    await settle(clock, 1000);
  }
  announced.stop();
  expect(written).toEqual([7, 10, 17]);
});

test('masters are told by name', async () => {
  const [client, clock] = [new FakeApi(), new ManualClock()];
  for (const name of ['c', 'a', 'b']) {
    announceMaster({ client, clock, log: silentLogger, record: () => record(name) });
  }
  while (clock.pending < 3) await new Promise((resolve) => setImmediate(resolve));
  const names = (await listMasters(client, clock)).map(({ name }) => name);
  expect(names).toEqual(['a', 'b', 'c']);
});

test('an API that does not answer yet is asked again soon', async () => {
  const [client, clock] = [new FakeApi(), new ManualClock()];
  client.intercept = () => {
    throw new ApiError(503, 'ServiceUnavailable', 'not yet');
  };
  const announced = announceMaster({ client, clock, log: silentLogger, record: () => record('a') });
  await settle(clock);
  await settle(clock, 50);
  client.intercept = () => undefined;
  await expect(listMasters(client, clock)).resolves.toEqual([]);
  await settle(clock, 50);
  await expect(listMasters(client, clock)).resolves.toEqual([record('a')]);
  announced.stop();
});
