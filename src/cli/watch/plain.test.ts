/** The lines of `cluster watch` for pipes, and the cluster that is followed for them. */
import { describe, expect, test } from '@jest/globals';
import { setImmediate as tick } from 'node:timers/promises';
import type { Observation } from '../../gen/cluster.js';
import type { MemberEvent } from '../../gen/telemetry.js';
import { findElections } from '../../client/observation/elections.js';
import { calm, election, master2, settled, Story } from '../../client/observation/testkit/story.js';
import type { Channel } from '../../lib/grpc/index.js';
import { Code, GrpcError } from '../../lib/grpc/index.js';
import { ManualClock } from '../../lib/clock.js';
import type { CommandContext } from '../context.js';
import { feed } from './feed.js';
import {
  jsonElection,
  jsonLine,
  jsonMember,
  plainElection,
  plainLine,
  plainMember,
} from './plain.js';
import { runWatch } from './run.js';

const beginsMs = Date.UTC(2026, 0, 1, 12);

/** The lines of a story, without those that say nothing. */
function linesOf(story: Story): string[] {
  const { model } = story;
  return model.happenings.flatMap((happening) => plainLine(happening, model) ?? []);
}

describe('a line for people', () => {
  test('of each thing that happened in an election, in the order of its time', () => {
    const lines = linesOf(election());
    expect(lines).toContain('12:00:10.007 master-3 lost the connection to leader master-1');
    expect(lines).toContain('12:00:10.010 master-2 pre-candidate: asks 3 voters about term 5');
    expect(lines).toContain('12:00:10.015 master-2 candidate in term 5: asks 3 voters');
    expect(lines).toContain('12:00:10.021 master-3 votes for master-2 in term 5');
    expect(lines.at(-1)).toMatch(/master-1 does not answer: cannot connect to 10\.0\.0\.1:2379/);
    const times = lines.map((line) => line.slice(0, 12));
    expect(times).toEqual(times.toSorted());
    for (const line of lines) expect(line).not.toMatch(/undefined|\n/);
  });

  test('of components and nodes', () => {
    const lines = linesOf(settled());
    expect(lines.filter((line) => line.includes('kube-scheduler')).at(-1)).toMatch(
      / kube-scheduler active on master-2$/,
    );
    expect(lines.filter((line) => line.includes('worker-'))).toEqual([
      expect.stringMatching(/ worker-1 Ready$/),
      expect.stringMatching(/ worker-2 NotReady$/),
    ]);
  });

  test('of members at the beginning', () => {
    const { model, nowMs } = calm();
    expect(model.members.map((member) => plainMember(member, nowMs))).toEqual([
      '12:00:00.000 master-1 is leader in term 4, commit 12030',
      '12:00:00.000 master-2 is follower in term 4, commit 12030',
      '12:00:00.000 master-3 is follower in term 4, commit 12029',
    ]);
    const silent = new Story().view('master-1', 'master-1');
    expect(silent.model.members.map((member) => plainMember(member, silent.nowMs))[0]).toBe(
      '12:00:00.000 master-1 does not answer',
    );
  });

  test('of a learner, whatever its role', () => {
    const { model, nowMs } = calm().says(3, { learner: true });
    expect(plainMember(model.members[2] as never, nowMs)).toMatch(/master-3 is learner in term 4/);
  });

  test('of elections, with the time of each step and what writers felt', () => {
    const { model } = settled();
    const [found] = findElections(model.happenings, (id) => model.nameOf(id));
    expect(plainElection(found as never)).toMatch(
      /^12:00:\d\d\.\d{3} election master-1 -> master-2, term 4 -> 5: heartbeat lost \+0\.0 ms, .*, leader \+19 ms, .*; writers waited 212 ms$/,
    );
  });

  test('of an election that nobody won', () => {
    const lost = {
      startedMs: beginsMs,
      fromTerm: 4,
      term: undefined,
      from: 'master-1',
      winner: undefined,
      transfer: false,
      isOver: true,
      steps: [],
      votes: [],
      refusals: 2,
      rounds: 3,
      writersWaitedMs: undefined,
    };
    expect(plainElection(lost)).toBe('12:00:00.000 election none: term 4 keeps its leader');
    expect(plainElection({ ...lost, writersWaitedMs: 1500 })).toMatch(/; writers waited 1500 ms$/);
  });
});

