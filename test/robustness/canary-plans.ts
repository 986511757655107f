/**
 * For each known mistake the shortest plan that makes it show: who is cut off from whom, who is elected, who dies, in
 * which order. The plans say nothing of the mistake; a right member gets through each of them.
 */
import { systemClock } from '../../src/lib/clock.js';
import { waitFor } from '../cluster/etcd-processes.js';
import type { Arena } from './canary-arena.js';
import { takeRightAway } from './canary-auth-plan.js';
import type { Mistake } from './mistakes.js';

const clock = systemClock();

export interface Plan {
  readonly mistake: Mistake;
  /** The members that make the mistake. */
  readonly faulty: readonly number[];
  readonly flags?: readonly string[];
  /** A problem that the checkers must report, at least. */
  readonly foundBy: RegExp;
  readonly run: (arena: Arena) => Promise<void>;
}

const everyone = [0, 1, 2];

/** Acknowledged writes must survive when all members lose their power at once. */
async function powerCut(arena: Arena): Promise<void> {
  for (const at of everyone) await arena.order(at, { do: 'powerCut' });
  for (const value of ['1', '2', '3']) await arena.put(0, value, 'a');
  await Promise.all(everyone.map((at) => arena.members.end(at)));
  for (const at of everyone) arena.members.startMember(at);
  await waitFor('it can be read again', () => arena.get(0, 'a'));
}

/**
 * m2 hands over to m1, which is elected by it and gets nothing through to it but its request for the vote; m0 is away.
 * m2 dies and comes back; now it hears m0 only, which asks for its vote in the same term.
 */
async function twoAskInOneTerm(arena: Arena): Promise<void> {
  await arena.moveLeader(2);
  await arena.put(2, 'before', 'a');
  await arena.level();
  await arena.cut([0], [1, 2]);
  await arena.order(1, { do: 'hold', types: ['MsgApp', 'MsgHeartbeat'] });
  await arena.order(2, { do: 'handOver', to: arena.ids[1] ?? '' });
  const { lastIndex } = await arena.until('leads', 1, ({ role }) => role === 'leader');
  const lost = arena.tryPut(1, 'of m1', 'a');
  await arena.until('has the write in its log', 1, (each) => each.lastIndex > lastIndex);
  await arena.members.end(2);
  const blocked = [arena.ids[1] ?? ''];
  arena.members.startMember(2, 'new', [
    { do: 'block', members: blocked },
    { do: 'hold', types: ['MsgPreVote', 'MsgVote'] },
    { do: 'arm' },
  ]);
  await waitFor('m2 is back', async () => (await arena.members.status(2)) !== undefined);
  await arena.order(0, { do: 'block', members: blocked });
  await arena.elect(0, [2]);
  await arena.put(0, 'of m0', 'a');
  await arena.heal();
  await lost;
}

/** Figure 8 of the Raft paper with three members. */
async function figure8(arena: Arena): Promise<void> {
  await arena.put(0, 'before', 'a');
  const level = await arena.level();
  const { term } = await arena.order(0, { do: 'report' });
  // m0 takes a write that stays its own.
  await arena.order(0, { do: 'hold', types: ['MsgApp'] });
  const lost = arena.tryPut(0, 'of m0', 'a');
  await arena.until('has the write in its log', 0, (each) => each.lastIndex > level);
  // m2 is elected in the next term; its first entry stays its own.
  await arena.cut([0], [1, 2]);
  await arena.order(2, { do: 'hold', types: ['MsgApp'] });
  await arena.elect(2, [1]);
  // m0 is elected again, and gets the old entry to m1, not the first one of its new term.
  await arena.cut([2], [0, 1]);
  await arena.order(0, { do: 'hold', types: [] });
  await arena.order(0, { do: 'upTo', term, commit: level });
  await arena.until('leads no more', 0, (each) => each.role !== 'leader');
  await arena.elect(0, [1]);
  const m1 = arena.ids[1] ?? '';
  await arena.until('knows that m1 has it', 0, (each) => (each.match[m1] ?? 0) > level);
  await arena.get(0, 'a', { serializable: true });
  // m2 is elected and overwrites it: its own entry is of a later term.
  await arena.cut([0], [1, 2]);
  await arena.until('leads no more', 2, (each) => each.role !== 'leader');
  await arena.order(2, { do: 'hold', types: [] });
  await arena.elect(2, [1]);
  await arena.put(2, 'of m2', 'a');
  await arena.heal();
  await lost;
}

async function dieAfterCommit(arena: Arena): Promise<void> {
  await arena.put(0, '1', 'a');
  await arena.level();
  await arena.order(2, { do: 'commit' });
  await arena.members.end(2);
  arena.members.startMember(2);
  await arena.put(0, '2', 'a');
}

async function dieInTxn(arena: Arena): Promise<void> {
  await arena.put(0, '1', 'pair0', 'pair1');
  await arena.level();
  await arena.order(2, { do: 'dieInTxn' });
  await arena.put(0, '2', 'pair0', 'pair1');
  await arena.members.died(2);
  arena.members.startMember(2);
  await arena.put(0, '3', 'pair0');
}

