import { beforeEach, expect, test } from '@jest/globals';
import type { Message, MsgProp, RaftNode } from '../../raft/index.js';
import type { PeerAddress, PeerCaller, PeerNetwork } from '../peer/types.js';
import { PeerRegistry } from './peer-registry.js';

const entries = [{ type: 'normal', data: Buffer.from('put') }] as const;
const proposal: MsgProp = { type: 'MsgProp', to: 2n, from: 1n, term: 0, onlyInTerm: 5, entries };

/** The calls to the network: peers that it must reach, and ids that it should try again now. */
let told: { peers: readonly PeerAddress[]; seen: bigint[] };
/** The calls to the node. */
let unreachable: bigint[];
let lost: bigint[];
let stepped: Message[];
let stopped: boolean;
let registry: PeerRegistry;

beforeEach(() => {
  told = { peers: [], seen: [] };
  [unreachable, lost, stepped, stopped] = [[], [], [], false];
  const node = {
    id: 1n,
    reportUnreachable: (id: bigint) => unreachable.push(id),
    leaderConnectionLost: (id: bigint) => lost.push(id),
  };
  const network = {
    setPeers: (peers: readonly PeerAddress[]) => (told.peers = peers),
    peerSeen: (id: bigint) => told.seen.push(id),
    isConnected: () => false,
  };
  registry = new PeerRegistry({
    node: node as unknown as RaftNode,
    openNetwork: network as unknown as PeerNetwork,
    get stopped() {
      return stopped;
    },
    wake: () => undefined,
    step: (message) => stepped.push(message),
    onReachable: () => undefined,
  });
});

const member = (id: bigint, url = `http://m${id}`): PeerAddress => ({ id, urls: [url] });
const caller = (urls: string[], logVersion = 2): PeerCaller => ({
  urls,
  logVersion,
  bindsProposals: logVersion > 1,
});
const peers = (): string[] => told.peers.map(({ id, urls }) => `${id} ${urls.join()}`);

test('a peer binds proposals to their term as it says, while its stream is open', () => {
  expect(registry.bindsProposals(2n)).toBe(false);
  registry.streamOpened(2n, caller([]));
  expect(registry.bindsProposals(2n)).toBe(true);
  registry.streamOpened(2n, caller([], 1));
  expect(registry.bindsProposals(2n)).toBe(false);
  registry.streamOpened(2n, caller([]));
  for (let open = 3; open > 0; open--) registry.streamEnded(2n);
  expect(registry.bindsProposals(2n)).toBe(false);
});

test('a proposal that has not left comes back, as one that the leader did not take', () => {
  registry.dropped(proposal);
  expect(unreachable).toEqual([2n]);
  expect(stepped).toEqual([
    { type: 'MsgPropDropped', to: 1n, from: 2n, term: 0, entries, reason: 'noLeader' },
  ]);
});

test('other messages, and proposals of others, are only counted as unreachable', () => {
  registry.dropped({ type: 'MsgTimeoutNow', to: 2n, from: 1n, term: 3 });
  registry.dropped({ ...proposal, from: 3n });
  expect(unreachable).toEqual([2n, 2n]);
  expect(stepped).toEqual([]);
});

test('a member that has stopped takes nothing back', () => {
  stopped = true;
  registry.dropped(proposal);
  expect([unreachable, stepped]).toEqual([[], []]);
});

test('one who comes and is not known is answered while its stream is open', () => {
  registry.setMembers([member(2n)]);
  registry.streamOpened(4n, caller(['http://m4']));
  expect(peers()).toEqual(['2 http://m2', '4 http://m4']);
  expect(told.seen).toEqual([4n]);
  // A second stream, before the end of the first is seen.
  registry.streamOpened(4n, caller(['http://m4']));
  registry.streamEnded(4n);
  expect(peers()).toEqual(['2 http://m2', '4 http://m4']);
  registry.streamEnded(4n);
  expect(peers()).toEqual(['2 http://m2']);
  expect(lost).toEqual([4n, 4n]);
});

test('what the log says of a member counts, as soon as it says anything', () => {
  registry.setMembers([member(2n)]);
  registry.streamOpened(4n, caller(['http://m4']));
  registry.setMembers([member(2n), member(4n, 'http://other')]);
  expect(peers()).toEqual(['2 http://m2', '4 http://other']);
  // It moves, or is removed: the address that it came with is forgotten.
  registry.setMembers([member(2n)]);
  expect(peers()).toEqual(['2 http://m2']);
  registry.streamOpened(2n, caller(['http://elsewhere']));
  expect(peers()).toEqual(['2 http://m2']);
});

test('one who does not say where it can be reached is no peer', () => {
  registry.streamOpened(4n, caller([]));
  expect(peers()).toEqual([]);
  expect(told.seen).toEqual([4n]);
});

test('the log version of a peer is known while it has a stream', () => {
  registry.setMembers([member(2n)]);
  expect(registry.logVersionOf(2n)).toBeUndefined();
  registry.streamOpened(2n, caller(['http://m2'], 3));
  expect(registry.logVersionOf(2n)).toBe(3);
  registry.streamEnded(2n);
  expect(registry.logVersionOf(2n)).toBeUndefined();
});

test('a peer of an older build is sent nothing until it comes with a newer one', () => {
  registry.setMembers([member(2n), member(3n)]);
  registry.refuseOutdated(2n);
  expect(peers()).toEqual(['3 http://m3']);
  registry.setMembers([member(2n), member(3n)]);
  expect(peers()).toEqual(['3 http://m3']);
  registry.streamOpened(2n, caller(['http://m2']));
  expect(peers()).toEqual(['2 http://m2', '3 http://m3']);
});
