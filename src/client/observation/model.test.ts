import { describe, expect, test } from '@jest/globals';
import type { MemberReport } from '../../gen/telemetry.js';
import { WatchModel } from './model.js';
import { calm, election, Story } from './testkit/story.js';

/** A report of member 7: a run, its numbers of events, and when it was sent by the member's clock. */
function report(startedMs: number, nowMs: number, ...sequences: number[]): MemberReport {
  const events = sequences.map((sequence) => ({ sequence, kind: 'started', atMs: nowMs, term: 1 }));
  const state = { role: 'follower', term: sequences.at(-1) ?? 0, learner: false };
  return {
    member: 7n,
    name: 'm7',
    startedMs,
    nowMs,
    missed: 0,
    events,
    state,
  } as unknown as MemberReport;
}

function told(model: WatchModel, value: MemberReport, nowMs = value.nowMs): string[] {
  return model
    .observe({ answeredBy: '', what: { $case: 'report', value } }, nowMs)
    .map((one) => (one.kind === 'event' ? String(one.event.sequence) : one.kind));
}

describe('events of a member', () => {
  test('count once, whoever passes them on', () => {
    const model = new WatchModel();
    expect(told(model, report(10, 1000, 1, 2))).toEqual(['1', '2']);
    expect(told(model, report(10, 1001, 1, 2, 3))).toEqual(['3']);
    expect(model.cursors()).toEqual([{ member: 7n, startedMs: 10, sequence: 3 }]);
  });

  test('that are missing are told of', () => {
    const model = new WatchModel();
    told(model, report(10, 1000, 1));
    expect(told(model, report(10, 1001, 5, 6))).toEqual(['missed', '5', '6']);
    expect(model.happenings.find(({ kind }) => kind === 'missed')).toMatchObject({ count: 3 });
  });

  test('of an earlier run come too late, those of a later one begin anew', () => {
    const model = new WatchModel();
    told(model, report(20, 1000, 1));
    expect(told(model, report(10, 900, 7))).toEqual([]);
    expect(told(model, report(30, 1100, 1))).toEqual(['1']);
  });

  test('are sorted by time, and the newest kept', () => {
    const model = new WatchModel();
    told(model, report(10, 5000, 1), 5000);
    told(model, report(10, 4900, 2), 5001);
    expect(model.happenings.map(({ atMs }) => atMs)).toEqual([4900, 5000]);
  });

  test('of a member with a wrong clock are put where they belong', () => {
    const model = new WatchModel();
    told(model, report(10, 3_601_000, 1), 1000);
    expect(model.happenings[0]?.atMs).toBe(1000);
    expect(model.members[0]?.clockAheadMs).toBe(3_600_000);
  });
});

describe('the state of a member', () => {
  test('is the newest, though an older one comes later by another way', () => {
    const model = new WatchModel();
    told(model, report(10, 1000, 1, 2));
    told(model, report(10, 990, 1));
    expect(model.members[0]?.state?.term).toBe(2);
  });

  test('one that a single master cannot reach is there all the same', () => {
    const story = calm().at(500);
    story.observe({ $case: 'silence', value: { member: 0xa1n, error: 'timed out' } });
    expect(story.model.members[0]?.error).toBeUndefined();
  });

  test('silence is told once, on one line, with the reason that a master gave', () => {
    const { model, nowMs } = election();
    expect(model.tick(nowMs + 5000).map(({ kind }) => kind)).toEqual(['silent', 'silent']);
    const silences = model.happenings.filter(({ kind }) => kind === 'silent');
    expect(silences[0]).toMatchObject({
      member: 'master-1',
      error: 'cannot connect to 10.0.0.1:2379: ECONNREFUSED',
    });
    expect(silences.map((one) => 'member' in one && one.member)).toEqual([
      'master-1',
      'master-2',
      'master-3',
    ]);
  });

  test('members are in the order of their names, however they are listed', () => {
    const story = new Story().says(3, {}).says(1, {}).says(2, {});
    expect(story.model.members.map(({ name }) => name)).toEqual([
      'master-1',
      'master-2',
      'master-3',
    ]);
  });
});
