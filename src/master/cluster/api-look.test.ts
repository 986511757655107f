/** One look at the API for all who observe: how often it asks, and what a failure leaves. */
import { expect, test } from '@jest/globals';
import { FakeApi } from '../../client/testkit/fake.js';
import { resources } from '../../client/resources.js';
import { ManualClock } from '../../lib/clock.js';
import { ApiLook } from './api-look.js';

function made() {
  const [client, clock] = [new FakeApi(), new ManualClock()];
  const asked: unknown[] = [];
  client.intercept = ({ verb, resource }) => {
    if (verb === 'list') asked.push(resource);
  };
  return { client, clock, asked, look: new ApiLook({ client, clock }) };
}

test('many observers ask once, for leases four times as often as for nodes', async () => {
  const { clock, asked, look } = made();
  expect(look.ageMs).toBe(-1);
  for (let round = 0; round < 8; round += 1) {
    await Promise.all(Array.from({ length: 32 }, () => look.refresh()));
    clock.advance(125);
  }
  expect(asked.filter((resource) => resource === resources.nodes)).toHaveLength(1);
  expect(asked.filter((resource) => resource === resources.leases)).toHaveLength(4);
  expect(look.ageMs).toBe(250);
});

test('a failure leaves the last view, and the next look asks again', async () => {
  const { client, clock, look } = made();
  await client.create(resources.nodes, {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'worker-1' },
  });
  await look.refresh();
  client.intercept = () => {
    throw new Error('no leader');
  };
  clock.advance(2_000);
  await look.refresh();
  expect(look.nodes.map(({ name }) => name)).toEqual(['worker-1']);
  expect(look.ageMs).toBe(2_000);
  client.intercept = () => undefined;
  await look.refresh();
  expect(look.ageMs).toBe(0);
});
