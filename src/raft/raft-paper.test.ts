/**
 * The rules of "In Search of an Understandable Consensus Algorithm" one by one, and those of the thesis that go beyond
 * it. Each: init, test, check.
 */
import { describe, expect, test } from '@jest/globals';
import { ProposalDroppedError } from './errors.js';
import type { Message, MsgApp } from './messages.js';
import { TestCluster } from './testkit/cluster.js';
import type { TestMember } from './testkit/cluster.js';
import type { Entry, NodeId } from './types.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const three: readonly NodeId[] = [1n, 2n, 3n];

/** A lone member of a group of three: the test plays the others. */
function lone(options: Partial<ConstructorParameters<typeof TestCluster>[0]> = {}): TestMember {
  return new TestCluster({ voters: three, preVote: false, ...options }).get(1n);
}

/** Takes a Ready as the simplest shell does. @returns what is sent */
function send(member: TestMember): Message[] {
  const messages: Message[] = [];
  while (member.node.hasReady()) {
    const ready = member.node.ready();
    member.persist(ready);
    member.apply(ready);
    member.node.advance(ready);
    messages.push(...ready.messages, ...ready.messagesAfterAppend);
  }
  return messages;
}

function vote(from: NodeId, term: number, last: { index: number; term: number }): Message {
  const { index, term: logTerm } = last;
  const hint = { commit: 1, commitTerm: 1 };
  return { type: 'MsgVote', to: 1n, from, term, index, logTerm, transfer: false, ...hint };
}

function grant(from: NodeId, term: number, reject = false): Message {
  return { type: 'MsgVoteResp', to: 1n, from, term, reject, commit: 1, commitTerm: 1 };
}

function append(
  term: number,
  prev: { index: number; term: number },
  terms: readonly number[],
  commit = 1,
): MsgApp {
  const entries = terms.map((entryTerm, i): Entry => {
    return { term: entryTerm, index: prev.index + 1 + i, type: 'normal', data: bytes('x') };
  });
  const { index, term: logTerm } = prev;
  const quiet = false;
  return { type: 'MsgApp', to: 1n, from: 2n, term, index, logTerm, commit, entries, quiet };
}

function ack(from: NodeId, term: number, index: number): Message {
  const rejected = { reject: false, rejectHint: 0, logTerm: 0 };
  return { type: 'MsgAppResp', to: 1n, from, term, index, ...rejected };
}

/** Makes the lone member a leader in the next term. */
function lead(member: TestMember): void {
  member.node.campaign();
  send(member);
  member.node.step(grant(2n, member.node.term));
}

describe('§5.1 terms', () => {
  test('a member that sees a higher term moves to it and becomes a follower', () => {
    const member = lone();
    lead(member);
    member.node.step(append(7, { index: 1, term: 1 }, []));
    expect([member.node.role, member.node.term, member.node.leader]).toEqual(['follower', 7, 2n]);
  });

  test('a message of an earlier term is not acted upon', () => {
    const member = lone({ checkQuorum: false });
    member.node.step(append(7, { index: 1, term: 1 }, []));
    send(member);
    member.node.step(append(6, { index: 1, term: 1 }, [6]));
    expect(send(member)).toEqual([]);
    expect(member.node.lastIndex).toBe(1);
  });
});

