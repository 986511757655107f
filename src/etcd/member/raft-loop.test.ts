import { beforeEach, describe, expect, test } from '@jest/globals';
import { ManualClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import { emptyConfState, MemoryStorage } from '../../raft/index.js';
import type {
  DropReason,
  Message,
  MsgProp,
  MsgPropDropped,
  RaftNode,
  ReadState,
  Ready,
} from '../../raft/index.js';
import { RaftLoop } from './raft-loop.js';

/** A node of which the test says what it has to do. */
class FakeNode {
  leader = 1n;
  role = 'leader';
  term = 4;
  readonly appliedIndex = 0;
  drops: DropReason | undefined;
  readonly stepped: Message[] = [];
  readonly readies: Ready[] = [];

  step(message: Message): DropReason | undefined {
    this.stepped.push(message);
    return this.drops;
  }

  hasReady(): boolean {
    return this.readies.length > 0;
  }

  ready(): Ready {
    return this.readies.shift() as Ready;
  }

  onAppendDone(): void {
    // Nothing follows from it here.
  }
}

const entries = [{ type: 'normal', data: Buffer.from('put') }] as const;
const forwarded: MsgProp = { type: 'MsgProp', to: 1n, from: 2n, term: 0, onlyInTerm: 0, entries };

let node: FakeNode;
let sent: Message[];
let reads: ReadState[];
let takenBack: MsgPropDropped[];
let deferred: (() => void)[];
let loop: RaftLoop;

beforeEach(() => {
  node = new FakeNode();
  sent = [];
  reads = [];
  takenBack = [];
  deferred = [];
  const nothing = (): undefined => undefined;
  loop = new RaftLoop({
    node: node as unknown as RaftNode,
    storage: new MemoryStorage(),
    log: { append: nothing, sync: () => Promise.resolve() },
    clock: new ManualClock(),
    logger: silentLogger,
    tickMs: 100,
    defer: (fn) => deferred.push(fn),
    requests: {
      flush: nothing,
      tick: nothing,
      takeBack: (message) => takenBack.push(message),
      onReadStates: (states) => reads.push(...states),
    },
    stateMachine: { applyEntry: nothing },
    handlers: {
      send: (messages) => sent.push(...messages),
      onApplied: nothing,
      onSoftState: nothing,
      installSnapshot: () => Promise.resolve(),
      onLogFull: nothing,
      onFatal: (error) => {
        throw error;
      },
    },
  });
});

function endTurn(): void {
  for (const fn of deferred.splice(0)) fn();
}

describe('proposals of another member', () => {
  test('go back with the reason when the leader does not take them', () => {
    node.drops = 'transferring';
    loop.step(forwarded);
    expect(sent).toEqual([
      { type: 'MsgPropDropped', to: 2n, from: 1n, term: 0, entries, reason: 'transferring' },
    ]);
  });

  test('go back, and not on, from a member that does not lead', () => {
    node.role = 'follower';
    node.leader = 3n;
    loop.step(forwarded);
    expect(node.stepped).toEqual([]);
    expect(sent).toMatchObject([{ type: 'MsgPropDropped', to: 2n, reason: 'noLeader' }]);
  });

  test('that are taken say nothing', () => {
    loop.step(forwarded);
    expect(node.stepped).toEqual([forwarded]);
    expect(sent).toEqual([]);
  });
});

test('proposals that came back go to the calls that wait for them, and not to the node', () => {
  const reason = 'transferring';
  const dropped = { type: 'MsgPropDropped', to: 1n, from: 2n, term: 0, entries, reason } as const;
  loop.step(dropped);
  expect(takenBack).toEqual([dropped]);
  expect(node.stepped).toEqual([]);
});

test('a read that is confirmed together with a snapshot is not forgotten', () => {
  const read = { index: 7, context: Buffer.from('read') };
  const metadata = { index: 7, term: 4, confState: emptyConfState };
  node.readies.push({
    number: 1,
    softState: undefined,
    hardState: undefined,
    entries: [],
    snapshot: { data: new Uint8Array(0), metadata },
    committedEntries: [],
    messages: [],
    messagesAfterAppend: [],
    readStates: [read],
    mustSync: true,
  });
  loop.wake();
  endTurn();
  expect(reads).toEqual([read]);
});
