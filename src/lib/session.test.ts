import { describe, expect, test } from '@jest/globals';
import { ManualClock } from './clock.js';
import { Session } from './session.js';

const never = new Promise<never>(() => undefined);
const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

describe('a session', () => {
  test('ends once: what is to be released is, the newest first, and the first reason counts', async () => {
    const session = new Session({ clock: new ManualClock() });
    const log: string[] = [];
    session.onEnd(() => log.push('first'));
    session.onEnd(() => log.push('second'));
    session.end(new Error('gone'));
    session.end(new Error('again'));
    session.onEnd(() => log.push('late'));
    expect((await session.ended).error?.message).toBe('gone');
    expect(log).toEqual(['second', 'first', 'late']);
  });

  test('a part that fails ends it, and nobody else hears of the rejection', async () => {
    const session = new Session({ clock: new ManualClock() });
    session.run(() => Promise.reject(new Error('broken pipe')));
    expect((await session.ended).error?.message).toBe('broken pipe');
  });

  test('a part that throws at once ends it too', async () => {
    const session = new Session({ clock: new ManualClock() });
    session.run(() => {
      throw new Error('at once');
    });
    expect((await session.ended).error?.message).toBe('at once');
  });

  test('a part that fails because of the end says nothing new', async () => {
    const session = new Session({ clock: new ManualClock() });
    session.run(async () => {
      await session.until(never);
      throw new Error('context canceled');
    });
    session.end();
    expect(await session.ended).toEqual({ error: undefined });
  });

  test('what cannot be released is told', async () => {
    const session = new Session({ clock: new ManualClock() });
    session.onEnd(() => Promise.reject(new Error('no such process')));
    session.end();
    expect((await session.ended).error?.message).toBe('no such process');
  });

  test('is not over before its parts are', async () => {
    const session = new Session({ clock: new ManualClock() });
    let finish: () => void = () => undefined;
    session.run(
      () =>
        new Promise<void>((resolve) => {
          finish = resolve;
        }),
    );
    let ended = false;
    const watch = session.ended.then(() => {
      ended = true;
    });
    session.end();
    await turn();
    expect(ended).toBe(false);
    finish();
    await watch;
    expect(ended).toBe(true);
  });

  test('a part that never ends is left behind after a while, with a word', async () => {
    const clock = new ManualClock();
    const session = new Session({ clock });
    session.run(() => never);
    session.end();
    clock.advance(10_000);
    expect((await session.ended).error?.message).toBe('1 parts of a session do not end');
  });

  test('whoever waits is let go at the end, and owns what comes later', async () => {
    const session = new Session({ clock: new ManualClock() });
    let fail: (error: Error) => void = () => undefined;
    const waited = session.until(
      new Promise<number>((_resolve, reject) => {
        fail = reject;
      }),
    );
    session.end();
    expect(await waited).toBeUndefined();
    fail(new Error('nobody listens any more'));
    expect(await session.until(Promise.resolve(1))).toBeUndefined();
    await turn();
  });

  test('the signal of a caller ends it, even one that was aborted before', async () => {
    const abort = new AbortController();
    const session = new Session({ clock: new ManualClock() });
    session.endWith(abort.signal);
    expect(session.over).toBe(false);
    abort.abort();
    expect(session.over).toBe(true);
    const late = new Session({ clock: new ManualClock() });
    late.endWith(abort.signal);
    expect(await late.ended).toEqual({ error: undefined });
  });

  test('ends when nothing moves, and only then', async () => {
    const clock = new ManualClock();
    const session = new Session({ clock, idleMs: 1000 });
    clock.advance(900);
    session.moved();
    clock.advance(900);
    expect(session.over).toBe(false);
    clock.advance(100);
    expect((await session.ended).error).toMatchObject({ code: 'IDLE' });
    expect(clock.pending).toBe(0);
  });

  test('leaves no timer behind', async () => {
    const clock = new ManualClock();
    const session = new Session({ clock, idleMs: 1000 });
    session.end();
    await session.ended;
    expect(clock.pending).toBe(0);
  });
});
