import { beforeEach, describe, expect, test } from '@jest/globals';
import { ManualClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import type { RaftNode, Role } from '../../raft/index.js';
import { BackendNoSpaceError } from '../backend/errors.js';
import { stepBack } from '../member/leader-transfer.js';
import { WalNoSpaceError } from '../wal/errors.js';
import { DiskRoom } from './disk-room.js';

const paths = { wal: '/data/wal', database: '/data/db', snapshots: '/data/tmp' };

class FakeNode {
  role: Role = 'follower';
  leader = 2n;
  readonly abstained: boolean[] = [];
  readonly transfers: bigint[] = [];

  abstain(on: boolean): void {
    this.abstained.push(on);
  }

  transferLeader(to: bigint): void {
    this.transfers.push(to);
  }

  status(): object {
    const progress = [
      { id: 1n, match: 9 },
      { id: 2n, match: 9 },
      { id: 3n, match: 7 },
    ];
    return { progress };
  }
}

let clock: ManualClock;
let node: FakeNode;
let backend: { noSpace: boolean };
let room: DiskRoom;

beforeEach(() => {
  clock = new ManualClock();
  node = new FakeNode();
  backend = { noSpace: false };
  room = new DiskRoom({
    config: { clock, electionMs: 1000, log: silentLogger },
    node,
    backend,
    stored: { paths },
    handOver: (attempt) =>
      stepBack(
        {
          config: { clock, electionMs: 1000 },
          memberId: 1n,
          node: node as unknown as RaftNode,
          stopped: false,
          membership: { voters: [1n, 2n, 3n].map((id) => ({ id })) as never },
          openNetwork: { isConnected: () => true },
          wake: () => undefined,
        },
        attempt,
      ),
  });
});

/** Lets what was awaited go on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

describe('a follower whose log has no room', () => {
  test('starts no election, refuses writes and reads by naming the path, and is back when there is room', () => {
    room.onLogFull(new WalNoSpaceError('/data/wal/1.wal', undefined));
    const message = 'etcdserver: no space left on the disk of this member: /data/wal';
    expect(room.shortage).toEqual({ path: paths.wal, message });
    expect(room.refusal('write')).toMatchObject({ code: 'diskFull', message });
    expect(room.refusal('read')).toMatchObject({ code: 'diskFull', message });
    room.onLogFull(undefined);
    expect(room.shortage).toBeUndefined();
    expect(room.refusal('write')).toBeUndefined();
    expect(node.abstained).toEqual([true, false]);
    expect(node.transfers).toEqual([]);
  });
});

describe('a leader whose disk has no room', () => {
  test('hands over to the voter furthest along, then to the next, and reads on meanwhile', async () => {
    node.role = 'leader';
    node.leader = 1n;
    room.onLogFull(new WalNoSpaceError('/data/wal/1.wal', undefined));
    expect(node.transfers).toEqual([2n]);
    expect(room.refusal('read')).toBeUndefined();
    expect(room.refusal('write')).toBeDefined();
    room.look();
    expect(node.transfers).toEqual([2n]);
    for (let steps = 0; steps < 210; steps++) {
      clock.advance(5);
      await settle();
    }
    room.look();
    expect(node.transfers).toEqual([2n, 3n]);
  });
});

describe('a database that has no room', () => {
  test('holds up the syncs of the log too: nothing is acknowledged that could only be kept in memory', async () => {
    const log = room.guardedLog({ append: () => undefined, sync: () => Promise.resolve() });
    await log.sync();
    backend.noSpace = true;
    await expect(log.sync()).rejects.toBeInstanceOf(BackendNoSpaceError);
    room.look();
    expect(room.shortage?.path).toBe(paths.database);
    backend.noSpace = false;
    room.look();
    expect(room.shortage).toBeUndefined();
    await log.sync();
  });
});
