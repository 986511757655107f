/**
 * Faults of a machine under a member: a full disk, a read-only one, no more file descriptors, a clock that jumps.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { hasProgram, TestCluster, waitFor } from './etcd-processes.js';

const possible = hasProgram('etcdctl');
/** Mounting needs root, and a system that lets root. */
const mayMount = possible && canMount();
const fakeTime = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1';
/** Only the quota is the whole cluster's matter, and has the text `database space exceeded`. */
const full = 'etcdserver: no space left on the disk of this member: ';

let cluster: TestCluster | undefined;
let directory = '';
let mounted = false;

function canMount(): boolean {
  const at = mkdtempSync(join(tmpdir(), 'trireme-mount-'));
  const works = spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', at]).status === 0;
  if (works) spawnSync('umount', [at]);
  rmSync(at, { recursive: true });
  return works;
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'trireme-environment-'));
  mounted = false;
});

afterEach(async () => {
  await Promise.all(cluster?.members.map((member) => member.stop()) ?? []);
  if (mounted) execFileSync('umount', ['-l', directory]);
  await cluster?.stop();
  cluster = undefined;
  rmSync(directory, { recursive: true, force: true });
});

function mount(options: string): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', directory]);
  mounted = true;
}

function remount(options: string): void {
  execFileSync('mount', ['-o', `remount,${options}`, directory]);
}

/** Puts until one is not acknowledged. @returns the keys that were, and what the last answer said */
async function fill(one: TestCluster): Promise<{ acknowledged: string[]; stderr: string }> {
  const acknowledged: string[] = [];
  const value = 'x'.repeat(100_000);
  for (let at = 0; at < 400; at++) {
    const { code, stderr } = await one.ctl(['put', `k${at}`, value, '--command-timeout=3s']);
    if (code !== 0) return { acknowledged, stderr };
    acknowledged.push(`k${at}`);
  }
  return { acknowledged, stderr: '' };
}

/** By itself: nobody takes an alarm back. */
async function writesAgain(one: TestCluster): Promise<void> {
  await waitFor('the member takes writes again', async () => {
    return (await one.ctl(['put', 'after', 'x', '--command-timeout=2s'])).code === 0;
  });
}

async function mustHold(one: TestCluster, keys: readonly string[]): Promise<void> {
  const { stdout } = await one.ctl(['get', 'k', '--prefix', '--keys-only']);
  const found = new Set(stdout.split('\n'));
  expect(keys.filter((key) => !found.has(key))).toEqual([]);
  for (const key of [keys[0], keys.at(-1)]) {
    expect((await one.ctl(['get', key ?? ''])).stdout).toHaveLength(100_002 + (key ?? '').length);
  }
}

(mayMount ? describe : describe.skip)('the disk', () => {
  test('full under the log, the database and what it says: it reads on, and writes once there is room', async () => {
    mount('size=8m');
    cluster = await TestCluster.start(1, { directory });
    const { acknowledged, stderr } = await fill(cluster);
    expect(acknowledged.length).toBeGreaterThan(5);
    expect(stderr).not.toBe('');
    // Alone it has nobody to hand over to, and reads on; its own alarm says that it is not well.
    await waitFor('it says so', async () => {
      return (await cluster?.ctl(['alarm', 'list']))?.stdout.includes('alarm:NOSPACE') === true;
    });
    const { pid } = cluster.member(0);
    for (const consistency of ['s', 'l']) {
      const read = await cluster.ctl(['get', 'k0', `--consistency=${consistency}`]);
      expect(read.stdout).toHaveLength(100_004);
    }
    remount('size=64m');
    await writesAgain(cluster);
    expect((await cluster.ctl(['alarm', 'list'])).stdout).toBe('');
    await mustHold(cluster, acknowledged);
    expect(cluster.member(0).pid).toBe(pid);
    await cluster.member(0).stop('SIGKILL');
    cluster.restart(0);
    await cluster.healthy();
    await mustHold(cluster, acknowledged);
  }, 120_000);

  test('full under the database alone: nothing is acknowledged, and all goes on by itself', async () => {
    mount('size=8m');
    const walDir = mkdtempSync(join(tmpdir(), 'trireme-wal-'));
    try {
      cluster = await TestCluster.start(1, { directory, extra: [`--wal-dir=${walDir}/wal`] });
      const { acknowledged, stderr } = await fill(cluster);
      expect(stderr).not.toBe('');
      await waitFor('the member refuses and names the file', async () => {
        const refused = await cluster?.ctl(['put', 'k', 'x', '--command-timeout=1s']);
        return refused?.stderr.includes(`${full}${join(directory, 'm1/member/snap/db')}`) === true;
      });
      remount('size=64m');
      await writesAgain(cluster);
      await mustHold(cluster, acknowledged);
      expect((await cluster.ctl(['alarm', 'list'])).stdout).toBe('');
      await cluster.member(0).stop('SIGKILL');
      cluster.restart(0);
      await cluster.healthy();
      await mustHold(cluster, acknowledged);
    } finally {
      rmSync(walDir, { recursive: true });
    }
  }, 90_000);

  test('read only: the member says so and does not start; afterwards all is there', async () => {
    mount('size=64m');
    cluster = await TestCluster.start(1, { directory });
    expect((await cluster.ctl(['put', 'k', 'v'])).code).toBe(0);
    await cluster.member(0).stop('SIGTERM');
    remount('ro');
    // Its log goes to the same place: the process itself writes to nowhere then.
    const member = cluster.member(0);
    const { status, stderr } = spawnSync(
      process.execPath,
      [
        'bin/trireme',
        'etcd',
        `--name=${member.name}`,
        `--data-dir=${member.dataDir}`,
        `--listen-client-urls=${member.clientUrl}`,
        `--advertise-client-urls=${member.clientUrl}`,
        `--listen-peer-urls=${member.peerUrl}`,
        `--initial-advertise-peer-urls=${member.peerUrl}`,
        `--initial-cluster=${cluster.initialCluster}`,
      ],
      { encoding: 'utf8', timeout: 20_000 },
    );
    expect(status).toBe(1);
    expect(stderr).toMatch(/EROFS|read-only|readonly/);
    remount('rw');
    cluster.restart(0);
    await cluster.healthy();
    expect((await cluster.ctl(['get', 'k'])).stdout).toBe('k\nv\n');
  }, 60_000);
});

