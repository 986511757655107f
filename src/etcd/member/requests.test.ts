import { beforeEach, describe, expect, test } from '@jest/globals';
import { MemberChange } from '../../gen/etcd/internal.js';
import { ManualClock } from '../../lib/clock.js';
import { decodeConfChange, encodeConfChange } from '../../raft/index.js';
import type { RaftNode } from '../../raft/index.js';
import { decodeEntry } from '../apply/entry.js';
import { diskFullError, etcdError } from '../apply/errors.js';
import type { EtcdError } from '../apply/errors.js';
import { Telemetry } from '../telemetry/telemetry.js';
import type { QueuedProposal } from './proposal-queue.js';
import { Requests } from './requests.js';

const origin = 77;

let clock: ManualClock;
/** A follower that passes on to member 2 what it is given. */
class FakeNode {
  readonly role: string = 'follower';
  leader = 2n;
  term = 4;
  readonly commitIndex = 0;
  readonly appliedIndex = 0;
  passed: QueuedProposal[] = [];

  proposeBatch(batch: readonly QueuedProposal[]): void {
    this.passed.push(...batch);
  }
}

let node: FakeNode;
let requests: Requests;
let refusal: EtcdError | undefined;
/** The leader takes what is passed on to it in this term only. */
let isBound: boolean;
let stalls: string[];

beforeEach(() => {
  clock = new ManualClock();
  node = new FakeNode();
  refusal = undefined;
  isBound = false;
  stalls = [];
  requests = new Requests(
    {
      node: node as unknown as RaftNode,
      mayPropose: (kind) => kind !== 'alarm',
      bindsProposals: () => isBound,
      wake: () => undefined,
      timeoutError: () => etcdError('timeout'),
      refusal: () => refusal,
      onStall: (kind, { writes }) => stalls.push(`${kind} ${writes}`),
    },
    { clock, origin, electionMs: 1000, maxRequestBytes: 10_000, telemetry: new Telemetry() },
  );
});

/** Ends the turn. @returns what is passed on to the leader with it */
function passOn(): readonly QueuedProposal[] {
  requests.flush();
  return node.passed.splice(0);
}

/** Another member, which leads no more, did not take them. @returns what is passed on to the leader instead */
function takeBack(entries: readonly QueuedProposal[]): readonly QueuedProposal[] {
  const reason = 'noLeader';
  requests.takeBack({ type: 'MsgPropDropped', to: 1n, from: 3n, term: 0, entries, reason });
  return passOn();
}

describe('an entry that came back', () => {
  test('is proposed again under another sequence, once, and its call waits for that', async () => {
    const answer = requests.propose('put', Buffer.from('pair'), undefined, undefined);
    const passed = passOn();
    const again = takeBack(passed);
    expect(again).toHaveLength(1);
    // Told a second time, while the second attempt is under way.
    expect(takeBack(passed)).toEqual([]);
    const entry = decodeEntry((again[0] as QueuedProposal).data);
    expect(entry).toMatchObject({ kind: 'put', origin, payload: Buffer.from('pair') });
    expect(entry.sequence).not.toBe((passed[0] as QueuedProposal).sequence);
    requests.take(origin, entry.sequence)?.resolve('applied');
    await expect(answer).resolves.toBe('applied');
  });

  test('is not lost with the term that it was passed on in', async () => {
    const answer = requests.propose('put', Buffer.from('pair'), undefined, undefined);
    const other = requests.propose('put', Buffer.from('lost'), undefined, undefined);
    const passed = passOn();
    node.term = 5;
    const again = takeBack(passed.slice(0, 1));
    requests.onTermStart(5);
    await expect(other).rejects.toThrow('previous leader failure');
    requests.take(origin, (again[0] as QueuedProposal).sequence)?.resolve('applied');
    await expect(answer).resolves.toBe('applied');
  });

  test('stays where it is when its call has ended, or is of another run', async () => {
    const answer = requests.propose('put', Buffer.from('pair'), undefined, undefined);
    const passed = passOn();
    clock.advance(requests.timeoutMs);
    requests.tick();
    await expect(answer).rejects.toThrow('timed out');
    expect(takeBack(passed)).toEqual([]);
  });

  test('keeps its deadline', async () => {
    const first = requests.propose('put', Buffer.from('a'), undefined, undefined);
    clock.advance(1000);
    const second = requests.propose('put', Buffer.from('b'), undefined, undefined);
    second.catch(() => undefined);
    const [again] = takeBack(passOn());
    expect(again?.deadlineMs).toBe(requests.timeoutMs);
    clock.advance(requests.timeoutMs - 1000);
    requests.tick();
    await expect(first).rejects.toThrow('timed out');
    expect(requests.pendingCount).toBe(1);
  });

  test('may be a membership change', () => {
    const change = { version: 1, id: 0n, type: 'removeNode', nodeId: 5n } as const;
    void requests.proposeConfChange((from, sequence) => {
      const context = MemberChange.encode({
        origin: from,
        sequence,
        member: undefined,
        promote: false,
        maxLearners: 0,
      }).finish();
      return encodeConfChange({ ...change, context });
    });
    const passed = passOn();
    const [again] = takeBack(passed);
    if (again === undefined) throw new Error('nothing came back');
    const decoded = decodeConfChange(again);
    expect(decoded).toMatchObject(change);
    expect(MemberChange.decode(decoded.context)).toMatchObject({
      origin,
      sequence: again.sequence,
    });
  });
});

