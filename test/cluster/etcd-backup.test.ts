/** Scheduled snapshots of a real member. */
import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { hasProgram, run, TestCluster, waitFor } from './etcd-processes.js';

const possible = hasProgram('etcdctl');
let cluster: TestCluster | undefined;

afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
});

async function metric(one: TestCluster, name: string): Promise<number> {
  const response = await fetch(`${one.member(0).clientUrl}/metrics`);
  const found = new RegExp(`^trireme_etcd_backup_${name} (\\S+)$`, 'm').exec(await response.text());
  return Number(found?.[1] ?? Number.NaN);
}

(possible ? describe : describe.skip)('scheduled snapshots', () => {
  test('are taken, verified, kept within bounds, restored; a broken directory does no harm', async () => {
    const parent = `/tmp/trireme-backup-${process.pid}`;
    const one = await TestCluster.start(1, {
      extra: [`--backup-dir=${parent}`, '--backup-interval=1s', '--backup-keep-count=2'],
    });
    cluster = one;
    const finished = (): string[] => readdirSync(parent).filter((name) => name.endsWith('.db'));
    try {
      expect((await one.ctl(['put', 'k', 'v'])).code).toBe(0);
      writeFileSync(join(parent, 'mine.txt'), 'x');
      const wanted = 4;
      const seen = new Set<string>();
      await waitFor('several were taken', () => {
        for (const name of finished()) seen.add(name);
        return seen.size >= wanted;
      });
      await waitFor('the oldest have gone', () => finished().length <= 2);
      expect(existsSync(join(parent, 'mine.txt'))).toBe(true);
      expect(await metric(one, 'files')).toBeLessThanOrEqual(3);
      expect(await metric(one, 'last_success_timestamp_seconds')).toBeGreaterThan(1.7e9);
      expect(await metric(one, 'last_size_bytes')).toBeGreaterThan(10_000);
      expect(await metric(one, 'failures_total')).toBe(0);

      renameSync(parent, `${parent}.away`);
      writeFileSync(parent, 'a file in the way');
      await waitFor('it is reported', async () => (await metric(one, 'failures_total')) > 0);
      expect(one.member(0).log).toContain('a scheduled snapshot could not be taken');
      expect((await one.ctl(['put', 'k2', 'v2'])).code).toBe(0);
      await one.member(0).stop('SIGTERM');

      const away = `${parent}.away`;
      const [last = ''] = readdirSync(away)
        .filter((name) => name.endsWith('.db'))
        .sort()
        .slice(-1);
      const status = await run('etcdctl', ['snapshot', 'status', join(away, last), '-w', 'json']);
      expect(JSON.parse(status.stdout)).toMatchObject({
        revision: Number(/_rev(\d+)\.db$/.exec(last)?.[1]),
      });
      const to = join(one.directory, 'restored');
      const restore = ['snapshot', 'restore', join(away, last), `--data-dir=${to}`, '--name=m1'];
      const urls = [
        `--initial-cluster=m1=${one.member(0).peerUrl}`,
        `--initial-advertise-peer-urls=${one.member(0).peerUrl}`,
      ];
      const flags = [...restore, ...urls, '--bump-revision=1000', '--mark-compacted'];
      expect(await run(process.execPath, ['bin/trireme', 'etcd', ...flags])).toMatchObject({
        code: 0,
      });
      await run('rm', ['-rf', one.member(0).dataDir]);
      renameSync(to, one.member(0).dataDir);
      one.member(0).start(one.initialCluster);
      await one.healthy();
      const got = await one.ctl(['get', 'k', '-w', 'json']);
      expect(JSON.parse(got.stdout)).toMatchObject({ header: { revision: 1002 }, count: 1 });
      const old = await one.ctl(['get', 'k', '--rev=2']);
      expect(old.stderr).toContain('required revision has been compacted');
      expect((await one.ctl(['put', 'k3', 'v3'])).code).toBe(0);
    } finally {
      await run('rm', ['-rf', parent, `${parent}.away`]);
    }
  }, 90_000);

  test.each([
    [['--backup-interval=1h'], 'needs -backup-dir'],
    [['--backup-dir=/x', '--backup-interval=1h', '--backup-schedule=0 3 * * *'], 'only one of'],
    [['--backup-dir=/x', '--backup-schedule=every day'], 'backup-schedule'],
    [['--backup-dir=/x', '--backup-keep-count=-1'], 'backup-keep-count'],
  ])('wrong flags %j are refused', async (flags, reason) => {
    const { code, stderr } = await run(process.execPath, ['bin/trireme', 'etcd', ...flags]);
    expect(code).toBe(2);
    expect(stderr).toContain(reason);
  });
});
