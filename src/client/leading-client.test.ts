import { expect, test } from '@jest/globals';
import { ManualClock } from '../lib/clock.js';
import { silentLogger } from '../lib/log.js';
import { FakeApi } from './testkit/fake.js';
import type { Leadership } from './index.js';
import { ApiError, LeadingClient, runLeaderElection } from './index.js';

const configMaps = { group: '', version: 'v1', resource: 'configmaps' } as const;
const object = (name: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace: 'default', name },
});

test('a client that no longer leads sends no write, and goes on reading', async () => {
  const api = new FakeApi();
  let leads = true;
  const client = new LeadingClient(api, {
    signal: new AbortController().signal,
    holds: () => leads,
  });
  await client.create(configMaps, object('a'));
  leads = false;
  const refused = { reason: 'NotLeading', definite: true };
  await expect(client.create(configMaps, object('b'))).rejects.toMatchObject(refused);
  await expect(client.update(configMaps, object('a'))).rejects.toMatchObject(refused);
  await expect(client.delete(configMaps, object('a').metadata)).rejects.toMatchObject(refused);
  const { items } = await client.list(configMaps);
  expect(items.map(({ metadata }) => metadata.name)).toEqual(['a']);
});

// Seed 228 of the simulated control plane: a controller manager stood still for longer than its lease, and made pods beside the next one.
test('leadership is over when the renewal is overdue, whether the election has noticed or not', async () => {
  const api = new FakeApi();
  const clock = new ManualClock();
  const stop = new AbortController();
  let begin: (leadership: Leadership) => void = () => undefined;
  const begun = new Promise<Leadership>((resolve) => {
    begin = resolve;
  });
  const update: FakeApi['update'] = () => new Promise(() => undefined);
  void runLeaderElection(
    {
      client: new Proxy(api, {
        get: (target, property) => {
          if (property === 'update') return update;
          const value: unknown = Reflect.get(target, property, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      }),
      name: 'test',
      identity: 'a',
      clock,
      log: silentLogger,
      lead: (given) => {
        begin(given);
        return new Promise(() => undefined);
      },
    },
    stop.signal,
  );
  const leadership = await begun;
  clock.advance(2999);
  expect(leadership.holds()).toBe(true);
  clock.advance(1);
  expect(leadership.holds()).toBe(false);
  expect(leadership.signal.aborted).toBe(false);
  const client = new LeadingClient(api, leadership);
  await expect(client.create(configMaps, object('a'))).rejects.toThrow(ApiError);
});
