/** A full disk is the matter of the member whose it is: the others go on, and it comes back by itself. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { SmallDisk } from '../robustness/disk-faults.js';
import { hasProgram, TestCluster, waitFor } from './etcd-processes.js';

const members = [0, 1, 2] as const;
const full = 'no space left on the disk of this member';

let directory = '';
let cluster: TestCluster;
let disks: (SmallDisk | undefined)[] = [];

const possible = hasProgram('etcdctl') && canMount();

function canMount(): boolean {
  const at = mkdtempSync(join(tmpdir(), 'trireme-mount-'));
  const disk = SmallDisk.make(at);
  if (disk === undefined) rmSync(at, { recursive: true });
  else void disk.remove().then(() => rmSync(at, { recursive: true }));
  return disk !== undefined;
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'trireme-full-'));
  disks = members.map((at) => SmallDisk.make(join(directory, `m${at + 1}`)));
  cluster = await TestCluster.start(3, { directory });
}, 60_000);

afterEach(async () => {
  await Promise.all(cluster.members.map((member) => member.stop()));
  for (const disk of disks) await disk?.remove();
  rmSync(directory, { recursive: true, force: true });
});

const value = 'x'.repeat(20_000);

/** Writes at one member. @returns the keys that were acknowledged */
async function write(at: number, prefix: string, count: number): Promise<string[]> {
  const done: string[] = [];
  for (let n = 0; n < count; n++) {
    const args = ['put', `${prefix}${n}`, value, '--command-timeout=3s'];
    if ((await cluster.ctl(args, { at })).code === 0) done.push(`${prefix}${n}`);
  }
  return done;
}

/** Fills the disk of a member and writes until it is noticed there. */
async function fill(at: number, through: number): Promise<void> {
  disks[at]?.fill();
  await waitFor('the member has noticed', async () => {
    await cluster.ctl(['put', 'probe', value, '--command-timeout=2s'], { at: through });
    return cluster.member(at).log.includes('taking no part');
  });
}

async function allHold(keys: readonly string[]): Promise<void> {
  for (const at of members) {
    const { stdout } = await cluster.ctl(['get', '', '--prefix', '--keys-only'], { at });
    const found = new Set(stdout.split('\n'));
    expect(keys.filter((key) => !found.has(key))).toEqual([]);
  }
}

async function backAgain(at: number): Promise<void> {
  await waitFor('it is back by itself', async () => {
    return (await cluster.ctl(['endpoint', 'health'], { at })).code === 0;
  });
}

async function noAlarm(at: number): Promise<void> {
  expect((await cluster.ctl(['alarm', 'list'], { at })).stdout).toBe('');
}

(possible ? describe : describe.skip)('the disk that is full', () => {
  test('of a follower: the others go on, it says so, and comes back by itself', async () => {
    const leader = await cluster.leader();
    const sick = (leader + 1) % 3;
    const well = (leader + 2) % 3;
    const { pid } = cluster.member(sick);
    await fill(sick, well);
    expect(await write(leader, 'a', 10)).toHaveLength(10);
    expect(await write(well, 'b', 10)).toHaveLength(10);
    expect(await cluster.leader(well)).toBe(leader);
    await noAlarm(well);
    // Of the log or of the database, whichever was written first.
    const path = join(cluster.member(sick).dataDir, 'member');
    const health = await cluster.ctl(['endpoint', 'health'], { at: sick });
    expect(health.code).not.toBe(0);
    expect(health.stderr).toContain(`${full}: ${path}`);
    const status = await cluster.ctl(['endpoint', 'status', '-w', 'json'], { at: sick });
    expect(status.stdout).toContain(`${full}: ${path}`);
    const refused = await cluster.ctl(['put', 'c', 'x', '--command-timeout=2s'], { at: sick });
    expect(refused.stderr).toContain(`${full}: ${path}`);
    const metrics = await (await fetch(`${cluster.member(sick).clientUrl}/metrics`)).text();
    expect(metrics).toContain('trireme_etcd_disk_full 1');
    disks[sick]?.empty();
    await backAgain(sick);
    await noAlarm(sick);
    expect(cluster.member(sick).pid).toBe(pid);
    await allHold([...members, 3, 4, 5, 6, 7, 8, 9].flatMap((n) => [`a${n}`, `b${n}`]));
  }, 120_000);

  test('of a follower that is killed and started again while it is full', async () => {
    const leader = await cluster.leader();
    const sick = (leader + 1) % 3;
    await fill(sick, leader);
    await cluster.member(sick).stop('SIGKILL');
    cluster.restart(sick);
    expect(await write(leader, 'a', 5)).toHaveLength(5);
    disks[sick]?.empty();
    await waitFor('it runs', async () => {
      const { code } = await cluster.ctl(['endpoint', 'health'], { at: sick });
      // A start that needs room ends, as etcd's does: whoever runs the member starts it again.
      if (code !== 0 && cluster.member(sick).hasEnded) cluster.restart(sick);
      return code === 0;
    });
    await allHold(['a0', 'a1', 'a2', 'a3', 'a4']);
  }, 120_000);

  test('of the leader: another leads, and writes go on', async () => {
    const sick = await cluster.leader();
    const well = (sick + 1) % 3;
    const before = await write(well, 'a', 5);
    expect(before).toHaveLength(5);
    await fill(sick, well);
    await waitFor('another leads', async () => {
      const leader = await cluster.leader(well);
      return leader !== sick && leader >= 0;
    });
    expect(await write(well, 'b', 10)).toHaveLength(10);
    await noAlarm(well);
    disks[sick]?.empty();
    await backAgain(sick);
    await allHold([...before, 'b0', 'b9']);
  }, 120_000);

  test('of two of three: writes fail with clear words, nothing is lost, and all go on when there is room', async () => {
    const leader = await cluster.leader();
    const [first, second] = [(leader + 1) % 3, (leader + 2) % 3];
    const acknowledged = await write(leader, 'a', 5);
    await fill(first, leader);
    await fill(second, leader);
    acknowledged.push(...(await write(leader, 'b', 2)));
    const refused = await cluster.ctl(['put', 'c', 'x', '--command-timeout=12s'], { at: first });
    expect(refused.stderr).toContain(full);
    const late = await cluster.ctl(['put', 'd', 'x', '--command-timeout=12s'], { at: leader });
    expect(late.code).not.toBe(0);
    expect(late.stderr).toMatch(/etcdserver: (request timed out|no leader)/);
    disks[first]?.empty();
    disks[second]?.empty();
    await waitFor('writes are taken again', async () => {
      return (
        (await cluster.ctl(['put', 'e', 'x', '--command-timeout=2s'], { at: leader })).code === 0
      );
    });
    for (const at of members) await backAgain(at);
    await allHold([...acknowledged, 'e']);
    for (const at of members) await noAlarm(at);
  }, 180_000);
});
