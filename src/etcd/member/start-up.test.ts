import { beforeEach, expect, test } from '@jest/globals';
import { ManualClock } from '../../lib/clock.js';
import type { MemberInfo } from '../membership/membership.js';
import { StartUp } from './start-up.js';

const voters: readonly MemberInfo[] = [1n, 2n, 3n].map((id) => ({
  id,
  name: `m${id}`,
  peerUrls: [],
  clientUrls: [],
  isLearner: false,
}));

let clock: ManualClock;
let node: { leader: bigint; term: number; asked: number; campaignEarly(): void };
let reachable: ReadonlySet<bigint>;
let startUp: StartUp;

/** The second of three members, so that another goes first. */
beforeEach(() => {
  clock = new ManualClock();
  node = { leader: 0n, term: 1, asked: 0, campaignEarly: () => void node.asked++ };
  reachable = new Set([1n, 3n]);
  startUp = new StartUp({
    config: { clock, heartbeatMs: 100, name: 'm2', clientUrls: [] },
    memberId: 2n,
    node,
    membership: { voters: [...voters], local: voters[1] },
    isConnected: (id) => reachable.has(id),
    wake: () => undefined,
    propose: () => Promise.resolve(undefined),
    onPublished: () => undefined,
  });
});

test('asks for votes once a quorum can be reached, in its turn, once', () => {
  reachable = new Set();
  startUp.tick();
  clock.advance(1000);
  startUp.tick();
  expect(node.asked).toBe(0);
  reachable = new Set([1n]);
  startUp.tick();
  expect(node.asked).toBe(0);
  clock.advance(100);
  startUp.tick();
  clock.advance(100);
  startUp.tick();
  expect(node.asked).toBe(1);
});

test('asks no more once somebody has led: the gap of a transfer is no start', () => {
  startUp.tick();
  node.leader = 1n;
  clock.advance(500);
  startUp.tick();
  node.leader = 0n;
  clock.advance(500);
  startUp.tick();
  expect(node.asked).toBe(0);
});

test('leaves another the time to win whose election it has met', () => {
  clock.advance(500);
  node.term = 2;
  startUp.tick();
  clock.advance(199);
  startUp.tick();
  expect(node.asked).toBe(0);
  // Nobody won.
  clock.advance(1);
  startUp.tick();
  expect(node.asked).toBe(1);
});
