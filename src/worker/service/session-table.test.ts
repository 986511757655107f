import { describe, expect, test } from '@jest/globals';
import { ManualClock } from '../../lib/clock.js';
import type { Session } from '../../lib/session.js';
import { sessionLimits } from './session-limits.js';
import { SessionTable } from './session-table.js';

const never = new Promise<never>(() => undefined);
const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });
/** Stays until its session is over. */
const stay = async (session: Session): Promise<void> => {
  await session.until(never);
};
const exhausted = { code: 8 };

describe('the streams of a node', () => {
  test('are bounded, and leave their place', async () => {
    const table = new SessionTable(new ManualClock(), { countMax: 2 });
    const callers = [new AbortController(), new AbortController()];
    const served = callers.map(({ signal }) => table.serve('exec', signal, stay));
    const third = table.serve('logs', new AbortController().signal, stay);
    await expect(third).rejects.toMatchObject(exhausted);
    callers[0]!.abort();
    await served[0];
    expect(table.size).toBe(1);
    await table.serve('logs', new AbortController().signal, () => Promise.resolve());
    callers[1]!.abort();
    await served[1];
    expect(table.size).toBe(0);
  });

  test('are bounded for each pod', async () => {
    const table = new SessionTable(new ManualClock(), { perPodMax: 1 });
    const caller = new AbortController();
    const claim = (uid: string) => async (session: Session) => {
      table.claim(session, uid);
      await stay(session);
    };
    const first = table.serve('exec', caller.signal, claim('a'));
    const other = table.serve('exec', caller.signal, claim('b'));
    const second = table.serve('exec', new AbortController().signal, claim('a'));
    await expect(second).rejects.toMatchObject(exhausted);
    caller.abort();
    await Promise.all([first, other]);
    await table.serve('exec', new AbortController().signal, (session) => {
      table.claim(session, 'a');
      return Promise.resolve();
    });
  });

  test('end when the caller does not say what it wants', async () => {
    const clock = new ManualClock();
    const table = new SessionTable(clock);
    const served = table.serve('exec', new AbortController().signal, async (session) => {
      await table.first(session, never);
    });
    clock.advance(sessionLimits.startMs);
    await expect(served).rejects.toMatchObject({ code: 4 });
    expect([table.size, clock.pending]).toEqual([0, 0]);
  });

  test('end when nothing moves for as long as kubelet waits; logs do not', async () => {
    const clock = new ManualClock();
    const table = new SessionTable(clock);
    const caller = new AbortController();
    const logs = table.serve('logs', caller.signal, stay);
    let moved: Session | undefined;
    const exec = table.serve('exec', new AbortController().signal, async (session) => {
      moved = session;
      await stay(session);
    });
    clock.advance(sessionLimits.idleMs - 1);
    moved?.moved();
    clock.advance(sessionLimits.idleMs - 1);
    await turn();
    expect(table.size).toBe(2);
    clock.advance(1);
    await expect(exec).rejects.toMatchObject({ code: 10 });
    expect(table.size).toBe(1);
    caller.abort();
    await logs;
  });

  test('what a part of one fails with is the answer of its call', async () => {
    const table = new SessionTable(new ManualClock());
    const served = table.serve('exec', new AbortController().signal, async (session) => {
      session.run(() => Promise.reject(new Error('broken pipe')));
      await stay(session);
    });
    await expect(served).rejects.toThrow('broken pipe');
    expect(table.size).toBe(0);
  });
});
