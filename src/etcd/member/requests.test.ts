import { beforeEach, describe, expect, test } from '@jest/globals';
import { MemberChange } from '../../gen/etcd/internal.js';
import { ManualClock } from '../../lib/clock.js';
import { decodeConfChange, encodeConfChange } from '../../raft/index.js';
import type { RaftNode } from '../../raft/index.js';
import { decodeEntry } from '../apply/entry.js';
import { diskFullError, etcdError } from '../apply/errors.js';
import type { EtcdError } from '../apply/errors.js';
import type { QueuedProposal } from './proposal-queue.js';
import { Requests } from './requests.js';

const origin = 77;

let clock: ManualClock;
let node: { term: number; commitIndex: number; appliedIndex: number };
let queued: QueuedProposal[];
let requests: Requests;
let refusal: EtcdError | undefined;

beforeEach(() => {
  clock = new ManualClock();
  node = { term: 4, commitIndex: 0, appliedIndex: 0 };
  queued = [];
  refusal = undefined;
  requests = new Requests(
    {
      node: node as unknown as RaftNode,
      enqueue: (proposal) => queued.push(proposal) > 0,
      wake: () => undefined,
      timeoutError: () => etcdError('timeout'),
      refusal: () => refusal,
    },
    { clock, origin, electionMs: 1000, maxRequestBytes: 10_000 },
  );
});

/** What is queued has been passed on to a leader. */
function passOn(): readonly QueuedProposal[] {
  const passed = queued.splice(0);
  requests.onProposed(passed);
  return passed;
}

describe('an entry that came back', () => {
  test('is proposed again under another sequence, once, and its call waits for that', async () => {
    const answer = requests.propose('put', Buffer.from('pair'), undefined, undefined);
    const passed = passOn();
    const again = requests.takeBack(passed);
    expect(again).toHaveLength(1);
    // Told a second time, while the second attempt is under way.
    requests.onProposed(again);
    expect(requests.takeBack(passed)).toEqual([]);
    const entry = decodeEntry((again[0] as QueuedProposal).data);
    expect(entry).toMatchObject({ kind: 'put', origin, payload: Buffer.from('pair') });
    expect(entry.sequence).not.toBe((passed[0] as QueuedProposal).sequence);
    requests.take(origin, entry.sequence)?.resolve('applied');
    await expect(answer).resolves.toBe('applied');
  });

  test('is not lost with the term that it was passed on in', async () => {
    const answer = requests.propose('put', Buffer.from('pair'), undefined, undefined);
    const other = requests.propose('put', Buffer.from('lost'), undefined, undefined);
    const again = requests.takeBack(passOn().slice(0, 1));
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
    expect(requests.takeBack(passed)).toEqual([]);
  });

  test('keeps its deadline', async () => {
    const first = requests.propose('put', Buffer.from('a'), undefined, undefined);
    clock.advance(1000);
    const second = requests.propose('put', Buffer.from('b'), undefined, undefined);
    second.catch(() => undefined);
    const [again] = requests.takeBack(passOn());
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
    const [again] = requests.takeBack(passed);
    if (again === undefined) throw new Error('nothing came back');
    const decoded = decodeConfChange(again);
    expect(decoded).toMatchObject(change);
    expect(MemberChange.decode(decoded.context)).toMatchObject({
      origin,
      sequence: again.sequence,
    });
  });
});

describe('a member that takes no calls', () => {
  test('refuses writes and reads at once, with the reason, and queues nothing', async () => {
    refusal = diskFullError('/data/wal');
    const write = requests.propose('put', Buffer.from('pair'), undefined, undefined);
    await expect(write).rejects.toBe(refusal);
    await expect(requests.linearizable(() => 'read')).rejects.toBe(refusal);
    expect(queued).toEqual([]);
    expect(requests.pendingCount).toBe(0);
  });
});
