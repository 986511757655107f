/** Candidates beside a holder: what they ask while nothing happens, and when their turn comes. */
import { afterEach, expect, test } from '@jest/globals';
import { ManualClock } from '../lib/clock.js';
import { silentLogger as log } from '../lib/log.js';
import { runLeaderElection } from './index.js';
import { FakeApi } from './testkit/fake.js';
import { ApiError } from './types.js';

const candidates = new Set<AbortController>();

afterEach(() => {
  for (const stop of candidates) stop.abort();
  candidates.clear();
});

/** A cluster of candidates on one clock. */
function elections() {
  const api = new FakeApi();
  const clock = new ManualClock();
  const leading = new Set<string>();
  const gets: number[] = [];
  api.intercept = ({ verb }) => {
    if (verb === 'get') gets.push(clock.monotonicMs());
  };
  const start = (identity: string, updates = () => true): AbortController => {
    const stop = new AbortController();
    candidates.add(stop);
    const lead = async ({ signal }: { readonly signal: AbortSignal }): Promise<void> => {
      leading.add(identity);
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      leading.delete(identity);
    };
    const client = Object.create(api, {
      update: {
        value: (...parameters: Parameters<FakeApi['update']>) =>
          updates()
            ? api.update(...parameters)
            : Promise.reject(new ApiError(503, 'ServiceUnavailable', 'cut off')),
      },
      get: { value: api.get.bind(api) },
      create: { value: api.create.bind(api) },
      watch: { value: (...parameters: Parameters<FakeApi['watch']>) => api.watch(...parameters) },
    }) as FakeApi;
    void runLeaderElection({ client, name: 'test', identity, clock, log, lead }, stop.signal);
    return stop;
  };
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  const pass = async (ms: number): Promise<void> => {
    for (let past = 0; past < ms; past += 100) {
      await settle();
      clock.advance(100);
    }
    await settle();
  };
  return { api, clock, leading, gets, start, pass, settle };
}

test('a candidate asks for nothing while the holder renews, and takes what is given up at once', async () => {
  const { leading, gets, start, pass, settle } = elections();
  const holder = start('a');
  await pass(200);
  start('b');
  await pass(2000);
  const asked = gets.length;
  await pass(30_000);
  expect(gets.length).toBe(asked);
  holder.abort();
  await settle();
  expect([...leading]).toEqual(['b']);
});

test('a candidate takes the lease of a holder that is silent for its duration, and not sooner', async () => {
  const { clock, leading, start, pass } = elections();
  let renews = true;
  start('a', () => renews);
  await pass(200);
  start('b');
  await pass(5000);
  renews = false;
  // The last renewal was seen within the last two seconds.
  const fromMs = clock.monotonicMs();
  while (!leading.has('b')) await pass(100);
  const silentMs = clock.monotonicMs() - fromMs;
  expect(silentMs).toBeGreaterThanOrEqual(4000);
  expect(silentMs).toBeLessThanOrEqual(6100);
});

test('a candidate that cannot watch looks at the lease every half second', async () => {
  const { api, leading, gets, start, pass } = elections();
  // eslint-disable-next-line require-yield -- it ends before its first event
  api.watch = async function* () {
    await Promise.resolve();
    throw new ApiError(403, 'Forbidden', 'no right to watch');
  };
  const holder = start('a');
  await pass(200);
  start('b');
  await pass(2000);
  const asked = gets.length;
  await pass(10_000);
  expect(gets.length - asked).toBe(20);
  holder.abort();
  await pass(500);
  expect([...leading]).toEqual(['b']);
});
