import { beforeEach, expect, test } from '@jest/globals';
import type { Message, MsgSnap } from '../../raft/index.js';
import { emptyConfState } from '../../raft/index.js';
import { ManualClock } from '../../lib/clock.js';
import type { Backend } from '../backend/types.js';
import type { PeerNetwork } from '../peer/types.js';
import type { ShellEvent } from '../telemetry/member-events.js';
import type { SendingMember } from './message-sender.js';
import { sendMessages } from './message-sender.js';

const snapshot: MsgSnap = {
  type: 'MsgSnap',
  to: 2n,
  from: 1n,
  term: 1,
  snapshot: { data: new Uint8Array(0), metadata: { index: 7, term: 1, confState: emptyConfState } },
};
const timeoutNow: Message = { type: 'MsgTimeoutNow', to: 2n, from: 1n, term: 1 };

let sent: Message[];
let events: ShellEvent[];
let reported: string[];
let outcome: Awaited<ReturnType<SendingMember['snapshots']['send']>>;
let clock: ManualClock;
let stopped: boolean;

beforeEach(() => {
  [sent, events, reported] = [[], [], []];
  clock = new ManualClock();
  stopped = false;
});

function member(openNetwork?: PeerNetwork): SendingMember {
  return {
    config: { clock },
    node: { reportSnapshot: (to, status) => reported.push(`${to} ${status}`) },
    snapshots: {
      send: () => {
        clock.advance(30);
        return Promise.resolve(outcome);
      },
    },
    backend: {} as Backend,
    report: { tell: (event) => events.push(event) },
    get stopped() {
      return stopped;
    },
    openNetwork,
    wake: () => reported.push('wake'),
    fail: (error) => reported.push(`fail ${String(error)}`),
  };
}

const network = {
  send: (messages: readonly Message[]) => sent.push(...messages),
} as unknown as PeerNetwork;

async function send(messages: readonly Message[], by = member(network)): Promise<void> {
  sendMessages(by, messages);
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
}

test.each([
  ['delivered', 'snapshotDelivered', 'finished'],
  ['failed', 'snapshotFailed', 'failed'],
] as const)('a snapshot that is %s is told of, and Raft hears of it', async (how, kind, status) => {
  outcome = how;
  await send([snapshot, timeoutNow]);
  expect(sent).toEqual([timeoutNow]);
  expect(events).toEqual([{ kind, peer: 2n, index: 7, durationMs: 30 }]);
  expect(reported).toEqual([`2 ${status}`, 'wake']);
});

test('a snapshot that waits for an older one to arrive has not failed', async () => {
  outcome = 'busy';
  await send([snapshot]);
  expect(events).toEqual([]);
  expect(reported).toEqual([]);
});

test('a member that has stopped meanwhile says nothing', async () => {
  outcome = 'delivered';
  stopped = true;
  await send([snapshot]);
  expect(events).toEqual([]);
  expect(reported).toEqual([]);
});

test('nothing leaves before there is a network', async () => {
  await send([snapshot, timeoutNow], member());
  expect(sent).toEqual([]);
  expect(reported).toEqual([]);
});
