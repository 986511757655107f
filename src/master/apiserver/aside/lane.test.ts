/** The bounds of a lane, and its thread's end and new beginning. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ManualClock } from '../../../lib/clock.js';
import { asideThreadIdleMs, asideThreadWorkMs, maxBodyBytesInAll } from '../limits.js';
import { maxBodyBytesPerUser } from '../limits.js';
import { Lane } from './lane.js';

/** A thread that answers its own number, does not answer, or ends. */
const script = `
  import { parentPort, threadId } from 'node:worker_threads';
  parentPort.on('message', ({ does }) => {
    if (does === 'throw') throw new Error('broken');
    if (does === 'exit') process.exit(3);
    if (does === 'answer') parentPort.postMessage(threadId);
  });
`;

interface Work {
  readonly does: 'answer' | 'exit' | 'hang' | 'throw';
  readonly bytes?: number;
}

let clock: ManualClock;
let lane: Lane<Work, number>;

beforeEach(() => {
  clock = new ManualClock();
  lane = new Lane(clock, {
    script: new URL(`data:text/javascript,${encodeURIComponent(script)}`),
    weigh: ({ bytes = 1 }) => bytes,
    tooLong: 'it took too long',
  });
});
afterEach(() => lane.close());

/** Does a piece of work, and lets the lane rest from it. */
async function run(work: Work, user = 'u'): Promise<number> {
  try {
    return await lane.run(user, work);
  } finally {
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    clock.advance(0);
  }
}

describe('a thread that ends', () => {
  test.each<Work['does']>(['throw', 'exit'])(
    'by %s fails its work, and another one is begun',
    async (does) => {
      const first = await run({ does: 'answer' });
      expect(await run({ does: 'answer' })).toBe(first);
      await expect(run({ does })).rejects.toThrow('a thread beside the event loop has ended');
      expect(await run({ does: 'answer' })).toBeGreaterThan(first);
    },
  );

  test('tells what it ended of', async () => {
    await expect(run({ does: 'throw' })).rejects.toMatchObject({
      cause: expect.objectContaining({ message: 'broken' }),
    });
  });

  test('leaves what waits behind its work to the next one', async () => {
    const failed = lane.run('u', { does: 'exit' });
    const behind = lane.run('u', { does: 'answer' });
    await expect(failed).rejects.toThrow('has ended');
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    clock.advance(0);
    expect(await behind).toEqual(expect.any(Number));
  });
});

test('work that takes too long is told so, and the thread is replaced', async () => {
  const first = await run({ does: 'answer' });
  const slow = run({ does: 'hang' });
  clock.advance(asideThreadWorkMs);
  await expect(slow).rejects.toMatchObject({ code: 504 });
  expect(await run({ does: 'answer' })).toBeGreaterThan(first);
});

test('a thread without work ends, and is begun anew', async () => {
  const first = await run({ does: 'answer' });
  clock.advance(asideThreadIdleMs);
  expect(await run({ does: 'answer' })).toBeGreaterThan(first);
});

describe('what waits', () => {
  const ended = (work: Promise<number>): Promise<string> =>
    work.then(
      () => 'done',
      (error: Error) => error.message,
    );

  test('is bounded for each user, small work counting as much as a thirty-second part', async () => {
    const held = Array.from({ length: 32 }, () => ended(lane.run('u', { does: 'hang' })));
    await expect(lane.run('u', { does: 'answer' })).rejects.toMatchObject({ code: 429 });
    await lane.close();
    expect(new Set(await Promise.all(held))).toEqual(new Set(['the server stops']));
  });

  test('is bounded for all users together', async () => {
    const users = maxBodyBytesInAll / maxBodyBytesPerUser;
    const held = Array.from({ length: users }, (_, n) =>
      ended(lane.run(`u${n}`, { does: 'hang', bytes: maxBodyBytesPerUser })),
    );
    await expect(lane.run('another', { does: 'answer' })).rejects.toMatchObject({ code: 429 });
    await lane.close();
    expect(await Promise.all(held)).toHaveLength(users);
    await expect(lane.run('u', { does: 'answer' })).rejects.toThrow('the server stops');
  });
});
