import { beforeEach, expect, test } from '@jest/globals';
import { EntryFormat } from '../apply/entry-format.js';
import { LogVersionMonitor } from './log-version-monitor.js';

let versions: Map<bigint, number>;
let proposed: string[];
let outcome: Promise<unknown>;
let host: { isLeader: boolean; logVersion: { agreed: number } };
let monitor: LogVersionMonitor;

beforeEach(() => {
  versions = new Map([
    [2n, 2],
    [3n, 2],
  ]);
  proposed = [];
  outcome = Promise.resolve();
  host = { isLeader: true, logVersion: { agreed: 1 } };
  monitor = new LogVersionMonitor(
    Object.assign(host, {
      memberId: 1n,
      membership: { members: [1n, 2n, 3n].map((id) => ({ id })) },
      entryFormat: new EntryFormat(2),
      peers: { logVersionOf: (id: bigint) => versions.get(id) },
      proposeAsLeader: (kind: string, payload: Uint8Array) => {
        proposed.push(`${kind} ${Buffer.from(payload).toString()}`);
        return outcome;
      },
    }),
  );
});

test('the leader proposes the lowest version of all members, once', async () => {
  monitor.tick();
  monitor.tick();
  expect(proposed).toEqual(['logVersion 2']);
  await outcome;
  host.logVersion.agreed = 2;
  monitor.tick();
  expect(proposed).toHaveLength(1);
});

test('nothing is raised while a member is older, or away', () => {
  versions.set(3n, 1);
  monitor.tick();
  versions.delete(3n);
  monitor.tick();
  expect(proposed).toEqual([]);
});

test('a follower proposes nothing', () => {
  host.isLeader = false;
  monitor.tick();
  expect(proposed).toEqual([]);
});

test('what fails is proposed again', async () => {
  outcome = Promise.reject(new Error('lost'));
  monitor.tick();
  await outcome.catch(() => undefined);
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  monitor.tick();
  expect(proposed).toEqual(['logVersion 2', 'logVersion 2']);
});