describe('a new leader', () => {
  test('is given what the last one surely never wrote, under another sequence', async () => {
    isBound = true;
    const answer = requests.propose('put', Buffer.from('pair'), undefined);
    const [first] = passOn();
    Object.assign(node, { leader: 3n, term: 5 });
    requests.onTermStart(5);
    const [again, ...others] = passOn();
    expect(others).toEqual([]);
    const entry = decodeEntry((again as QueuedProposal).data);
    expect(entry).toMatchObject({ kind: 'put', origin, payload: Buffer.from('pair') });
    expect(entry.sequence).not.toBe(first?.sequence);
    // The first attempt comes back, late: nothing waits for it.
    expect(takeBack([first as QueuedProposal])).toEqual([]);
    requests.onTermStart(5);
    expect(passOn()).toEqual([]);
    requests.take(origin, entry.sequence)?.resolve('applied');
    await expect(answer).resolves.toBe('applied');
  });

  test('is not given what it has written before its first entry', async () => {
    isBound = true;
    const answer = requests.propose('put', Buffer.from('pair'), undefined);
    const [first] = passOn();
    requests.take(origin, (first as QueuedProposal).sequence)?.resolve('applied');
    Object.assign(node, { leader: 3n, term: 5 });
    requests.onTermStart(5);
    expect(passOn()).toEqual([]);
    await expect(answer).resolves.toBe('applied');
  });

  test('is not given what the last one may yet write, or has written unseen', async () => {
    const unbound = requests.propose('put', Buffer.from('to an older build'), undefined);
    passOn();
    isBound = true;
    const unseen = requests.propose('put', Buffer.from('within a snapshot'), undefined);
    passOn();
    requests.onSnapshot();
    const seen = requests.propose('put', Buffer.from('after it'), undefined);
    passOn();
    requests.onTermStart(5);
    await expect(unbound).rejects.toThrow('previous leader failure');
    await expect(unseen).rejects.toThrow('previous leader failure');
    expect(passOn()).toHaveLength(1);
    requests.stop();
    await expect(seen).rejects.toThrow('stopped');
  });

  test('is not given what only the last one might write', async () => {
    isBound = true;
    const revoke = requests.propose('leaseRevoke', Buffer.from('x'), undefined, undefined, 4);
    Object.assign(node, { role: 'leader' });
    passOn();
    Object.assign(node, { role: 'follower', leader: 3n, term: 5 });
    requests.onTermStart(5);
    expect(passOn()).toEqual([]);
    await expect(revoke).rejects.toMatchObject({ code: 'unhealthy', definite: true });
  });
});

test('proposals that the leader does not take are offered to the next one', () => {
  void requests.propose('put', Buffer.from('pair'), undefined);
  const reason = 'transferring';
  const entries = passOn();
  requests.takeBack({ type: 'MsgPropDropped', to: 1n, from: 2n, term: 0, entries, reason });
  expect(passOn()).toEqual([]);
  Object.assign(node, { leader: 3n, term: 5 });
  expect(passOn()).toHaveLength(1);
});

test('a kind that some member does not know is not proposed', async () => {
  const write = requests.propose('alarm', Buffer.from('raise'), undefined);
  await expect(write).rejects.toMatchObject({ code: 'notCapable' });
  expect(passOn()).toEqual([]);
});

describe('a member that takes no calls', () => {
  test('refuses writes and reads at once, with the reason, and queues nothing', async () => {
    refusal = diskFullError('/data/wal');
    const write = requests.propose('put', Buffer.from('pair'), undefined, undefined);
    await expect(write).rejects.toBe(refusal);
    await expect(requests.linearizable(() => 'read')).rejects.toBe(refusal);
    expect(passOn()).toEqual([]);
    expect(requests.pendingCount).toBe(0);
  });
});

test('a gap that writers felt is told when a write is done again, or given up', async () => {
  const late = requests.propose('put', Buffer.from('a'), undefined, undefined);
  const entry = decodeEntry((passOn()[0] as QueuedProposal).data);
  clock.advance(300);
  requests.take(origin, entry.sequence)?.resolve('applied');
  await expect(late).resolves.toBe('applied');
  expect(stalls).toEqual(['writesWaited 1']);
  const lost = requests.propose('put', Buffer.from('b'), undefined, undefined);
  clock.advance(requests.timeoutMs);
  requests.tick();
  await expect(lost).rejects.toThrow('timed out');
  expect(stalls).toEqual(['writesWaited 1', 'writesFailed 1']);
});
