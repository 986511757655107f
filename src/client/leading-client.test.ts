import { expect, test } from '@jest/globals';
import type { Channel } from '../lib/grpc/index.js';
import { Code, GrpcError } from '../lib/grpc/index.js';
import { ManualClock } from '../lib/clock.js';
import { silentLogger as log } from '../lib/log.js';
import type { Leadership } from './index.js';
import { createApiClient, LeadingClient, runLeaderElection } from './index.js';
import { ApiError } from './types.js';
import { FakeApi } from './testkit/fake.js';

const configMaps = { group: '', version: 'v1', resource: 'configmaps' } as const;
const object = (name: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace: 'default', name },
});
const refusal = { reason: 'NotLeading', definite: true };

/** A client whose calls are answered here. */
function clientOf(
  answer: (method: string) => Promise<{ object: Buffer }>,
  clock = new ManualClock(),
) {
  const sent: string[] = [];
  const stub = new Proxy(
    {},
    {
      get: (_target, method: string) => () => {
        sent.push(method);
        return answer(method);
      },
    },
  );
  const connect = (target: string): Channel =>
    ({ target, client: () => stub, close: () => undefined }) as unknown as Channel;
  const client = createApiClient({ servers: ['a', 'b'], log, clock, connect });
  return { client, sent };
}

const found = { object: Buffer.from(JSON.stringify(object('a'))) };

test('a client that no longer leads sends no write, and goes on reading', async () => {
  const { client, sent } = clientOf(() => Promise.resolve(found));
  let leads = true;
  const { signal } = new AbortController();
  const leading = new LeadingClient(client, { signal, holds: () => leads });
  await leading.create(configMaps, object('a'));
  leads = false;
  const key = object('a').metadata;
  const merge = 'application/merge-patch+json';
  await expect(leading.create(configMaps, object('b'))).rejects.toMatchObject(refusal);
  await expect(leading.update(configMaps, object('a'))).rejects.toMatchObject(refusal);
  await expect(leading.patch(configMaps, key, merge, {})).rejects.toMatchObject(refusal);
  await expect(leading.delete(configMaps, key)).rejects.toMatchObject(refusal);
  await leading.get(configMaps, key);
  expect(sent).toEqual(['create', 'get']);
});

// Seed 145 of the simulated control plane: a write that could not be sent was tried again when another led already.
test('a write that is tried again on another master asks again whether it may be sent', async () => {
  let leads = true;
  const { client, sent } = clientOf(() => {
    leads = false;
    return Promise.reject(new GrpcError(Code.Unavailable, 'no connection', { definite: true }));
  });
  const { signal } = new AbortController();
  const leading = new LeadingClient(client, { signal, holds: () => leads });
  await expect(leading.update(configMaps, object('a'))).rejects.toMatchObject(refusal);
  expect(sent).toEqual(['update']);
});

// Seed 228: a controller manager stood still for longer than its lease, and made pods beside the next one.
test('leadership is over when the renewal is overdue, also while one is under way', async () => {
  const api = new FakeApi();
  const clock = new ManualClock();
  let begin: (leadership: Leadership) => void = () => undefined;
  const begun = new Promise<Leadership>((resolve) => {
    begin = resolve;
  });
  api.update = () => new Promise(() => undefined);
  const lead = (given: Leadership): Promise<never> => {
    begin(given);
    return new Promise(() => undefined);
  };
  void runLeaderElection(
    { client: api, name: 'test', identity: 'a', clock, log, lead },
    new AbortController().signal,
  );
  const leadership = await begun;
  clock.advance(2000);
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(1999);
  expect([leadership.holds(), leadership.signal.aborted]).toEqual([true, false]);
  clock.advance(1);
  expect(leadership.holds()).toBe(false);
  await new Promise((resolve) => setImmediate(resolve));
  expect(leadership.signal.aborted).toBe(true);
});

test('a lease is renewed every two seconds, and sooner after a renewal that failed', async () => {
  const api = new FakeApi();
  const clock = new ManualClock();
  const renewals: number[] = [];
  api.intercept = ({ verb }) => {
    if (verb !== 'update') return;
    renewals.push(clock.monotonicMs());
    if (renewals.length === 2) throw new ApiError(504, 'Timeout', 'no answer');
  };
  const lead = (): Promise<never> => new Promise(() => undefined);
  void runLeaderElection(
    { client: api, name: 'test', identity: 'a', clock, log, lead },
    new AbortController().signal,
  );
  for (let step = 0; step <= 70; step++) {
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(100);
  }
  expect(renewals).toEqual([2000, 4000, 4500, 6500]);
});