async function writeAroundTransfer(arena: Arena): Promise<void> {
  await arena.put(0, '1', 'a');
  await arena.moveLeader(1);
  await arena.put(0, '2', 'a');
  await arena.put(0, '3', 'a');
}

async function resumeWatches(arena: Arena): Promise<void> {
  await arena.put(0, '1', 'a');
  await waitFor('watchers have heard', () => arena.watchers.reached(2));
  await arena.members.end(2);
  for (const value of ['2', '3', '4']) await arena.put(0, value, 'a');
  arena.members.startMember(2, 'new', [{ do: 'arm' }]);
}

/** A follower that is cut off is asked for what was written without it. */
async function readFromCutOff(arena: Arena): Promise<void> {
  await arena.put(0, '1', 'a');
  await arena.level();
  await arena.cut([2], [0, 1]);
  await arena.put(0, '2', 'a');
  await arena.get(2, 'a');
  await arena.heal();
}

/** A leader that is cut off, and does not know it yet, is asked for what another one has taken. */
async function readFromOldLeader(arena: Arena): Promise<void> {
  await arena.put(0, '1', 'a');
  await arena.level();
  await arena.cut([0], [1, 2]);
  await arena.elect(1, [2]);
  await arena.put(1, '2', 'a');
  await arena.get(0, 'a');
  await arena.heal();
}

/** Two leases live through a change of leader; the short one must end, the long one must not. */
async function leasesAcrossLeaders(arena: Arena): Promise<void> {
  const longUntil = await arena.putLeased(0, 'long', 60);
  await arena.putLeased(0, 'short', 2);
  await arena.moveLeader(1);
  await waitFor('the short lease ends', async () => !(await arena.has(1, 'short')), 8_000);
  const gone = !(await arena.has(1, 'long'));
  if (gone && clock.monotonicMs() < longUntil) arena.problems.push('a lease ended too early');
}

/**
 * The leader's clock is set ahead, then back, by ten minutes each: a lease neither ends before its time nor lives on.
 */
async function leasesAcrossClockJumps(arena: Arena): Promise<void> {
  const { members, problems } = arena;
  const ends = (name: string): Promise<void> =>
    waitFor(`the ${name} lease ends`, async () => !(await arena.has(0, name)), 8_000);
  const longUntil = await arena.putLeased(0, 'long', 60);
  await arena.putLeased(0, 'first', 2);
  await arena.level();
  members.setWallClock(0, 600_000);
  await ends('first');
  const gone = !(await arena.has(1, 'long'));
  if (gone && clock.monotonicMs() < longUntil) problems.push('a lease ended too early');
  await arena.putLeased(0, 'second', 2);
  members.setWallClock(0, -600_000);
  await ends('second');
}

export const plans: readonly Plan[] = [
  {
    mistake: 'ackBeforeSync',
    faulty: everyone,
    foundBy: /linearizability of r\/a is invalid/,
    run: powerCut,
  },
  {
    mistake: 'voteNotSaved',
    faulty: everyone,
    // So long that no candidate tries another term because a disk was slow.
    flags: ['--election-timeout=4000'],
    foundBy: /hashes differ/,
    run: twoAskInOneTerm,
  },
  { mistake: 'oldTermCommitted', faulty: [0], foundBy: /agreement/, run: figure8 },
  // Under VERIFY=1 the member may find these two itself: its index and its backend do not say the same.
  {
    mistake: 'indexApart',
    faulty: [2],
    foundBy: /hashes differ|m2 ended by itself/,
    run: dieAfterCommit,
  },
  {
    mistake: 'halfTxn',
    faulty: [2],
    foundBy: /hashes differ|m2 ended by itself/,
    run: dieInTxn,
  },
  {
    mistake: 'watchLosesAtLeaderChange',
    faulty: [2],
    foundBy: /: reliable: /,
    run: writeAroundTransfer,
  },
  { mistake: 'watchLosesAtResume', faulty: [2], foundBy: /: resumable: /, run: resumeWatches },
  {
    mistake: 'staleRead',
    faulty: [2],
    foundBy: /linearizability of r\/a is invalid/,
    run: readFromCutOff,
  },
  {
    mistake: 'readWithoutQuorum',
    faulty: everyone,
    foundBy: /linearizability of r\/a is invalid/,
    run: readFromOldLeader,
  },
  {
    mistake: 'leasesDropped',
    faulty: everyone,
    foundBy: /a lease ended too early/,
    run: leasesAcrossLeaders,
  },
  {
    mistake: 'leasesForever',
    faulty: everyone,
    foundBy: /timed out waiting until the short lease ends/,
    run: leasesAcrossLeaders,
  },
  {
    mistake: 'leasesByWallClock',
    faulty: everyone,
    // Both ways.
    foundBy: /until the second lease ends[^]*a lease ended too early/,
    run: leasesAcrossClockJumps,
  },
  {
    mistake: 'rightsRemembered',
    faulty: [2],
    flags: ['--bcrypt-cost=4'],
    foundBy: /was let through without the right/,
    run: takeRightAway,
  },
];
