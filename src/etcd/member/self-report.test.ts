import { beforeEach, expect, test } from '@jest/globals';
import { ManualClock } from '../../lib/clock.js';
import { Telemetry } from '../telemetry/telemetry.js';
import type { ReportingMember } from './self-report.js';
import { SelfReport } from './self-report.js';

let clock: ManualClock;
let report: SelfReport;
let telemetry: Telemetry;
let members: bigint[];
let open: Set<bigint>;
beforeEach(() => {
  clock = new ManualClock();
  report = new SelfReport(clock);
  telemetry = new Telemetry();
  members = [1n, 3n, 2n];
  open = new Set();
});

function reporting(): ReportingMember {
  return {
    config: { telemetry },
    node: {
      term: 5,
      leader: 1n,
      role: 'leader',
      commitIndex: 8,
      appliedIndex: 7,
      lastIndex: 9,
      status: () => ({
        vote: 1n,
        progress: [{ id: 2n, match: 6, state: 'replicate' }],
      }),
    } as unknown as ReportingMember['node'],
    isLearner: false,
    membership: { members: members.map((id) => ({ id })) },
    memberId: 1n,
    peers: { isOpen: (id) => open.has(id) },
    requests: { pendingCount: 4 },
    room: { shortage: undefined },
  };
}

const kinds = (): string[] => report.journal.after(0, 100).events.map(({ kind }) => kind);

test('the other members, in the order of their ids, with what is known of each', () => {
  open.add(2n);
  report.heard(2n);
  telemetry.network.peer(1n, 2n).roundTrip(1.5);
  clock.advance(250);
  const { peers, ...state } = report.state(reporting());
  expect(state).toMatchObject({ role: 'leader', term: 5, commit: 8, applied: 7, pendingWrites: 4 });
  expect(peers).toEqual([
    { id: 2n, connected: true, heardMsAgo: 250, roundTripMs: 1.5, match: 6, progress: 'replicate' },
    { id: 3n, connected: false, heardMsAgo: -1, roundTripMs: -1, match: 0, progress: '' },
  ]);
});

test('a connection is told of when it opens and when it breaks, however often either is said', () => {
  report.peerLost(2n);
  report.peerConnected(2n);
  report.peerConnected(2n);
  report.peerLost(2n);
  report.peerLost(2n);
  expect(kinds()).toEqual(['peerConnected', 'peerLost']);
});

test('nothing is kept of members that have been removed', () => {
  for (const id of [2n, 3n]) {
    report.heard(id);
    report.peerConnected(id);
    telemetry.network.peer(1n, id).roundTrip(2);
  }
  const isRemoved = (id: bigint): boolean => id === 2n;
  report.forgetRemoved(isRemoved);
  telemetry.network.forgetRemoved(isRemoved);
  expect(report.state(reporting()).peers).toMatchObject([
    { id: 2n, heardMsAgo: -1, roundTripMs: -1 },
    { id: 3n, heardMsAgo: 0, roundTripMs: 2 },
  ]);
  report.peerLost(2n);
  report.peerLost(3n);
  expect(kinds()).toEqual(['peerConnected', 'peerConnected', 'peerLost']);
});
