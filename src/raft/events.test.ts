import { describe, expect, test } from '@jest/globals';
import type { RaftEvent } from './events.js';
import { TestCluster } from './testkit/cluster.js';

const three = [1n, 2n, 3n];

/** Three members, of which the first leads; what they tell from now on is in `events`. */
function withLeader(): TestCluster {
  const cluster = new TestCluster({ voters: three });
  cluster.elect(1n);
  cluster.events = [];
  return cluster;
}

/** The kinds of events that one member told, in order. */
function kindsOf(cluster: TestCluster, id: bigint): string[] {
  return cluster.events.filter((told) => told.id === id).map(({ event }) => event.kind);
}

function refusalsOf(cluster: TestCluster, id: bigint): RaftEvent[] {
  return cluster.events
    .filter((told) => told.id === id && told.event.kind === 'voteRefused')
    .map(({ event }) => event);
}

/** The leader is gone: nothing reaches it, nothing leaves it. */
function cutOff(cluster: TestCluster, id: bigint): void {
  cluster.loses = ({ from, to }) => from === id || to === id;
}

describe('events of an election', () => {
  test('the candidate tells each step from the lost connection to the first commit', () => {
    const cluster = withLeader();
    cutOff(cluster, 1n);
    cluster.get(3n).node.leaderConnectionLost(1n);
    cluster.get(2n).node.leaderConnectionLost(1n);
    for (let ticks = 0; ticks < 3 && cluster.get(2n).node.role !== 'leader'; ticks++) {
      cluster.get(2n).node.tick();
      cluster.stabilize();
    }
    const order = [
      'leaderConnectionLost',
      'preCandidate',
      'voteCounted',
      'candidate',
      'leader',
      'firstCommit',
    ];
    const told = kindsOf(cluster, 2n);
    const places = order.map((kind) => told.indexOf(kind));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(places[0]).toBeGreaterThanOrEqual(0);
    const leader = cluster.events.find(({ event }) => event.kind === 'leader')?.event;
    const first = cluster.events.find(({ event }) => event.kind === 'firstCommit')?.event;
    expect(first).toEqual({
      kind: 'firstCommit',
      index: leader?.kind === 'leader' && leader.index,
    });
  });

  test('the first commit of a term is told once', () => {
    const cluster = withLeader();
    cluster.get(1n).node.propose(Buffer.from('a'));
    cluster.stabilize();
    cluster.get(1n).node.propose(Buffer.from('b'));
    cluster.stabilize();
    expect(kindsOf(cluster, 1n)).toEqual([]);
  });

  test('a refused vote names its reason', () => {
    const cluster = withLeader();
    const { node } = cluster.get(2n);
    const asked = { to: 2n, from: 3n, transfer: false, commit: 0, commitTerm: 0 };
    const { term, lastIndex } = node;
    const upToDate = { index: lastIndex, logTerm: term };
    node.step({ type: 'MsgPreVote', ...asked, ...upToDate, term: term + 1 });
    node.step({ type: 'MsgPreVote', ...asked, ...upToDate, term: term - 1 });
    node.forgetLeader();
    node.step({ type: 'MsgVote', ...asked, index: 0, logTerm: 0, term: term + 1 });
    node.step({ type: 'MsgVote', ...asked, ...upToDate, from: 1n, term: term + 1 });
    node.step({ type: 'MsgVote', ...asked, ...upToDate, term: term + 1 });
    const about = { kind: 'voteRefused', to: 3n };
    expect(refusalsOf(cluster, 2n)).toEqual([
      { ...about, term: term + 1, preVote: true, reason: 'leaderAlive' },
      { ...about, term: term - 1, preVote: true, reason: 'termOver' },
      { ...about, term: term + 1, preVote: false, reason: 'logBehind' },
      { ...about, term: term + 1, preVote: false, reason: 'alreadyVoted' },
    ]);
  });

  test('a leader without a quorum tells that it steps down', () => {
    const cluster = withLeader();
    cutOff(cluster, 1n);
    for (let ticks = 0; ticks < 20; ticks++) cluster.get(1n).node.tick();

    expect(kindsOf(cluster, 1n).slice(0, 2)).toEqual(['quorumLost', 'follower']);
  });

  test('a transfer is told by both, and its end where nothing came of it', () => {
    const cluster = withLeader();
    cluster.get(1n).node.transferLeader(2n);
    cluster.stabilize();
    expect(kindsOf(cluster, 1n)[0]).toBe('transferStarted');
    expect(kindsOf(cluster, 2n).slice(0, 2)).toEqual(['timeoutNow', 'candidate']);
    const stuck = withLeader();
    cutOff(stuck, 2n);
    stuck.get(1n).node.transferLeader(2n);
    for (let ticks = 0; ticks < 10; ticks++) {
      stuck.get(1n).node.tick();
      stuck.stabilize();
    }
    expect(kindsOf(stuck, 1n)).toEqual(['transferStarted', 'transferAborted']);
  });
});
