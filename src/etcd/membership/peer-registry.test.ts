import { beforeEach, expect, test } from '@jest/globals';
import type { Message, MsgProp, RaftNode } from '../../raft/index.js';
import type { PeerAddress, PeerCaller, PeerNetwork } from '../peer/types.js';
import { PeerWays } from './peer-registry.js';

const entries = [{ type: 'normal', data: Buffer.from('put') }] as const;
const proposal: MsgProp = { type: 'MsgProp', to: 2n, from: 1n, term: 0, entries };

/** What the network was told: peers that it must reach, and ids that it should try again now. */
let told: { peers: readonly PeerAddress[]; seen: bigint[] };
/** What the node was told. */
let unreachable: bigint[];
let lost: bigint[];
let stepped: Message[];
let stopped: boolean;
let ways: PeerWays;

beforeEach(() => {
  told = { peers: [], seen: [] };
  [unreachable, lost, stepped, stopped] = [[], [], [], false];
  const node = {
    id: 1n,
    reportUnreachable: (id: bigint) => unreachable.push(id),
    leaderConnectionLost: (id: bigint) => lost.push(id),
  };
  const way = {
    setPeers: (peers: readonly PeerAddress[]) => (told.peers = peers),
    peerSeen: (id: bigint) => told.seen.push(id),
    isConnected: () => false,
  };
  ways = new PeerWays({
    node: node as unknown as RaftNode,
    way: way as unknown as PeerNetwork,
    get stopped() {
      return stopped;
    },
    wake: () => undefined,
    step: (message) => stepped.push(message),
    onReachable: () => undefined,
  });
});

const member = (id: bigint, url = `http://m${id}`): PeerAddress => ({ id, urls: [url] });
const caller = (urls: string[], logVersion = 2): PeerCaller => ({ urls, logVersion });
const peers = (): string[] => told.peers.map(({ id, urls }) => `${id} ${urls.join()}`);

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

test('one who comes and is not known is answered while its stream is open', () => {
  ways.setMembers([member(2n)]);
  ways.streamOpened(4n, caller(['http://m4']));
  expect(peers()).toEqual(['2 http://m2', '4 http://m4']);
  expect(told.seen).toEqual([4n]);
  // A second stream, before the end of the first is seen.
  ways.streamOpened(4n, caller(['http://m4']));
  ways.streamEnded(4n);
  expect(peers()).toEqual(['2 http://m2', '4 http://m4']);
  ways.streamEnded(4n);
  expect(peers()).toEqual(['2 http://m2']);
  expect(lost).toEqual([4n, 4n]);
});

test('what the log says of a member counts, as soon as it says anything', () => {
  ways.setMembers([member(2n)]);
  ways.streamOpened(4n, caller(['http://m4']));
  ways.setMembers([member(2n), member(4n, 'http://other')]);
  expect(peers()).toEqual(['2 http://m2', '4 http://other']);
  // It moves, or is removed: the address that it came with is forgotten.
  ways.setMembers([member(2n)]);
  expect(peers()).toEqual(['2 http://m2']);
  ways.streamOpened(2n, caller(['http://elsewhere']));
  expect(peers()).toEqual(['2 http://m2']);
});

test('one who does not say where it can be reached is no peer', () => {
  ways.streamOpened(4n, caller([]));
  expect(peers()).toEqual([]);
  expect(told.seen).toEqual([4n]);
});

test('the log version of a peer is known while it has a stream', () => {
  ways.setMembers([member(2n)]);
  expect(ways.logVersionOf(2n)).toBeUndefined();
  ways.streamOpened(2n, caller(['http://m2'], 3));
  expect(ways.logVersionOf(2n)).toBe(3);
  ways.streamEnded(2n);
  expect(ways.logVersionOf(2n)).toBeUndefined();
});

test('a peer of an older build is sent nothing until it comes with a newer one', () => {
  ways.setMembers([member(2n), member(3n)]);
  ways.refuseOutdated(2n);
  expect(peers()).toEqual(['3 http://m3']);
  ways.setMembers([member(2n), member(3n)]);
  expect(peers()).toEqual(['3 http://m3']);
  ways.streamOpened(2n, caller(['http://m2']));
  expect(peers()).toEqual(['2 http://m2', '3 http://m3']);
});
