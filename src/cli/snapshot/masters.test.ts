import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mastersThatAnswer } from './living-masters.js';
import { hasKeys, installedFlags, masterOptionsOf, withoutJoinFlags } from './masters.js';
import { chooseMember } from './save.js';
import { describeSchedule } from './schedule.js';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'trireme-masters-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

test('the flags of an installed master, without those by which it once joined', async () => {
  const path = join(dir, 'master.env');
  expect(await installedFlags(path)).toBeUndefined();
  writeFileSync(
    path,
    'TRIREME_FLAGS=--name=m2 --join 10.0.0.1:6444 --ca-hash=sha256:a --token-file /gone --etcd-client-port=3379\n',
  );
  const words = (await installedFlags(path)) ?? [];
  expect(withoutJoinFlags(words)).toEqual(['--name=m2', '--etcd-client-port=3379']);
  expect(masterOptionsOf(words)).toMatchObject({ name: 'm2', ports: { etcdClient: 3379 } });
});

test('keys are there when both that count are', () => {
  mkdirSync(join(dir, 'pki'));
  writeFileSync(join(dir, 'pki', 'ca.key'), '');
  expect(hasKeys(dir)).toBe(false);
  writeFileSync(join(dir, 'pki', 'encryption.key'), '');
  expect(hasKeys(dir)).toBe(true);
});

test('other masters are asked whether they live', async () => {
  expect(await mastersThatAnswer(join(dir, 'm1'))).toEqual([]);
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const living = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const known = { caHash: 'sha256:a', others: { m2: living, m3: '127.0.0.1:1' } };
  writeFileSync(join(dir, 'm1.cluster.json'), JSON.stringify(known));
  expect(await mastersThatAnswer(join(dir, 'm1'))).toEqual([`m2 (${living})`]);
  await new Promise((done) => server.close(done));
  expect(await mastersThatAnswer(join(dir, 'm1'))).toEqual([]);
});

test('a snapshot comes from the leader, else from who has applied most', () => {
  const of = (endpoint: string, id: bigint, leader: bigint, appliedIndex: number) => ({
    endpoint,
    status: {
      id,
      leader,
      appliedIndex,
      term: 1,
      raftIndex: appliedIndex,
      revision: 1,
      dbSizeBytes: 1,
      version: '',
      errors: [],
    },
  });
  expect(chooseMember([])).toBeUndefined();
  expect(chooseMember([of('a', 1n, 2n, 9), of('b', 2n, 2n, 8)])).toBe('b');
  expect(chooseMember([of('a', 1n, 0n, 7), of('b', 2n, 0n, 8)])).toBe('b');
});

test('a schedule in words', () => {
  expect(describeSchedule({ interval: '0', keep: 3 })).toBe('no snapshots are taken');
  expect(describeSchedule({ interval: '1h', keep: 3 })).toBe(
    'every master takes a snapshot every 1h and keeps the last 3 of its own',
  );
  expect(describeSchedule(undefined)).toBe(
    'nothing is set: every master takes a snapshot every 4h and keeps the last 12 of its own, unless its flags say otherwise',
  );
});
