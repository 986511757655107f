import { beforeEach, describe, expect, test } from '@jest/globals';
import { ProposalDroppedError } from '../../raft/index.js';
import type { DropReason, EntryType, Proposal, Role } from '../../raft/index.js';
import { ProposalQueue } from './proposal-queue.js';
import type { QueuedProposal } from './proposal-queue.js';

/** The node: takes all, but for what `refuses` names a reason. */
class FakeNode {
  leader = 1n;
  role: Role = 'leader';
  term = 7;
  asked = 0;
  refuses: (batch: readonly Proposal[]) => DropReason | undefined = () => undefined;

  proposeBatch(batch: readonly Proposal[]): void {
    this.asked++;
    const reason = this.refuses(batch);
    if (reason !== undefined) throw new ProposalDroppedError(reason);
  }
}

let node: FakeNode;
let proposed: number[][];
let refused: string[];
let queue: ProposalQueue;

beforeEach(() => {
  node = new FakeNode();
  proposed = [];
  refused = [];
  queue = newQueue(1000);
});

function newQueue(maxCount: number): ProposalQueue {
  const numbers = (proposals: readonly QueuedProposal[]): number[] =>
    proposals.map(({ sequence }) => sequence);
  return new ProposalQueue(
    node,
    {
      onProposed: (proposals) => proposed.push(numbers(proposals)),
      onProposalsRefused: (proposals, reason) =>
        refused.push(`${numbers(proposals).join()}: ${reason}`),
    },
    { maxCount, maxBytes: 1000, batchBytes: 300 },
  );
}

function proposal(sequence: number, more: Partial<QueuedProposal> = {}): QueuedProposal {
  const type: EntryType = 'normal';
  return { type, data: Buffer.alloc(4), sequence, deadlineMs: 100, ...more };
}

function fill(from: number, to: number): void {
  for (let sequence = from; sequence <= to; sequence++) queue.add(proposal(sequence));
}

describe('proposals without a leader', () => {
  test('wait, and go together once there is one', () => {
    node.leader = 0n;
    fill(1, 3);
    queue.flush();
    expect(node.asked).toBe(0);
    node.leader = 2n;
    queue.flush();
    expect(proposed).toEqual([[1, 2, 3]]);
    expect(queue.count).toBe(0);
  });

  test('are never made once their calls have ended', () => {
    node.leader = 0n;
    queue.add(proposal(1, { deadlineMs: 50 }));
    queue.add(proposal(2, { deadlineMs: 150 }));
    queue.tick(49);
    expect(queue.count).toBe(2);
    queue.tick(50);
    expect(queue.count).toBe(1);
    node.leader = 1n;
    queue.flush();
    expect(proposed).toEqual([[2]]);
  });

  test('are bounded by number and by bytes; a single one gets through however large', () => {
    queue = newQueue(2);
    expect([1, 2, 3].map((sequence) => queue.add(proposal(sequence)))).toEqual([true, true, false]);
    queue = newQueue(1000);
    const large = (sequence: number): boolean =>
      queue.add(proposal(sequence, { data: Buffer.alloc(600) }));
    expect([large(1), large(2)]).toEqual([true, false]);
    queue.flush();
    expect(large(3)).toBe(true);
    queue = newQueue(1000);
    expect(queue.add(proposal(1, { data: Buffer.alloc(5000) }))).toBe(true);
  });
});

describe('proposals that the leader does not take now', () => {
  test('keep their order, and are offered once a tick while it hands over', () => {
    node.refuses = () => 'transferring';
    fill(1, 5);
    queue.flush();
    queue.flush();
    expect(node.asked).toBe(1);
    queue.tick(10);
    queue.flush();
    expect(node.asked).toBe(2);
    node.refuses = () => undefined;
    Object.assign(node, { leader: 2n, role: 'follower', term: 8 });
    queue.flush();
    expect(proposed).toEqual([[1, 2, 3, 4, 5]]);
  });

  test('are taken back from a leader that another has succeeded, in front of those that came later', () => {
    Object.assign(node, { leader: 2n, role: 'follower' });
    fill(3, 4);
    queue.takeBack([proposal(1), proposal(2)], { from: 2n, reason: 'transferring' });
    queue.flush();
    expect(node.asked).toBe(0);
    node.leader = 3n;
    node.term = 8;
    queue.flush();
    expect(proposed).toEqual([[1, 2, 3, 4]]);
    queue.takeBack([proposal(5)], { from: 2n, reason: 'transferring' });
    queue.flush();
    expect(proposed.at(-1)).toEqual([5]);
    queue.takeBack([proposal(6)], { from: 3n, reason: 'removed' });
    expect(refused).toEqual(['6: removed']);
  });

  test('wait in order for room in its log, and are offered in pieces', () => {
    let room = 1;
    node.refuses = () => (room-- > 0 ? undefined : 'uncommittedLimit');
    fill(1, 30);
    queue.flush();
    expect(proposed).toEqual([Array.from({ length: 15 }, (_, at) => at + 1)]);
    expect(queue.count).toBe(15);
    room = 9;
    queue.flush();
    expect(proposed.flat()).toEqual(Array.from({ length: 30 }, (_, at) => at + 1));
  });
});

test('a membership change that is refused holds up nothing else', () => {
  node.refuses = (batch) =>
    batch.some(({ type }) => type !== 'normal') ? 'confChangePending' : undefined;
  fill(1, 2);
  queue.add(proposal(3, { type: 'confChange' }));
  fill(4, 20);
  queue.flush();
  expect(proposed.flat()).toEqual([1, 2, ...Array.from({ length: 17 }, (_, at) => at + 4)]);
  expect(queue.count).toBe(1);
  node.refuses = () => 'confChangeIllegal';
  queue.flush();
  expect(refused).toEqual(['3: confChangeIllegal']);
});

test('what only the leader of a term may propose is refused in another', () => {
  queue.add(proposal(1, { onlyInTerm: 7 }));
  queue.flush();
  queue.add(proposal(2, { onlyInTerm: 6 }));
  fill(3, 3);
  queue.flush();
  expect(proposed).toEqual([[1], [3]]);
  expect(refused).toEqual(['2: not the leader any more']);
});
