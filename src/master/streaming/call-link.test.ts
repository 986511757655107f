import { describe, expect, test } from '@jest/globals';
import { ManualClock } from '../../lib/clock.js';
import { Session } from '../../lib/session.js';
import { CallLink, sharedFlow } from './call-link.js';
import { FakeCall } from './testkit/fake-call.js';

/** A client's connection that notes what it is told. */
class FakeFlow {
  readonly told: string[] = [];
  readonly pause = (): void => void this.told.push('pause');
  readonly resume = (): void => void this.told.push('resume');
  readonly ping = (): void => void this.told.push('ping');
}

function rig() {
  const clock = new ManualClock();
  const session = new Session({ clock });
  const call = new FakeCall<string, string>();
  const flow = new FakeFlow();
  return { clock, session, call, flow, link: new CallLink(session, call, { flow, clock }) };
}

/** Lets promises that are due be kept. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('what a client sends', () => {
  test('goes to a node that takes it, in order', () => {
    const { call, flow, link } = rig();
    for (const message of ['a', 'b', 'c']) link.push(message, 1);
    expect(call.sent).toEqual(['a', 'b', 'c']);
    expect(flow.told).toEqual([]);
  });

  test('waits while the node takes no more, and goes on in order', async () => {
    const { call, flow, link } = rig();
    call.room = 2;
    for (const message of ['a', 'b', 'c', 'd', 'e']) link.push(message, 1);
    expect(call.sent).toEqual(['a', 'b']);
    expect(flow.told).toEqual(['pause']);
    call.take(2);
    await settle();
    expect(call.sent).toEqual(['a', 'b', 'c', 'd']);
    expect(flow.told).toEqual(['pause']);
    link.push('f', 1);
    call.take(Infinity);
    await settle();
    expect(call.sent).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    expect(flow.told).toEqual(['pause', 'resume']);
  });

  test('is asked after every three seconds while it waits', async () => {
    const { clock, call, flow, link } = rig();
    call.room = 1;
    link.push('a', 1);
    clock.advance(3000);
    await settle();
    clock.advance(3000);
    await settle();
    expect(flow.told).toEqual(['pause', 'ping', 'ping']);
    call.take(Infinity);
    await settle();
    clock.advance(9000);
    await settle();
    expect(flow.told).toEqual(['pause', 'ping', 'ping', 'resume']);
  });

  test.each([
    ['bytes', 9, 1024 * 1024],
    ['messages', 16 * 1024 + 1, 0],
  ])('is held up to so many %s and no more: the session ends', async (_, count, bytes) => {
    const { session, call, link } = rig();
    call.room = 1;
    link.push('first', 0);
    for (let at = 1; at < count; at++) link.push('more', bytes);
    expect(session.over).toBe(false);
    link.push('one too many', bytes);
    expect(session.over).toBe(true);
    expect(call.cancelled).toBe(true);
    await expect(session.ended).resolves.toMatchObject({
      error: { message: 'the client sends more than the node takes' },
    });
  });

  test('after the end goes nowhere; the client is let go on, to say that it leaves', async () => {
    const { session, call, flow, link } = rig();
    call.room = 1;
    link.push('a', 1);
    session.end();
    await settle();
    link.push('b', 1);
    expect(call.sent).toEqual(['a']);
    expect(flow.told).toEqual(['pause', 'resume']);
  });

  test('to a call that has ended is dropped', () => {
    const { call, link } = rig();
    call.end();
    link.push('a', 1);
    expect(call.sent).toEqual([]);
  });
});

test('a connection that several sessions share waits while any of them does', () => {
  const flow = new FakeFlow();
  const shared = sharedFlow(flow);
  shared.pause();
  shared.pause();
  shared.resume();
  shared.ping();
  expect(flow.told).toEqual(['pause', 'pause', 'ping']);
  shared.resume();
  expect(flow.told.at(-1)).toBe('resume');
});
