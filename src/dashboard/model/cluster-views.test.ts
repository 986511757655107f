import { describe, expect, test } from '@jest/globals';
import { findElections } from '../../client/observation/elections.js';
import { calm, settled, Story } from '../../client/observation/testkit/story.js';
import { electionViews } from './election-view.js';
import { componentViews, memberHeads, memberViews, summaryOf } from './members-view.js';

const views = ({ model }: Story): ReturnType<typeof electionViews> => {
  const nameOf = (id: bigint): string => model.nameOf(id);
  return electionViews(findElections(model.happenings, nameOf), nameOf, 5);
};

describe('the masters', () => {
  test('have a cell for each head, and one leads', () => {
    const story = calm();
    const members = memberViews(story.model, story.nowMs);
    expect(members.map(({ name, role, tone }) => [name, role, tone])).toEqual([
      ['master-1', 'leader', 'good'],
      ['master-2', 'follower', 'calm'],
      ['master-3', 'follower', 'calm'],
    ]);
    for (const { cells } of members) expect(cells).toHaveLength(memberHeads.length);
    expect(summaryOf(story.model, story.nowMs)).toEqual({
      text: '3 of 3 masters answer; master-1 leads',
      tone: 'good',
    });
  });

  test('that do not answer say what they were', () => {
    const story = settled();
    const [dead] = memberViews(story.model, story.nowMs);
    expect(dead).toMatchObject({ name: 'master-1', tone: 'bad', cells: undefined });
    expect(dead?.role).toMatch(/^silent for /);
    expect(dead?.trouble).toMatch(/^it led in term 4/);
    expect(summaryOf(story.model, story.nowMs)).toEqual({
      text: '2 of 3 masters answer; master-2 leads',
      tone: 'busy',
    });
  });

  test('are waited for at first', () => {
    const { model } = new Story();
    expect(summaryOf(model, 0)).toEqual({ text: 'waiting for the masters', tone: 'busy' });
    expect(memberViews(model, 0)).toEqual([]);
  });

  test('hold the components', () => {
    const story = calm();
    expect(componentViews(story.model, story.nowMs)).toEqual([
      { component: 'kube-scheduler', text: 'active on master-1', tone: 'good' },
      {
        component: 'kube-controller-manager',
        text: expect.stringMatching(/^active on /),
        tone: 'good',
      },
    ]);
    const later = componentViews(story.model, story.nowMs + 60_000);
    expect(later[0]).toMatchObject({ tone: 'busy' });
    expect(later[0]?.text).toMatch(/^was on master-1; its lease ran out .* ago$/);
  });
});

describe('an election', () => {
  test('has its steps on a line to the first commit', () => {
    const [view, ...others] = views(settled());
    expect(others).toEqual([]);
    expect(view).toMatchObject({
      terms: 'term 4 → 5',
      outcome: 'master-1 → master-2',
      isOver: true,
      isTransfer: false,
    });
    const raft = view?.steps.filter(({ bar }) => bar !== undefined) ?? [];
    expect(raft.map(({ kind }) => kind)).toEqual([
      'heartbeat lost',
      'pre-vote',
      'candidate',
      'votes',
      'leader',
      'first commit',
    ]);
    let end = 0;
    for (const { bar } of raft) {
      expect(bar?.left).toBe(end);
      end += bar?.width ?? 0;
    }
    expect(end).toBeCloseTo(100);
    expect(view?.steps.at(-1)?.bar).toBeUndefined();
    expect(view?.took).toBe(raft.at(-1)?.offset.slice(1));
  });

  test('is not there before one begins', () => {
    expect(views(calm())).toEqual([]);
  });
});
