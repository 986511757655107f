import { describe, expect, test } from '@jest/globals';
import type { MemberStatus } from '../../gen/cluster.js';
import { member as aMember } from '../testkit/cluster-status.js';
import type { HostFacts } from './plan.js';
import { nextTurn, notReady, refusalOf } from './plan.js';

const host = (name: string, more: Partial<HostFacts> = {}): HostFacts => ({
  name,
  role: name.startsWith('master') ? 'master' : 'worker',
  isAlive: true,
  isDone: false,
  command: [],
  ...more,
});
const member = (name: string, more: Partial<MemberStatus> = {}): MemberStatus =>
  aMember(1, { name, raftIndex: 1000, appliedIndex: 1000, ...more });
const members = [
  member('master-1', { leader: true }),
  member('master-2'),
  member('master-3', { appliedIndex: 999 }),
];
const hosts = ['master-1', 'master-2', 'master-3', 'worker-1'].map((name) => host(name));
const done = (...names: string[]): HostFacts[] =>
  hosts.map((one) => ({ ...one, isDone: names.includes(one.name) }));
const build = {
  program: '/new/bin/trireme',
  version: '2',
  logVersion: 3,
  madeMs: 0,
  flags: { master: ['--name', '--rest-port'], worker: ['--node-name'] },
};

describe('the next host', () => {
  test.each<[string, HostFacts[], ReturnType<typeof nextTurn>]>([
    ['one that follows', hosts, { name: 'master-2', role: 'master', transfer: false }],
    [
      'the one that leads when all others are done, after a transfer',
      done('master-2', 'master-3'),
      { name: 'master-1', role: 'master', transfer: true },
    ],
    [
      'a worker when all masters are done',
      done('master-1', 'master-2', 'master-3'),
      { name: 'worker-1', role: 'worker', transfer: false },
    ],
    ['none when all are done', done('master-1', 'master-2', 'master-3', 'worker-1'), undefined],
    [
      'a master that does not run before the others',
      hosts.map((one) => ({ ...one, isAlive: one.name !== 'master-3' })),
      { name: 'master-3', role: 'master', transfer: false },
    ],
  ])('is %s', (_, facts, turn) => expect(nextTurn(facts, members)).toEqual(turn));

  test('one master alone has nobody to lead instead', () => {
    expect(nextTurn([host('master-1')], members.slice(0, 1))).toMatchObject({ transfer: false });
  });

  test('a learner cannot lead', () => {
    const two = [member('master-1', { leader: true }), member('master-2', { learner: true })];
    const left = [host('master-1'), host('master-2', { isDone: true })];
    expect(nextTurn(left, two)).toMatchObject({ name: 'master-1', transfer: false });
  });
});

describe('a master is stopped only', () => {
  test('when the others answer and have caught up', () => {
    expect(notReady(members, 'master-2')).toEqual([]);
    const behind = [...members.slice(0, 2), member('master-3', { appliedIndex: 100 })];
    expect(notReady(behind, 'master-2')).toEqual(['master-3']);
    expect(notReady(behind, 'master-3')).toEqual([]);
    const silent = [...members.slice(0, 2), member('master-3', { reachable: false })];
    expect(notReady(silent, 'master-2')).toEqual(['master-3']);
  });

  test('when one leads', () => {
    const leaderless = members.map((one) => ({ ...one, leader: false }));
    expect(notReady(leaderless, 'master-2')).toBeUndefined();
  });
});

describe('refused before anything is touched', () => {
  test('is a build that does not know the log version of the masters', () => {
    const risen = [host('master-1', { logVersion: 3 }), host('master-2', { logVersion: 4 })];
    expect(refusalOf(risen, build)).toMatch(
      /^the masters have agreed on log version 4, and the build 2 knows log version 3: /,
    );
    expect(refusalOf(risen, { ...build, logVersion: 4 })).toBeUndefined();
    expect(refusalOf([host('master-1')], { ...build, logVersion: 1 })).toBeUndefined();
  });

  test('is a build that does not know a flag of a host that it would run', () => {
    const odd = host('master-1', { command: ['--name=a', '--rest-port', '1', '--odd=--name'] });
    expect(refusalOf([odd], build)).toBe(
      'the build 2 does not know the flag --odd, with which master-1 runs',
    );
    expect(refusalOf([{ ...odd, isDone: true }], build)).toBeUndefined();
    const worker = host('worker-1', { command: ['--node-name=w'] });
    expect(refusalOf([worker], build)).toBeUndefined();
  });
});