describe('§5.2 leader election', () => {
  test('a member starts as a follower', () => {
    expect(lone().node.role).toBe('follower');
  });

  test('a leader sends heartbeats at its interval', () => {
    const member = lone({ heartbeatTicks: 2 });
    lead(member);
    send(member);
    member.node.tick();
    expect(send(member)).toEqual([]);
    member.node.tick();
    const heartbeats = send(member).filter((m) => m.type === 'MsgHeartbeat');
    expect(heartbeats.map((m) => m.to)).toEqual([2n, 3n]);
  });

  test('a follower that hears nothing campaigns in the next term and votes for itself', () => {
    const member = lone();
    for (let i = 0; i < 20; i++) member.node.tick();
    const requests = send(member).filter((m) => m.type === 'MsgVote');
    expect([member.node.role, member.node.term, member.node.status().vote]).toEqual([
      'candidate',
      2,
      1n,
    ]);
    expect(requests.map((m) => m.to)).toEqual([2n, 3n]);
  });

  test.each([
    [[], 'candidate'],
    [[true], 'leader'],
    [[false], 'candidate'],
    [[false, false], 'follower'],
    [[false, true], 'leader'],
  ])('with the votes %j of two others a candidate becomes %s', (votes, role) => {
    const member = lone();
    member.node.campaign();
    send(member);
    votes.forEach((granted, i) => member.node.step(grant(BigInt(i + 2), 2, !granted)));
    expect(member.node.role).toBe(role);
  });

  test('a vote is for one candidate a term, first come first served', () => {
    const member = lone();
    member.node.step(vote(2n, 2, { index: 1, term: 1 }));
    member.node.step(vote(3n, 2, { index: 1, term: 1 }));
    member.node.step(vote(2n, 2, { index: 1, term: 1 }));
    expect(send(member).map((m) => [m.to, m.type === 'MsgVoteResp' && m.reject])).toEqual([
      [2n, false],
      [3n, true],
      [2n, false],
    ]);
  });

  test('a vote leaves only after it is durable, and is remembered', () => {
    const member = lone();
    member.node.step(vote(2n, 2, { index: 1, term: 1 }));
    const ready = member.node.ready();
    expect(ready.messages).toEqual([]);
    expect(ready.hardState).toEqual({ term: 2, vote: 2n, commit: 1 });
    expect([ready.mustSync, ready.messagesAfterAppend.length]).toEqual([true, 1]);
  });

  test("a candidate's own vote counts only when it is durable", () => {
    const member = lone({ voters: [1n] });
    member.node.campaign();
    const ready = member.node.ready();
    expect(member.node.role).toBe('candidate');
    member.persist(ready);
    member.node.onAppendDone(ready);
    expect(member.node.role).toBe('leader');
  });

  test('a candidate that hears the leader of its term follows it', () => {
    const member = lone();
    member.node.campaign();
    member.node.step(append(2, { index: 1, term: 1 }, []));
    expect([member.node.role, member.node.leader]).toEqual(['follower', 2n]);
  });

  test('election timeouts are random within electionTicks..2*electionTicks-1', () => {
    const seen = new Set<number>();
    for (let id = 1n; id <= 60n; id++) {
      const { node } = new TestCluster({ voters: [id, 99n] }).get(id);
      let ticks = 0;
      for (; node.role === 'follower'; ticks++) node.tick();
      seen.add(ticks);
    }
    expect(Math.min(...seen)).toBeGreaterThanOrEqual(10);
    expect(Math.max(...seen)).toBeLessThanOrEqual(19);
    expect(seen.size).toBeGreaterThan(5);
  });
});

