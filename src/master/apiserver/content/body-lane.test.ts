import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock, systemClock } from '../../../lib/clock.js';
import { asideThreadWorkMs, maxBodyBytesPerUser } from '../limits.js';
import { BodyLane } from './body-lane.js';
import type { BodyWork } from './body-work.js';

const work: BodyWork = { form: 'value', format: 'json', bytes: Buffer.from('{"a":1}') };
let lane: BodyLane;

beforeEach(() => {
  lane = new BodyLane(systemClock({ unref: true }));
});

afterEach(() => lane.close());

describe('the way of large bodies', () => {
  it('answers with the outcome, or with the fault of the client', async () => {
    expect(await lane.run('u', work)).toMatchObject({ outcome: { json: '{"a":1}' } });
    const broken = { ...work, bytes: Buffer.from('{') };
    expect(await lane.run('u', broken)).toMatchObject({ fault: { reason: 'Decode' } });
  });

  it('has one of a user wait behind one of another, however many that one has sent', async () => {
    const order: string[] = [];
    const send = (user: string): Promise<unknown> =>
      lane.run(user, work).then(() => order.push(user));
    await Promise.all([...Array.from({ length: 8 }, () => send('many')), send('one')]);
    // Behind the one that was begun, and one more.
    expect(order.indexOf('one')).toBeLessThanOrEqual(2);
  });

  it('tells a user with many that wait to come again, and others not', async () => {
    const send = (user: string): Promise<string> =>
      lane.run(user, work).then(
        () => 'done',
        (error: Error) => error.message,
      );
    const sent = Array.from({ length: 33 }, () => send('many'));
    sent.push(send('one'));
    const answers = await Promise.all(sent);
    expect(answers.filter((answer) => answer === 'done')).toHaveLength(33);
    expect(answers[32]).toMatch(/^Too many requests/);
    expect(await send('many')).toBe('done');
    expect(maxBodyBytesPerUser).toBe(32 * 1024 * 1024);
  });

  it('counts what a patch is applied to', async () => {
    const patch = {
      form: 'patch',
      type: 'application/merge-patch+json',
      bytes: Buffer.from('{}'),
      validation: 'Ignore',
      kind: undefined,
      target: JSON.stringify({ a: 'x'.repeat(maxBodyBytesPerUser / 2) }),
    } as const;
    const first = lane.run('u', patch);
    await expect(lane.run('u', patch)).rejects.toMatchObject({ code: 429 });
    expect(await first).toHaveProperty('outcome.json', patch.target);
  });

  it('goes on after work that ended the thread', async () => {
    const kind = { group: 'a', version: 'v1', plural: 'none', kind: 'None', definedBy: undefined };
    const unknown: BodyWork = { ...work, form: 'object', strict: false, kind };
    await expect(lane.run('u', unknown)).rejects.toThrow(
      'a thread beside the event loop has ended',
    );
    expect(await lane.run('u', work)).toHaveProperty('outcome.json', '{"a":1}');
  });

  it('goes on after work that did not come to an end, and hears nothing of it later', async () => {
    const clock = new ManualClock();
    const own = new BodyLane(clock);
    try {
      const endless = own.run('u', work);
      const next = own.run('u', { ...work, bytes: Buffer.from('{"b":1}') });
      clock.advance(asideThreadWorkMs);
      await expect(endless).rejects.toMatchObject({ code: 504 });
      await new Promise((done) => setImmediate(done));
      clock.advance(0);
      expect(await next).toHaveProperty('outcome.json', '{"b":1}');
    } finally {
      await own.close();
    }
  });

  it('refuses what waits when the server stops, and what comes later', async () => {
    const all = [lane.run('u', work), lane.run('u', work)].map((one) =>
      expect(one).rejects.toThrow('the server stops'),
    );
    await lane.close();
    await Promise.all(all);
    await expect(lane.run('u', work)).rejects.toThrow('the server stops');
  });
});

describe('the share of the event loop', () => {
  it('is bounded: the next outcome comes after a rest in step with what the last one took', async () => {
    const clock = new ManualClock();
    const own = new BodyLane(clock);
    try {
      const ends: string[] = [];
      const first = own.run('u', work).then(() => {
        // The request's work with it, until it waits.
        clock.advance(50);
        ends.push('first');
      });
      const second = own.run('u', work).then(() => ends.push('second'));
      await first;
      for (let turn = 0; turn < 50; turn++) await new Promise((done) => setImmediate(done));
      clock.advance(199);
      for (let turn = 0; turn < 50; turn++) await new Promise((done) => setImmediate(done));
      expect(ends).toEqual(['first']);
      clock.advance(1);
      await second;
      expect(ends).toEqual(['first', 'second']);
    } finally {
      await own.close();
    }
  });
});