describe('a line of JSON', () => {
  const parse = (text: string): Record<string, unknown> =>
    JSON.parse(text) as Record<string, unknown>;

  test('of everything that happened says its kind, its time and its subject', () => {
    const { model } = settled();
    const lines = model.happenings.map((happening) => parse(jsonLine(happening, model)));
    expect(new Set(lines.map(({ type }) => type))).toEqual(
      new Set(['event', 'component', 'node', 'silent']),
    );
    for (const { time } of lines) expect(time).toMatch(/^2026-01-01T1[12]:\d\d:\d\d\.\d{3}Z$/);
    expect(lines.find(({ type }) => type === 'node')).toMatchObject({
      node: 'worker-1',
      ready: true,
    });
    expect(lines.find(({ type }) => type === 'silent')).toMatchObject({
      member: 'master-1',
      error: expect.stringContaining('10.0.0.1:2379'),
    });
  });

  const event = (fields: Partial<MemberEvent> & { readonly kind: string }): MemberEvent => ({
    sequence: 7,
    atMs: beginsMs,
    monotonicMs: 60_000,
    term: 4,
    peer: 0n,
    index: 0,
    preVote: false,
    granted: false,
    reason: '',
    durationMs: 0,
    count: 0,
    transfer: false,
    detail: '',
    ...fields,
  });
  const base = { type: 'event', member: 'master-1', sequence: 7, term: 4, monotonicMs: 60_000 };

  test.each<[string, Partial<MemberEvent> & { readonly kind: string }, object]>([
    ['without a meaning', { kind: 'started' }, {}],
    [
      'of votes',
      { kind: 'voteCounted', peer: master2, granted: true },
      { peer: 'master-2', preVote: false, granted: true },
    ],
    [
      'of refused pre-votes',
      { kind: 'voteRefused', preVote: true, reason: 'logBehind' },
      { preVote: true, granted: false, reason: 'logBehind' },
    ],
    ['of lost elections', { kind: 'electionLost' }, { preVote: false, granted: false }],
    ['of transfers', { kind: 'candidate', transfer: true, count: 3 }, { transfer: true, count: 3 }],
    [
      'of waits',
      { kind: 'writesWaited', durationMs: 212, count: 4 },
      { durationMs: 212, count: 4 },
    ],
    ['of positions', { kind: 'leader', index: 12 }, { index: 12 }],
    ['in words', { kind: 'trouble', detail: 'the disk is full' }, { detail: 'the disk is full' }],
  ])('has the fields %s', (_, fields, more) => {
    const { model } = calm();
    const line = jsonLine(
      { kind: 'event', atMs: beginsMs, member: 'master-1', event: event(fields) },
      model,
    );
    const time = '2026-01-01T12:00:00.000Z';
    expect(parse(line)).toEqual({ ...base, time, kind: fields.kind, ...more });
  });

  test.each([
    [
      { kind: 'missed', member: 'm', count: 5 },
      { type: 'missed', member: 'm', count: 5 },
    ],
    [
      { kind: 'answers', member: 'm' },
      { type: 'answers', member: 'm' },
    ],
    [
      { kind: 'silent', member: 'm', error: 'e' },
      { type: 'silent', member: 'm', error: 'e' },
    ],
    [
      { kind: 'node', node: 'n', ready: false },
      { type: 'node', node: 'n', ready: false },
    ],
    [
      { kind: 'component', component: 'c', holder: 'h' },
      { type: 'component', component: 'c', holder: 'h' },
    ],
  ])('of %j', (happening, fields) => {
    const line = jsonLine({ atMs: beginsMs, ...happening } as never, calm().model);
    expect(parse(line)).toEqual({ time: '2026-01-01T12:00:00.000Z', ...fields });
  });

  test('of a member names others by their names, and what is not known by null', () => {
    const { model } = calm().says(1, {
      role: 'candidate',
      vote: 0n,
      leader: 0n,
      peers: [
        { id: master2, connected: false, heardMsAgo: -1, roundTripMs: -1, match: 0, progress: '' },
      ],
    });
    expect(parse(jsonMember(model.members[0] as never, model))).toMatchObject({
      type: 'member',
      member: 'master-1',
      id: 'a1',
      answers: true,
      role: 'candidate',
      vote: null,
      leader: null,
      peers: [{ member: 'master-2', connected: false, heardMsAgo: null, roundTripMs: null }],
    });
  });

  test('of a member that was never heard of', () => {
    const { model } = new Story().view('master-1', 'master-1');
    expect(parse(jsonMember(model.members[0] as never, model))).toEqual({
      type: 'member',
      member: 'master-1',
      id: 'a1',
      answers: false,
    });
  });

  test('of an election counts its steps from its beginning', () => {
    const { model } = settled();
    const [found] = findElections(model.happenings, (id) => model.nameOf(id));
    const line = parse(jsonElection(found as never));
    expect(line).toMatchObject({
      type: 'election',
      from: 'master-1',
      winner: 'master-2',
      fromTerm: 4,
      term: 5,
      transfer: false,
      writersWaitedMs: 212,
    });
    const steps = line['steps'] as { ms: number }[];
    expect(steps[0]?.ms).toBe(0);
    expect(steps.map(({ ms }) => ms)).toEqual(steps.map(({ ms }) => ms).toSorted((a, b) => a - b));
  });
});

