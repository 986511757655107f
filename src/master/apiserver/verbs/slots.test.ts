import { describe, expect, test } from '@jest/globals';
import { ManualClock } from '../../../lib/clock.js';
import { requestTimeoutMs } from '../limits.js';
import { LongRunning } from './long-running.js';
import { Slots } from './slots.js';
import { mutating, reading, seats } from './testkit/places.js';

describe('slots', () => {
  test('are free again however the work ends, and refuse what is too many', async () => {
    const slots = new Slots(new ManualClock(), seats(2));
    await expect(slots.run(reading, () => Promise.resolve(7))).resolves.toBe(7);
    const failing = slots.run(reading, () => Promise.reject(new Error('no')));
    await expect(failing).rejects.toThrow('no');
    const thrown = slots.run(reading, () => {
      throw new Error('at once');
    });
    await expect(thrown).rejects.toThrow('at once');
    const forever = () => new Promise<never>(() => undefined);
    void slots.run(mutating, forever).catch(() => undefined);
    void slots.run(mutating, forever).catch(() => undefined);
    await expect(slots.run(mutating, forever)).rejects.toMatchObject({
      code: 429,
      status: { details: { retryAfterSeconds: 1 } },
    });
    expect(slots.inFlight).toEqual({ reading: 0, mutating: 2 });
  });

  test('are given back by work that never ends, once its time is over', async () => {
    const clock = new ManualClock();
    const slots = new Slots(clock, seats(1));
    const stuck = slots.run(mutating, () => new Promise<never>(() => undefined));
    clock.advance(requestTimeoutMs);
    await expect(stuck).rejects.toMatchObject({
      code: 504,
      message: 'Timeout: request did not complete within the allotted timeout',
    });
    expect(slots.inFlight.mutating).toBe(0);
  });

  test('end each at its own time', async () => {
    const clock = new ManualClock();
    const slots = new Slots(clock, seats());
    const ended: string[] = [];
    const hold = (name: string): void => {
      slots.run(reading, () => new Promise<never>(() => undefined)).catch(() => ended.push(name));
    };
    const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    hold('first');
    clock.advance(requestTimeoutMs / 2);
    hold('second');
    await slots.run(reading, () => Promise.resolve());
    clock.advance(requestTimeoutMs / 2);
    await settle();
    expect(ended).toEqual(['first']);
    clock.advance(requestTimeoutMs / 2 - 1);
    await settle();
    expect(ended).toEqual(['first']);
    clock.advance(1);
    await settle();
    expect(ended).toEqual(['first', 'second']);
    expect(slots.inFlight).toEqual({ reading: 0, mutating: 0 });
  });
});

test('a request that has to wait for its seat runs when it gets one, and has all of its time then', async () => {
  const clock = new ManualClock();
  let seat: (leave: () => void) => void = () => undefined;
  const enter = () => new Promise<() => void>((resolve) => (seat = resolve));
  const slots = new Slots(clock, { enter });
  let left = 0;
  const running = slots.run(reading, () => Promise.resolve(7));
  expect(slots.inFlight.reading).toBe(0);
  clock.advance(requestTimeoutMs);
  seat(() => (left += 1));
  await expect(running).resolves.toBe(7);
  expect(left).toBe(1);
});

test('one timer serves all requests, and none is left once the slots are closed', async () => {
  const clock = new ManualClock();
  const slots = new Slots(clock, seats());
  for (let at = 0; at < 3; at++) await slots.run(reading, () => Promise.resolve());
  expect(clock.pending).toBe(1);
  clock.advance(requestTimeoutMs);
  expect(clock.pending).toBe(0);
  await slots.run(reading, () => Promise.resolve());
  slots.close();
  expect(clock.pending).toBe(0);
});

test('long requests are bounded for each user by itself', async () => {
  const places = new LongRunning(1);
  let leave: () => void = () => undefined;
  const first = places.run('a', () => new Promise<void>((resolve) => (leave = resolve)));
  await expect(places.run('a', () => Promise.resolve())).rejects.toMatchObject({ code: 429 });
  await expect(places.run('b', () => Promise.resolve(1))).resolves.toBe(1);
  leave();
  await first;
  await expect(places.run('a', () => Promise.resolve(2))).resolves.toBe(2);
  expect(places.count).toBe(0);
});

test('a request ends at the time that its sender has set, and no other with it', async () => {
  const clock = new ManualClock();
  const slots = new Slots(clock, seats());
  const never = (): Promise<never> => new Promise(() => undefined);
  const brief = slots.run({ ...reading, sender: { lastsMs: 1_500 } }, never);
  const long = slots.run({ ...reading, sender: { lastsMs: 10 * requestTimeoutMs } }, never);
  let isOver = false;
  long.catch(() => (isOver = true));
  clock.advance(1_500);
  await expect(brief).rejects.toMatchObject({
    code: 504,
    reason: 'Timeout',
    message: 'Timeout: request did not complete within the allotted timeout',
  });
  expect([isOver, slots.inFlight.reading]).toEqual([false, 1]);
  clock.advance(requestTimeoutMs);
  await expect(long).rejects.toMatchObject({ code: 504 });
  expect(slots.inFlight.reading).toBe(0);
});

test('the timer of a request that is over in time is given back', async () => {
  const clock = new ManualClock();
  const slots = new Slots(clock, seats());
  await slots.run({ ...reading, sender: { lastsMs: 1_500 } }, () => Promise.resolve());
  // The one that serves all goes on.
  expect(clock.pending).toBe(1);
});
