/**
 * Damaged, lost and foreign data: a member reports what it finds, serves none of it, and what was acknowledged comes
 * back.
 */
import { cpSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { hasProgram, run, TestCluster, waitFor } from './etcd-processes.js';
import {
  databasePath,
  flip,
  replaceMember,
  rewriteValue,
  tear,
  walEnd,
  walPath,
  withoutRemains,
} from './lib/damage.js';

const possible = hasProgram('etcdctl');
const corrupt = 'etcdserver: corrupt cluster';

let cluster: TestCluster | undefined;

afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

/** A member publishes its addresses once it takes part: only who has seen them refuses it when its disk is empty. */
async function knowsThatTookPart(three: TestCluster, at: number, other: number): Promise<void> {
  const { clientUrl } = three.member(other);
  await waitFor(`member ${at} knows the addresses of member ${other}`, async () =>
    (await ok(three, at, 'member', 'list')).includes(clientUrl),
  );
}

async function start(count: number, extra: readonly string[] = []): Promise<TestCluster> {
  cluster = await TestCluster.start(count, { extra });
  return cluster;
}

async function ok(one: TestCluster, at: number, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await one.ctl(args, { at });
  if (code !== 0) throw new Error(`${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** Makes a member with some keys, and stops it. */
async function stoppedMember(
  signal: 'SIGTERM' | 'SIGKILL',
  large = 'not so',
): Promise<TestCluster> {
  const one = await start(1);
  await one.put(0, { large, ...values(20) });
  await one.member(0).stop(signal);
  return one;
}

function values(count: number): Record<string, string> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, at) => [`k${at}`, `value ${at} is here`]),
  );
}

async function allKeys(one: TestCluster, at = 0): Promise<number> {
  const answer = await ok(one, at, 'get', 'k', '--prefix', '--consistency=s', '-w', 'json');
  const { kvs } = JSON.parse(answer) as { kvs: { key: string; value: string }[] };
  for (const { key, value } of kvs) {
    const number = Buffer.from(key, 'base64').toString().slice(1);
    expect(Buffer.from(value, 'base64').toString()).toBe(`value ${number} is here`);
  }
  return kvs.length;
}

/** The member ends by itself, has said why, and never opened its client port. @returns what it said */
async function refusesToStart(
  one: TestCluster,
  at: number,
  reason: RegExp | string,
): Promise<string> {
  const from = one.member(at).log.length;
  one.restart(at);
  expect(await one.member(at).ended()).toBe(1);
  const log = one.member(at).log.slice(from);
  expect(log).toMatch(reason);
  expect(log).not.toContain('ready to serve');
  return log;
}

(possible ? describe : describe.skip)('the raft log', () => {
  test('a torn last batch is cut off, and nothing acknowledged with it', async () => {
    const one = await stoppedMember('SIGKILL', 'large '.repeat(500));
    tear(walPath(one.member(0)), 'large large');
    one.restart(0);
    await one.healthy();
    expect(one.member(0).log).toContain('cut off the torn end of the raft log');
    expect(await allKeys(one)).toBe(20);
  }, 120_000);

  test('a flipped bit stops the member, which names file and byte', async () => {
    const one = await stoppedMember('SIGKILL');
    const path = walPath(one.member(0));
    const bytes = readFileSync(path);
    const [middle, last, head] = [bytes.indexOf('value 9 is here'), walEnd(bytes) - 9, 20];
    for (const at of [middle, last, head]) {
      flip(path, at);
      const log = await refusesToStart(one, 0, `write-ahead log ${path} is damaged at byte`);
      const [, said = ''] = /damaged at byte (\d+)/.exec(log) ?? [];
      // The record begins before the bit, by no more than a record's length.
      expect(at - Number(said)).toBeLessThan(200);
      expect(at - Number(said)).toBeGreaterThanOrEqual(0);
      flip(path, at);
    }
    one.restart(0);
    await one.healthy();
    expect(await allKeys(one)).toBe(20);
  }, 120_000);
});

(possible ? describe : describe.skip)('the database', () => {
  test('a flipped bit stops the member, which names the file and the place', async () => {
    const one = await stoppedMember('SIGTERM');
    const path = databasePath(one.member(0));
    const bytes = withoutRemains(path);
    for (const [at, reason] of [
      [
        bytes.indexOf('value 9 is here'),
        /revision 1\d\.0 \(page \d+, byte \d+\): its checksum is wrong/,
      ],
      // The header, the version of the schema, a small table.
      [3, /file is not a database/],
      [60, /header, byte 60/],
      [bytes.indexOf('consistent_index') + 3, /is damaged/],
    ] as const) {
      flip(path, at);
      const log = await refusesToStart(one, 0, reason);
      expect(log).toContain(`database file ${path} is damaged`);
      flip(path, at);
    }
    one.restart(0);
    await one.healthy();
    expect(await allKeys(one)).toBe(20);
  }, 120_000);

  test('damage that comes while the member runs is not served either', async () => {
    const one = await start(1);
    // A value of many pages: SQLite reads those from the file each time, where it may keep a small one in memory.
    await one.put(0, { k0: `${'x'.repeat(60_000)} the end` });
    await one.member(0).stop('SIGTERM');
    one.restart(0);
    await one.healthy();
    const path = databasePath(one.member(0));
    const at = readFileSync(path).indexOf('the end');
    flip(path, at);
    const { code, stdout } = await one.ctl(['get', 'k0', '--command-timeout=2s']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(await one.member(0).ended()).toBe(1);
    expect(one.member(0).log).toMatch(
      /is damaged: revision 2\.0 \(page \d+, byte \d+\): its checksum/,
    );
    flip(path, at);
    one.restart(0);
    await one.healthy();
    expect(await ok(one, 0, 'get', 'k0', '--print-value-only')).toMatch(/the end\n$/);
  }, 120_000);

  test('a damaged member is replaced, with nothing lost', async () => {
    const three = await start(3);
    await three.put(0, values(20));
    await three.healthy([2]);
    await three.member(2).stop('SIGTERM');
    const path = databasePath(three.member(2));
    flip(path, withoutRemains(path).indexOf('value 9 is here'));
    await refusesToStart(three, 2, 'its checksum is wrong');
    await replaceMember(three, 2);
    expect(await allKeys(three, 2)).toBe(20);
    expect((await ok(three, 2, 'member', 'list')).trim().split('\n')).toHaveLength(3);
  }, 120_000);

  test("another cluster's database beside the log is refused", async () => {
    const other = await TestCluster.start(1, { extra: ['--initial-cluster-token=other'] });
    try {
      await other.member(0).stop('SIGTERM');
      const one = await stoppedMember('SIGTERM');
      cpSync(databasePath(other.member(0)), databasePath(one.member(0)));
      await refusesToStart(one, 0, /is damaged: it belongs to cluster \w+, the raft log/);
    } finally {
      await other.stop();
    }
  }, 120_000);
});

(possible ? describe : describe.skip)('a member that is not who it was', () => {
  test('one whose disk was wiped is refused, and comes back as a new member', async () => {
    const three = await start(3);
    await three.put(0, values(20));
    for (const at of [0, 1]) await knowsThatTookPart(three, at, 2);
    await three.member(2).stop();
    rmSync(three.member(2).dataDir, { recursive: true });
    await refusesToStart(three, 2, 'has already been bootstrapped and its data are gone');
    three.restart(2, ['--initial-cluster-state=existing']);
    expect(await three.member(2).ended()).toBe(1);
    await ok(three, 0, 'put', 'k20', 'value 20 is here');
    await replaceMember(three, 2);
    expect(await allKeys(three, 2)).toBe(21);
  }, 120_000);

  test('one whose disk was wiped gives no vote, though nobody answered when it started', async () => {
    const three = await start(3);
    await ok(three, 0, 'put', 'k0', 'value 0 is here');
    await knowsThatTookPart(three, 1, 2);
    await Promise.all(three.members.map((member) => member.stop()));
    rmSync(three.member(2).dataDir, { recursive: true });
    three.restart(2);
    await waitFor(
      'it waits for the others',
      () => three.member(2).log.includes('raft role'),
      5000,
    ).catch(() => undefined);
    three.restart(1);
    expect(await three.member(2).ended()).toBe(1);
    expect(three.member(2).log).toContain('has already been bootstrapped');
    three.restart(0);
    await three.healthy([0, 1]);
    expect(await allKeys(three, 1)).toBe(1);
  }, 120_000);

  test('one with the data of another cluster is turned away', async () => {
    const three = await start(3);
    await ok(three, 0, 'put', 'k0', 'value 0 is here');
    await three.member(2).stop();
    rmSync(three.member(2).dataDir, { recursive: true });
    three.restart(2, ['--initial-cluster-token=other']);
    await waitFor('it says so', () => three.member(2).log.includes('cluster ID mismatch'));
    const { code } = await three.ctl(['put', 'x', 'y', '--command-timeout=1s'], { at: 2 });
    expect(code).not.toBe(0);
    expect(await ok(three, 0, 'put', 'k1', 'value 1 is here')).toBe('OK\n');
    expect(await allKeys(three, 1)).toBe(2);
  }, 120_000);
});

(possible ? describe : describe.skip)('members that hold different data', () => {
  /** Three members of which the last holds another value for k0, with all checksums right. */
  async function divided(extra: readonly string[], at = 2): Promise<TestCluster> {
    const three = await start(3, extra);
    await three.put(0, values(5));
    await three.healthy([at]);
    await three.member(at).stop('SIGTERM');
    // The first revisions are members' names; k0 is revision 2.
    rewriteValue(databasePath(three.member(at)), 2, 'value 0 is here', 'value 0 is HERE');
    return three;
  }

  async function idOf(three: TestCluster, at: number): Promise<string> {
    const list = await ok(three, 0, 'member', 'list');
    return (
      list
        .split('\n')
        .find((line) => line.includes(three.member(at).peerUrl))
        ?.split(',')[0] ?? ''
    );
  }

  async function alarms(three: TestCluster): Promise<string[]> {
    const list = await ok(three, 0, 'alarm', 'list');
    return list.split('\n').filter((line) => line.includes('CORRUPT'));
  }

  test('the check at start keeps the odd one out', async () => {
    const three = await divided(['--experimental-initial-corrupt-check']);
    await refusesToStart(three, 2, 'found data inconsistency with peers');
    expect(await alarms(three)).toEqual([]);
    await replaceMember(three, 2);
    expect(await ok(three, 2, 'get', 'k0', '--consistency=s')).toBe('k0\nvalue 0 is here\n');
  }, 120_000);

  test('the periodic check blames the follower and refuses writes, until it is replaced', async () => {
    const three = await divided(['--experimental-corrupt-check-time=300ms']);
    three.restart(2);
    await waitFor('the alarm is raised', async () => (await alarms(three)).length > 0);
    const id = BigInt(`0x${await idOf(three, 2)}`);
    expect(await alarms(three)).toEqual([`memberID:${id} alarm:CORRUPT `]);
    for (const write of [
      ['put', 'x', 'y'],
      ['del', 'k1'],
      ['lease', 'grant', '60'],
    ]) {
      const { code, stderr } = await three.ctl(write, { at: 0 });
      expect(code).not.toBe(0);
      expect(stderr).toContain(corrupt);
    }
    expect(await ok(three, 0, 'get', 'k0')).toBe('k0\nvalue 0 is here\n');
    const health = await fetch(`${three.member(0).clientUrl}/health`);
    expect(await health.text()).toContain('"health":"false"');
    await three.member(2).stop();
    await replaceMember(three, 2);
    await ok(three, 0, 'alarm', 'disarm');
    expect(await ok(three, 0, 'put', 'x', 'y')).toBe('OK\n');
    expect(await alarms(three)).toEqual([]);
  }, 120_000);

  test('the check of compactions blames whoever is in the minority, a leader too', async () => {
    const check = ['--experimental-compact-hash-check-enabled'];
    const three = await divided([...check, '--experimental-compact-hash-check-time=300ms']);
    three.restart(2);
    await three.healthy();
    const id = await idOf(three, 2);
    await ok(three, await three.leader(), 'move-leader', id);
    await waitFor('it leads', async () => (await three.leader()) === 2);
    await waitFor('the revision is compacted', async () => {
      // A request that was on its way to the old leader is lost.
      const { code, stderr } = await three.ctl(['compaction', '5'], { at: 0 });
      return code === 0 || stderr.includes('has been compacted');
    });
    await waitFor('the alarm is raised', async () => (await alarms(three)).length > 0);
    expect(await alarms(three)).toEqual([`memberID:${BigInt(`0x${id}`)} alarm:CORRUPT `]);
  }, 120_000);
});

(possible ? describe : describe.skip)('a snapshot', () => {
  test('cut short, it is refused, and leaves no directory behind', async () => {
    const one = await start(1);
    const path = join(one.directory, 'snapshot.db');
    await ok(one, 0, 'snapshot', 'save', path);
    const { length } = readFileSync(path);
    for (const [bytes, reason] of [
      [length - 4096, 'expected sha256'],
      [length - 32 - 4096, 'snapshot missing hash'],
      [100, 'snapshot missing hash'],
    ] as const) {
      truncateSync(path, bytes);
      const directory = join(one.directory, 'restored');
      const restore = [
        'bin/trireme',
        'etcd',
        'snapshot',
        'restore',
        path,
        `--data-dir=${directory}`,
      ];
      const { code, stderr } = await run(process.execPath, restore);
      expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining(reason) });
      const forced = await run(process.execPath, [...restore, '--skip-hash-check']);
      expect(forced.code).toBe(1);
      expect(forced.stderr).toMatch(/snapshot\.db is damaged|damaged at|byte/);
    }
  }, 120_000);
});
