import { beforeEach, expect, test } from '@jest/globals';
import type { Message, MsgProp, RaftNode } from '../../raft/index.js';
import { PeerWays } from './peer-ways.js';

const entries = [{ type: 'normal', data: Buffer.from('put') }] as const;
const proposal: MsgProp = { type: 'MsgProp', to: 2n, from: 1n, term: 0, entries };

let unreachable: bigint[];
let stepped: Message[];
let stopped: boolean;
let ways: PeerWays;

beforeEach(() => {
  unreachable = [];
  stepped = [];
  stopped = false;
  const node = { id: 1n, reportUnreachable: (id: bigint) => unreachable.push(id) };
  ways = new PeerWays({
    node: node as unknown as RaftNode,
    get stopped() {
      return stopped;
    },
    way: undefined,
    wake: () => undefined,
    step: (message) => stepped.push(message),
    onReachable: () => undefined,
  });
});

test('a proposal that has not left comes back, as one that the leader did not take', () => {
  ways.dropped(proposal);
  expect(unreachable).toEqual([2n]);
  expect(stepped).toEqual([
    { type: 'MsgPropDropped', to: 1n, from: 2n, term: 0, entries, reason: 'noLeader' },
  ]);
});

test('other messages, and proposals of others, are only counted as unreachable', () => {
  ways.dropped({ type: 'MsgTimeoutNow', to: 2n, from: 1n, term: 3 });
  ways.dropped({ ...proposal, from: 3n });
  expect(unreachable).toEqual([2n, 2n]);
  expect(stepped).toEqual([]);
});

test('a member that has stopped takes nothing back', () => {
  stopped = true;
  ways.dropped(proposal);
  expect([unreachable, stepped]).toEqual([[], []]);
});
