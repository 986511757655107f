import { describe, expect, test } from '@jest/globals';
import { findElections } from './elections.js';
import type { Election } from './elections.js';
import type { Story } from './testkit/story.js';
import { calm, election, master1, master2, settled, storyBeginsMs } from './testkit/story.js';

function electionsOf({ model }: Story): readonly Election[] {
  return findElections(model.happenings, (id) => model.nameOf(id));
}

/** Its steps, as `kind +ms member`. */
function stepsOf({ steps, startedMs }: Election): string[] {
  return steps.map(({ kind, atMs, member }) => `${kind} +${atMs - startedMs} ${member}`);
}

describe('an election', () => {
  test('goes from the lost leader to the components that moved', () => {
    const [one, ...others] = electionsOf(settled());
    expect(others).toEqual([]);
    expect(one).toMatchObject({
      startedMs: storyBeginsMs + 10_007,
      from: 'master-1',
      winner: 'master-2',
      fromTerm: 4,
      term: 5,
      transfer: false,
      isOver: true,
      votes: ['master-2', 'master-3'],
      writersWaitedMs: 212,
    });
    expect(stepsOf(one as Election)).toEqual([
      'heartbeat lost +0 master-3',
      'pre-vote +3 master-2',
      'candidate +8 master-2',
      'votes +19 master-2',
      'leader +19 master-2',
      'first commit +30 master-2',
      'scheduler +5203 master-2',
      'controllers +5203 master-3',
    ]);
  });

  test('of which an isolated old leader tells late is the same one', () => {
    const story = settled().happens(1, 17_000, { kind: 'quorumLost', term: 4 });
    story.happens(1, 17_001, { kind: 'electionTimeout', term: 4 });
    story.happens(1, 17_002, { kind: 'preCandidate', term: 5 });
    // Its writers have waited for it all the time; those of the others have not.
    story.happens(1, 17_003, { kind: 'writesFailed', term: 4, count: 2, durationMs: 7000 });
    expect(electionsOf(story)).toMatchObject([{ winner: 'master-2', writersWaitedMs: 212 }]);
  });

  test('is none where a member that was away asks in a term that is over', () => {
    const story = settled()
      .happens(1, 18_000, { kind: 'preCandidate', term: 5 })
      .happens(2, 18_001, { kind: 'voteRefused', term: 5, peer: master1, reason: 'termOver' })
      .happens(1, 18_002, { kind: 'follower', term: 5 })
      .happens(1, 18_090, { kind: 'follower', term: 5, peer: master2 });
    expect(electionsOf(story)).toHaveLength(1);
    story.happens(3, 20_000, { kind: 'electionTimeout', term: 5, peer: master2 });
    expect(electionsOf(story)[1]).toMatchObject({ fromTerm: 5, startedMs: storyBeginsMs + 20_000 });
  });

  test('that nobody needs ends when the member hears its leader again', () => {
    const story = calm()
      .happens(3, 1000, { kind: 'electionTimeout', peer: master1, count: 12 })
      .happens(3, 1001, { kind: 'preCandidate', term: 5 })
      .happens(2, 1003, {
        kind: 'voteRefused',
        peer: master2,
        preVote: true,
        reason: 'leaderAlive',
      });
    expect(electionsOf(story)[0]).toMatchObject({ isOver: false, winner: undefined, refusals: 1 });
    story.happens(3, 1900, { kind: 'follower', peer: master1 });
    expect(electionsOf(story)).toHaveLength(1);
    expect(electionsOf(story)[0]).toMatchObject({ isOver: true, winner: undefined, rounds: 1 });
  });

  test('with two rounds shows the one that was won', () => {
    const story = calm()
      .happens(2, 1000, { kind: 'electionTimeout', peer: master1 })
      .happens(2, 1000, { kind: 'preCandidate', term: 5 })
      .happens(2, 1050, { kind: 'electionLost', preVote: true })
      .happens(2, 1200, { kind: 'preCandidate', term: 5 })
      .happens(2, 1210, { kind: 'candidate', term: 5 })
      .happens(2, 1220, { kind: 'leader', term: 5, index: 9 });
    const [one] = electionsOf(story);
    expect(one).toMatchObject({ rounds: 3, isOver: false, winner: 'master-2' });
    expect(stepsOf(one as Election)).toEqual([
      'heartbeat lost +0 master-2',
      'pre-vote +200 master-2',
      'candidate +210 master-2',
      'leader +220 master-2',
    ]);
  });

  test('by a transfer is one, without a loss', () => {
    const story = calm()
      .happens(1, 1000, { kind: 'transferStarted', peer: master2 })
      .happens(2, 1001, { kind: 'timeoutNow', peer: master1 })
      .happens(2, 1001, { kind: 'candidate', term: 5, transfer: true })
      .happens(2, 1010, { kind: 'leader', term: 5, index: 9 })
      .happens(2, 1012, { kind: 'firstCommit', term: 5, index: 9 });
    expect(electionsOf(story)).toMatchObject([
      { transfer: true, isOver: true, winner: 'master-2' },
    ]);
  });

  test('a gap that writers felt long afterwards is not its own', () => {
    const late = { kind: 'writesWaited', term: 5, count: 1, durationMs: 400 };
    expect(electionsOf(election().happens(2, 20_000, late))[0]?.writersWaitedMs).toBe(212);
  });

  test('the next one begins after the first commit of the one before', () => {
    const story = settled().happens(3, 20_000, {
      kind: 'leaderConnectionLost',
      term: 5,
      peer: master2,
    });
    expect(electionsOf(story)).toMatchObject([
      { winner: 'master-2' },
      { from: 'master-2', fromTerm: 5, winner: undefined, isOver: false },
    ]);
  });
});
