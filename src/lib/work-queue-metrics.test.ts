import { expect, test } from '@jest/globals';
import { ManualClock } from './clock.js';
import { silentLogger } from './log.js';
import { Registry } from './metrics.js';
import { WorkQueue } from './work-queue.js';
import { WorkQueueMetrics } from './work-queue-metrics.js';

/** Promises that wait for no timer have had their turn. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function series(registry: Registry): Record<string, string> {
  const lines = registry.metrics().split('\n');
  const samples = lines.filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(samples.map((line) => line.split(' ') as [string, string]));
}

test('the life of keys is told under the names of client-go', async () => {
  const clock = new ManualClock();
  const registry = new Registry();
  const metrics = new WorkQueueMetrics(registry);
  const ends: ((error?: Error) => void)[] = [];
  const queue = new WorkQueue({
    name: 'job',
    clock,
    log: silentLogger,
    workers: 2,
    backOff: { baseMs: 1000, maxMs: 1000 },
    reconcile: () =>
      new Promise((resolve, reject) => {
        ends.push((error) => (error === undefined ? resolve() : reject(error)));
      }),
    observe: metrics.observer('job'),
  });
  for (const key of ['a', 'b', 'c', 'a']) queue.add(key);
  await settled();
  clock.advance(2000);
  // While it is worked on, a key waits for its next turn once.
  queue.add('a');
  queue.add('a');
  expect(series(registry)).toMatchObject({
    'workqueue_depth{name="job"}': '1',
    'workqueue_adds_total{name="job"}': '4',
    'workqueue_unfinished_work_seconds{name="job"}': '4',
    'workqueue_longest_running_processor_seconds{name="job"}': '2',
    'workqueue_queue_duration_seconds_count{name="job"}': '2',
    'workqueue_work_duration_seconds_count{name="job"}': '0',
    'workqueue_retries_total{name="job"}': '0',
  });
  clock.advance(1000);
  ends[0]?.();
  ends[1]?.(new Error('no'));
  await settled();
  // `c` waited three seconds for its turn, the second `a` one.
  expect(series(registry)).toMatchObject({
    'workqueue_depth{name="job"}': '0',
    'workqueue_unfinished_work_seconds{name="job"}': '0',
    'workqueue_queue_duration_seconds_sum{name="job"}': '4',
    'workqueue_queue_duration_seconds_count{name="job"}': '4',
    'workqueue_work_duration_seconds_sum{name="job"}': '6',
    'workqueue_work_duration_seconds_count{name="job"}': '2',
    'workqueue_retries_total{name="job"}': '1',
  });
  // The one that failed comes again, which is an add as well.
  clock.advance(1000);
  expect(series(registry)).toMatchObject({ 'workqueue_adds_total{name="job"}': '5' });
  ends[2]?.();
  ends[3]?.();
  await settled();
  ends[4]?.();
  await queue.stop();
  const buckets = Object.keys(series(registry)).filter((key) =>
    /queue_duration.*_bucket/.test(key),
  );
  expect(buckets.map((key) => /le="([^"]*)"/.exec(key)?.[1])).toEqual(
    '0.000001 0.00001 0.0001 0.001 0.01 0.1 1 10 100 1000 +Inf'.split(' '),
  );
});

test('a queue that is made again takes the place of the one before', async () => {
  const registry = new Registry();
  const metrics = new WorkQueueMetrics(registry);
  const options = {
    clock: new ManualClock(),
    log: silentLogger,
    reconcile: () => new Promise<void>(() => undefined),
  };
  const observe = metrics.observer('job');
  const before = new WorkQueue({ ...options, name: 'job', observe });
  before.add('a');
  before.add('b');
  const after = new WorkQueue({ ...options, name: 'job', observe });
  after.add('a');
  expect(series(registry)).toMatchObject({
    'workqueue_depth{name="job"}': '1',
    'workqueue_adds_total{name="job"}': '3',
  });
});