/** A master that is observed: each call is answered by the next of its scripts, the last for ever. */
function master(
  target: string,
  ...scripts: readonly (readonly Observation[] | Error)[]
): Channel & { readonly cursors: unknown[] } {
  const cursors: unknown[] = [];
  let calls = 0;
  const observe = async function* (
    request: { readonly cursors: unknown },
    { signal }: { readonly signal: AbortSignal },
  ): AsyncGenerator<Observation> {
    cursors.push(request.cursors);
    const script = scripts[calls++];
    if (script instanceof Error) throw script;
    if (script !== undefined) {
      yield* script;
      return;
    }
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  };
  return { target, cursors, client: () => ({ observe }) } as never;
}

const observation = (answeredBy: string): Observation => ({ answeredBy, what: undefined });
const unreachable = new GrpcError(Code.Unavailable, 'no\nconnection');

describe('the feed', () => {
  interface Fed {
    readonly observed: string[];
    readonly troubles: string[];
    readonly end: () => Promise<void>;
    readonly clock: ManualClock;
    readonly over: Promise<void>;
  }

  function follow(...channels: readonly Channel[]): Fed {
    const clock = new ManualClock();
    const [observed, troubles]: [string[], string[]] = [[], []];
    const abort = new AbortController();
    const over = feed(
      {
        channels,
        clock,
        cursors: () => [],
        observed: ({ answeredBy }) => void observed.push(answeredBy),
        trouble: (server, error) => void troubles.push(`${server} ${error ?? 'answers'}`),
      },
      abort.signal,
    );
    over.catch(() => undefined);
    const end = (): Promise<void> => {
      abort.abort();
      return over;
    };
    return { observed, troubles, end, clock, over };
  }

  async function turns(count = 20): Promise<void> {
    for (let turn = 0; turn < count; turn++) await tick();
  }

  test('follows every master at once', async () => {
    const fed = follow(master('a', [observation('a')]), master('b', [observation('b')]));
    await turns();
    expect(fed.observed.toSorted()).toEqual(['a', 'b']);
    await fed.end();
  });

  test('tries again, and tells trouble at its beginning and end alone', async () => {
    const flaky = master('a', unreachable, unreachable, [observation('a')]);
    const fed = follow(flaky);
    await turns();
    expect(fed.troubles).toEqual(['a no connection']);
    fed.clock.advance(300);
    await turns();
    expect(fed.troubles).toHaveLength(1);
    fed.clock.advance(300);
    await turns();
    // The call that answered has ended as well.
    expect(fed.troubles).toEqual(['a no connection', 'a answers', 'a it ended the call']);
    expect(flaky.cursors).toHaveLength(3);
    await fed.end();
  });

  test.each([Code.Unauthenticated, Code.PermissionDenied, Code.InvalidArgument])(
    'ends with a refusal that no other attempt mends: %s',
    async (code) => {
      const fed = follow(master('a'), master('b', new GrpcError(code, 'no')));
      await expect(fed.over).rejects.toThrow('no');
    },
  );

  const older = new GrpcError(Code.Unimplemented, 'unknown method');

  test('goes on without a master of an older version', async () => {
    const fed = follow(master('a', older), master('b', [observation('b')]));
    await turns();
    expect(fed.troubles[0]).toBe('a an older version, which cannot be watched');
    expect(fed.observed).toEqual(['b']);
    await fed.end();
  });

  test('ends where all are of an older version', async () => {
    const fed = follow(master('a', older), master('b', older));
    await expect(fed.over).rejects.toThrow('the masters are of an older version');
  });
});

describe('a watch for pipes', () => {
  async function watched(
    output: 'plain' | 'json',
    ...channels: readonly Channel[]
  ): Promise<{
    readonly out: string[];
    readonly err: string;
    readonly failed: unknown;
  }> {
    const clock = new ManualClock(beginsMs);
    let [out, err] = ['', ''];
    const context = {
      clock,
      out: (text: string) => void (out += text),
      err: (text: string) => void (err += text),
    } as unknown as CommandContext;
    const over = new AbortController();
    const running = runWatch(context, channels, output)
      .catch((error: unknown) => error)
      .finally(() => over.abort());
    while (!over.signal.aborted) {
      await tick();
      clock.advance(50);
    }
    const failed = await running;
    return { out: out.split('\n').filter((line) => line !== ''), err, failed };
  }

  const refused = new GrpcError(Code.PermissionDenied, 'you may not watch');

  test('tells troubles on standard error, and ends when it is refused', async () => {
    const { out, err, failed } = await watched('plain', master('a', unreachable, refused));
    expect(err).toBe('a does not answer: no connection\n');
    expect(out).toEqual([]);
    expect(String(failed)).toContain('you may not watch');
  });
});
