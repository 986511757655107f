import { expect, test } from '@jest/globals';
import { ManualClock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import { createLogger } from '../../lib/create-logger.js';
import { silentLogger } from '../../lib/log.js';
import { Prng } from '../../lib/prng.js';
import type { ReconcileResult } from '../../lib/work-queue.js';
import { createInformerFactory } from '../informer.js';
import { FakeApi } from '../testkit/fake.js';
import { ApiError } from '../types.js';
import type { ReconcileContext } from './context.js';
import { createReconciler } from './reconciler.js';

const log = createLogger({ component: 'test', level: 'silent' });
const silent = { event: () => undefined, normal: () => undefined, warning: () => undefined };

interface Run {
  readonly context: ReconcileContext;
  readonly clock: ManualClock;
  /** What happened in the queue: `NAME retry`, `NAME done`. */
  readonly ended: string[];
}

function run(): Run {
  const clock = new ManualClock();
  const client = new FakeApi();
  const ended: string[] = [];
  const context: ReconcileContext = {
    client,
    informers: createInformerFactory({ client, clock, log }),
    clock,
    prng: new Prng(1),
    log,
    metrics: {
      observer: (name) => () => ({
        onAdded: () => undefined,
        onTaken: () => undefined,
        onDone: () => ended.push(`${name} done`),
        onRetry: () => ended.push(`${name} retry`),
      }),
    },
    recorder: () => silent,
  };
  return { context, clock, ended };
}

/** Promises that wait for no timer have had their turn. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('keys wait until the start, and each is reconciled once', async () => {
  const { context } = run();
  const seen: string[] = [];
  const reconciler = createReconciler(context, {
    name: 'test',
    reconcile: async (key) => void seen.push(key),
  });
  reconciler.enqueue('a/x');
  reconciler.enqueue('a/y');
  reconciler.enqueue('a/x');
  await settled();
  expect(seen).toEqual([]);
  reconciler.start();
  await reconciler.whenIdle();
  expect(seen).toEqual(['a/x', 'a/y']);
  await reconciler.stop();
});

test('no key is reconciled twice at once', async () => {
  const { context } = run();
  let running = 0;
  let most = 0;
  let times = 0;
  const reconciler = createReconciler(context, {
    name: 'test',
    workers: 4,
    reconcile: async (key) => {
      running += 1;
      most = Math.max(most, running);
      times += 1;
      if (times < 3) reconciler.enqueue(key);
      await settled();
      running -= 1;
    },
  });
  reconciler.start();
  reconciler.enqueue('a/x');
  await reconciler.whenIdle();
  expect([most, times]).toEqual([1, 3]);
  await reconciler.stop();
});

test('what fails comes again, later each time', async () => {
  const { context, clock, ended } = run();
  const atMs: number[] = [];
  const reconciler = createReconciler(context, {
    name: 'test',
    reconcile: async () => {
      atMs.push(clock.monotonicMs());
      if (atMs.length < 4) throw new Error('not yet');
    },
  });
  reconciler.start();
  reconciler.enqueue('a/x');
  for (let step = 0; step < 1000 && atMs.length < 4; step++) {
    await settled();
    clock.advance(1);
  }
  await settled();
  const waits = atMs.slice(1).map((at, index) => at - (atMs[index] ?? 0));
  expect(waits).toHaveLength(3);
  expect(waits.toSorted((a, b) => a - b)).toEqual(waits);
  const failed = ['test retry', 'test done'];
  expect(ended).toEqual([...failed, ...failed, ...failed, 'test done']);
  await reconciler.stop();
});

test('an error is told whole once, and then by its message', async () => {
  const { context, clock } = run();
  const told: unknown[] = [];
  const logger: Logger = {
    ...silentLogger,
    warn: (fields) => told.push('error' in fields ? fields.error : undefined),
    child: () => logger,
  };
  const [first, other] = [new Error('no'), new Error('not that either')];
  const refused = new ApiError(422, 'Invalid', 'spec is wrong');
  const outcomes = [first, new Error('no'), other, refused, refused, undefined, new Error('no')];
  const failures = [...outcomes];
  const reconciler = createReconciler(
    { ...context, log: logger },
    {
      name: 'test',
      reconcile: () => {
        const failure = failures.shift();
        return failure === undefined ? Promise.resolve() : Promise.reject(failure);
      },
    },
  );
  reconciler.start();
  while (failures.length > 0) {
    reconciler.enqueue('a/x');
    await settled();
    clock.advance(60_000);
    await settled();
  }
  const wanted = [first, 'no', other, 'spec is wrong', 'spec is wrong', outcomes[6]];
  expect(told).toEqual(wanted);
  await reconciler.stop();
});

test('one that asks to come at once gives others their turn first', async () => {
  const { context, clock } = run();
  const results: (ReconcileResult | undefined)[] = [{ requeueAfterMs: 0 }, undefined];
  const atMs: number[] = [];
  const reconciler = createReconciler(context, {
    name: 'test',
    reconcile: async () => {
      atMs.push(clock.monotonicMs());
      return results.shift();
    },
  });
  reconciler.start();
  reconciler.enqueue('a/x');
  for (let step = 0; step < 20; step++) {
    await settled();
    clock.advance(1);
  }
  expect(atMs).toEqual([0, 10]);
  await reconciler.stop();
});

test('in a namespace that ends nothing is tried again', async () => {
  const { context, ended } = run();
  const details = {
    causes: [{ reason: 'NamespaceTerminating', message: 'a is being terminated' }],
  };
  const reconciler = createReconciler(context, {
    name: 'test',
    reconcile: () => Promise.reject(new ApiError(403, 'Forbidden', 'no', { details })),
  });
  reconciler.start();
  reconciler.enqueue('a/x');
  await reconciler.whenIdle();
  expect(ended).toEqual(['test done']);
  await reconciler.stop();
});

test('after the end no key is reconciled', async () => {
  const { context } = run();
  const seen: string[] = [];
  const reconciler = createReconciler(context, {
    name: 'test',
    reconcile: async (key) => void seen.push(key),
  });
  reconciler.enqueue('a/x');
  await reconciler.stop();
  reconciler.enqueue('a/y');
  await settled();
  expect(seen).toEqual([]);
});