(possible && hasProgram('prlimit') ? describe : describe.skip)('file descriptors', () => {
  test('used up by connections: the member survives, and serves again when they end', async () => {
    cluster = await TestCluster.start(1);
    const one = cluster;
    expect((await one.ctl(['put', 'k', 'v'])).code).toBe(0);
    const { pid, clientUrl } = one.member(0);
    const open = Number(
      execFileSync('sh', ['-c', `ls /proc/${pid}/fd | wc -l`], { encoding: 'utf8' }),
    );
    execFileSync('prlimit', ['--pid', String(pid), `--nofile=${open + 4}`]);
    const port = Number(new URL(clientUrl).port);
    const sockets: Socket[] = Array.from({ length: 40 }, () => {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined);
      return socket;
    });
    const { code } = await one.ctl(['put', 'k', 'refused', '--command-timeout=1s']);
    for (const socket of sockets) socket.destroy();
    await waitFor('it serves again', async () => {
      const { stdout } = await one.ctl(['put', 'k', 'again', '--command-timeout=1s']);
      return stdout === 'OK\n';
    });
    expect([0, 1, 5]).toContain(code);
    expect((await one.ctl(['get', 'k'])).stdout).toBe('k\nagain\n');
    expect(one.member(0).pid).toBe(pid);
  }, 60_000);
});

(possible && existsSync(fakeTime) ? describe : describe.skip)('the clock', () => {
  test('that jumps by hours, forth and back, neither ends leases early nor keeps them', async () => {
    const file = join(directory, 'time');
    writeFileSync(file, '+0');
    const environment = {
      LD_PRELOAD: fakeTime,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
    };
    cluster = await TestCluster.start(1, { environment });
    const one = cluster;
    const grant = async (seconds: number): Promise<string> => {
      const { stdout } = await one.ctl(['lease', 'grant', String(seconds)]);
      return /lease (\w+) granted/.exec(stdout)?.[1] ?? '';
    };
    const remaining = async (id: string): Promise<number> => {
      const { stdout } = await one.ctl(['lease', 'timetolive', id]);
      return Number(/remaining\((\d+)s\)/.exec(stdout)?.[1] ?? -1);
    };
    const long = await grant(600);
    const short = await grant(3);
    await one.ctl(['put', 'short', 'x', `--lease=${short}`]);
    const logged = (): string => one.member(0).log.trim().split('\n').at(-1) ?? '';
    for (const jump of ['+6h', '-6h']) {
      writeFileSync(file, jump);
      expect(await remaining(long)).toBeGreaterThan(500);
      expect((await one.ctl(['put', 'k', `at ${jump}`])).code).toBe(0);
    }
    await waitFor('the short lease ends all the same', async () => {
      const { stdout } = await one.ctl(['get', 'short']);
      return stdout === '';
    });
    expect(await remaining(long)).toBeGreaterThan(500);
    // The member has really seen the other time.
    await one.member(0).stop('SIGTERM');
    const { time } = JSON.parse(logged()) as { time: string };
    const hours = (Date.parse(time) - Date.parse(new Date().toISOString())) / 3_600_000;
    expect(hours).toBeLessThan(-5);
  }, 60_000);
});