describe('§5.3 log replication', () => {
  test('a leader appends a proposal and sends it before its own disk has it (thesis 10.2.1)', () => {
    const member = lone();
    lead(member);
    send(member);
    member.node.step(ack(2n, 2, 2));
    send(member);
    member.node.propose(bytes('a'));
    const ready = member.node.ready();
    expect(ready.entries.map((entry) => entry.index)).toEqual([3]);
    expect(ready.messages.map((m) => [m.to, m.type])).toEqual([[2n, 'MsgApp']]);
  });

  test('an entry is committed when a majority has it durably, the leader counted when its disk is done', () => {
    const member = lone();
    lead(member);
    const ready = member.node.ready();
    member.persist(ready);
    member.node.step(ack(2n, 2, 2));
    expect(member.node.commitIndex).toBe(1);
    member.node.onAppendDone(ready);
    expect(member.node.commitIndex).toBe(2);
  });

  test('two followers commit without the leader, whose own disk is slow', () => {
    const member = lone();
    lead(member);
    member.node.ready();
    member.node.step(ack(2n, 2, 2));
    member.node.step(ack(3n, 2, 2));
    expect(member.node.commitIndex).toBe(2);
    expect(member.node.ready().committedEntries).toEqual([]);
  });

  test('an ack leaves only after the entries are durable', () => {
    const member = lone();
    member.node.step(append(2, { index: 1, term: 1 }, [2]));
    const ready = member.node.ready();
    expect(ready.messages).toEqual([]);
    expect(ready.messagesAfterAppend).toEqual([{ ...ack(1n, 2, 2), to: 2n, from: 1n }]);
  });

  test('a follower applies up to what the leader says is committed', () => {
    const member = lone();
    member.node.step(append(2, { index: 1, term: 1 }, [2, 2], 2));
    send(member);
    expect(member.applied.map((entry) => entry.index)).toEqual([2]);
  });

  test('consistency check: an append that does not fit is refused, with a hint', () => {
    const member = lone();
    member.node.step(append(2, { index: 5, term: 2 }, [2]));
    expect(send(member)).toMatchObject([
      { type: 'MsgAppResp', reject: true, index: 5, rejectHint: 1, logTerm: 1 },
    ]);
  });

  test('conflicting entries are replaced, equal ones are kept', () => {
    const member = lone();
    member.node.step(append(2, { index: 1, term: 1 }, [2, 2, 2]));
    send(member);
    member.node.step({ ...append(3, { index: 2, term: 2 }, [3]), from: 3n });
    send(member);
    expect([member.node.termAt(2), member.node.termAt(3), member.node.lastIndex]).toEqual([
      2, 3, 3,
    ]);
  });

  test('a leader brings any log of figure 7 in line with its own', () => {
    const leaderTerms = [1, 1, 4, 4, 5, 5, 6, 6, 6];
    const logs = [
      [1, 1, 4, 4, 5, 5, 6, 6],
      [1, 1],
      [1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
      [1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
      [1, 1, 4, 4, 4, 4],
      [1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
    ];
    for (const terms of logs) {
      const cluster = new TestCluster({ voters: three });
      const fill = (id: NodeId, list: readonly number[]): void => {
        const { entries } = append(9, { index: 1, term: 1 }, list);
        cluster
          .get(id)
          .node.step({ ...append(8, { index: 1, term: 1 }, []), to: id, from: 9n, entries });
      };
      // Followed by a higher term, so that the leader of the figure wins with member 3's vote.
      fill(1n, leaderTerms);
      fill(2n, terms);
      cluster.stabilize();
      for (const { node } of cluster.members.values()) node.forgetLeader();
      cluster.elect(1n);
      const [leader, follower] = [cluster.get(1n).node, cluster.get(2n).node];
      expect(follower.lastIndex).toBe(leader.lastIndex);
      for (let index = 1; index <= leader.lastIndex; index++) {
        expect(follower.termAt(index)).toBe(leader.termAt(index));
      }
    }
  });
});

describe('§5.4 safety', () => {
  test.each([
    // last entry of the candidate against (3, term 3) here
    [3, 3, false],
    [4, 3, false],
    [2, 4, false],
    [2, 3, true],
    [9, 2, true],
  ])('§5.4.1 a candidate with last entry (%d, term %d): refused %p', (index, term, refused) => {
    const member = lone({ checkQuorum: false });
    member.node.step(append(3, { index: 1, term: 1 }, [2, 3]));
    send(member);
    member.node.step(vote(3n, 9, { index, term }));
    expect(send(member)).toMatchObject([{ type: 'MsgVoteResp', reject: refused }]);
  });

  test('§5.4.2 only entries of its own term are committed by counting', () => {
    const member = lone({ checkQuorum: false });
    member.node.step(append(2, { index: 1, term: 1 }, [2]));
    send(member);
    lead(member);
    send(member);
    member.node.step(ack(2n, 3, 2));
    expect(member.node.commitIndex).toBe(1);
    member.node.step(ack(2n, 3, 3));
    expect(member.node.commitIndex).toBe(3);
  });
});

describe('§6 membership, thesis 4', () => {
  test('a joint configuration needs both majorities', () => {
    const cluster = new TestCluster({ voters: three });
    const leader = cluster.elect(1n).node;
    cluster.add(4n);
    cluster.add(5n);
    const changes = [
      { type: 'addNode', nodeId: 4n },
      { type: 'addNode', nodeId: 5n },
      { type: 'removeNode', nodeId: 2n },
      { type: 'removeNode', nodeId: 3n },
    ] as const;
    leader.proposeConfChange({
      version: 2,
      transition: 'jointExplicit',
      changes,
      context: bytes(''),
    });
    cluster.stabilize();
    expect(leader.status().confState.votersOutgoing).toEqual(three);
    cluster.loses = ({ from, to }) => [4n, 5n].includes(from) || [4n, 5n].includes(to);
    const before = leader.commitIndex;
    leader.propose(bytes('a'));
    cluster.stabilize();
    expect(leader.commitIndex).toBe(before);
  });

  test('learners get the log and do not vote', () => {
    const cluster = new TestCluster({ voters: [1n], learners: [2n] });
    const leader = cluster.elect(1n).node;
    leader.propose(bytes('a'));
    cluster.stabilize();
    const learner = cluster.get(2n).node;
    expect(learner.commitIndex).toBe(leader.commitIndex);
    for (let i = 0; i < 100; i++) learner.tick();
    expect(learner.role).toBe('follower');
  });

  test('one change at a time', () => {
    const cluster = new TestCluster({ voters: [1n] });
    const leader = cluster.elect(1n).node;
    const change = {
      version: 1,
      id: 1n,
      type: 'addLearnerNode',
      nodeId: 2n,
      context: bytes(''),
    } as const;
    leader.proposeConfChange(change);
    expect(() => leader.proposeConfChange(change)).toThrow(ProposalDroppedError);
  });

  test('a member that hears its leader ignores candidates (thesis 4.2.3), unless the leader sent them', () => {
    const member = lone();
    member.node.step(append(2, { index: 1, term: 1 }, []));
    send(member);
    const request = vote(3n, 3, { index: 9, term: 2 });
    member.node.step(request);
    expect([send(member), member.node.term]).toEqual([[], 2]);
    member.node.step({ ...request, transfer: true } as Message);
    expect(send(member)).toMatchObject([{ type: 'MsgVoteResp', reject: false }]);
  });
});

describe('§7 snapshots', () => {
  test('a follower whose entries are gone is sent a snapshot, then the rest', () => {
    const cluster = new TestCluster({ voters: three });
    const { node, storage } = cluster.elect(1n);
    cluster.loses = ({ to }) => to === 3n;
    for (let i = 0; i < 5; i++) node.propose(bytes('x'));
    cluster.stabilize();
    storage.createSnapshot(node.appliedIndex, cluster.get(1n).confState, bytes('image'));
    storage.truncateTo(node.appliedIndex);
    cluster.loses = () => false;
    for (let i = 0; i < 3; i++) {
      node.tick();
      cluster.stabilize();
    }
    expect(cluster.get(3n).storage.snapshot()?.metadata.index).toBe(7);
    expect(cluster.get(3n).node.commitIndex).toBe(node.commitIndex);
  });
});

describe('§8, thesis 6: clients', () => {
  test('a read waits for a quorum, and for a commit of the term', () => {
    const member = lone();
    lead(member);
    send(member);
    expect(member.node.readIndex(bytes('r'))).toBe(true);
    member.node.step(ack(2n, 2, 2));
    const heartbeat = member.node.ready().messages.find((m) => m.type === 'MsgHeartbeat');
    expect(heartbeat).toBeDefined();
    const round = heartbeat?.type === 'MsgHeartbeat' ? heartbeat.round : 0;
    member.node.step({ type: 'MsgHeartbeatResp', to: 1n, from: 3n, term: 2, round });
    expect(member.node.ready().readStates).toEqual([{ index: 2, context: bytes('r') }]);
  });

  test('a leader without a quorum steps down (thesis 6.2)', () => {
    const member = lone();
    lead(member);
    for (let i = 0; i < 11; i++) member.node.tick();
    expect([member.node.role, member.node.leader]).toEqual(['follower', 0n]);
  });

  test('leadership transfer (thesis 3.10)', () => {
    const cluster = new TestCluster({ voters: three });
    cluster.elect(1n).node.transferLeader(3n);
    expect(() => cluster.get(1n).node.propose(bytes('x'))).toThrow('transferring');
    cluster.stabilize();
    expect([cluster.get(3n).node.role, cluster.get(1n).node.leader]).toEqual(['leader', 3n]);
  });

  test('PreVote: a member that comes back does not disturb (thesis 9.6)', () => {
    const cluster = new TestCluster({ voters: three });
    const leader = cluster.elect(1n).node;
    cluster.loses = ({ from, to }) => from === 3n || to === 3n;
    for (let i = 0; i < 100; i++) cluster.get(3n).node.tick();
    cluster.stabilize();
    cluster.loses = () => false;
    leader.tick();
    cluster.stabilize();
    expect([leader.role, leader.term, cluster.get(3n).node.term]).toEqual(['leader', 2, 2]);
  });

  test('more uncommitted data than allowed is refused', () => {
    const member = lone({ maxUncommittedBytes: 10 });
    lead(member);
    member.node.propose(bytes('0123456789'));
    expect(() => member.node.propose(bytes('x'))).toThrow('uncommittedLimit');
  });
});
