import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ManualClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import type { BackupMade } from './backup-thread.js';
import { backupPrefix, expiredBackups, ownBackups, temporaryName } from './backup-files.js';
import { BackupKeeper } from './backups.js';
import type { BackupConfig } from '../config.js';

const hourMs = 3_600_000;
const startMs = Date.parse('2026-01-31T12:00:00Z');

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'trireme-backups-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('names', () => {
  test('a name tells whose it is, when it was taken and how far it goes', () => {
    const name = `${backupPrefix('a_b/ü', startMs)}42.db`;
    expect(name).toBe('trireme-backup_a%5Fb%2F%C3%BC_20260131T120000Z_rev42.db');
    expect(ownBackups('a_b/ü', [name])).toEqual([{ name, takenMs: startMs, revision: 42 }]);
  });

  test('other files, and those of other members, are none of ours', () => {
    const mine = `${backupPrefix('m', startMs)}1.db`;
    const names = [
      mine,
      `${backupPrefix('m_', startMs)}1.db`,
      `${backupPrefix('m2', startMs)}1.db`,
      temporaryName('m'),
      `${mine}.old`,
      `${backupPrefix('m', startMs)}x.db`,
      'trireme-backup_m_20261399T120000Z_rev1.db',
      'backup.db',
    ];
    expect(ownBackups('m', names).map(({ name }) => name)).toEqual([mine]);
  });

  test('retention by count, by age, by both, and never the one just made', () => {
    const files = [5, 3, 2, 1, 0].map((hours) => ({
      name: `${hours}h`,
      takenMs: startMs - hours * hourMs,
      revision: 1,
    }));
    const expired = (keepCount: number, keepAgeMs: number, made = '0h'): string[] =>
      expiredBackups(files, { keepCount, keepAgeMs }, { nowMs: startMs, made }).map(
        ({ name }) => name,
      );
    expect(expired(0, 0)).toEqual([]);
    expect(expired(3, 0)).toEqual(['5h', '3h']);
    expect(expired(0, 2 * hourMs)).toEqual(['5h', '3h']);
    expect(expired(4, 1.5 * hourMs)).toEqual(['5h', '3h', '2h']);
    expect(expired(1, 0)).toEqual(['5h', '3h', '2h', '1h']);
    // The clock was set back: the newest looks oldest.
    expect(expired(2, 0, '5h')).toEqual(['3h', '2h', '1h']);
  });
});

/** A keeper whose snapshots are small files, made when the test says so. */
class Bench {
  readonly clock = new ManualClock(startMs);
  readonly reports: string[] = [];
  config: BackupConfig = { directory, schedule: { everyMs: hourMs }, keepCount: 3, keepAgeMs: 0 };
  takes = 0;
  ready = true;
  /** Null: fails at once; a promise: waits for it. */
  gate: Promise<void> | null = Promise.resolve();
  estimateBytes = 1000;
  keeper!: BackupKeeper;

  start(config: Partial<BackupConfig> = {}): void {
    const { reports } = this;
    this.keeper = new BackupKeeper({
      config: () => ({ ...this.config, ...config }),
      member: 'm',
      clock: this.clock,
      log: silentLogger,
      report: {
        found: ({ revision }) => reports.push(`found rev${revision}`),
        taken: () => reports.push('taken'),
        failed: () => reports.push('failed'),
        kept: (count) => reports.push(`kept ${count}`),
      },
      ready: () => this.ready,
      estimateBytes: () => this.estimateBytes,
      take: (paths, signal) => this.#take(paths, signal),
    });
    this.keeper.start();
  }

  async #take(
    paths: { readonly temporaryPath: string; readonly pathPrefix: string },
    signal: AbortSignal,
  ): Promise<BackupMade> {
    const revision = ++this.takes;
    writeFileSync(paths.temporaryPath, 'half');
    if (this.gate === null) throw new Error('the disk is broken');
    const aborted = new Promise<void>((_, reject) => {
      signal.addEventListener('abort', () => reject(new Error('aborted')));
    });
    await Promise.race([this.gate, aborted]);
    rmSync(paths.temporaryPath);
    const path = `${paths.pathPrefix}${revision}.db`;
    writeFileSync(path, 'whole');
    return { path, sizeBytes: 5, revision };
  }

  /** Time passes, and what it sets off is done. */
  async pass(ms: number): Promise<void> {
    const stepMs = 10_000;
    for (let left = ms; left > 0; left -= stepMs) {
      this.clock.advance(Math.min(stepMs, left));
      for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    }
  }

  get files(): string[] {
    return readdirSync(directory).sort();
  }
}

describe('the keeper', () => {
  test('one at once, then one an interval, and only so many stay', async () => {
    const bench = new Bench();
    writeFileSync(join(directory, 'notes.txt'), 'not ours');
    bench.start();
    await bench.pass(30_000);
    expect(bench.takes).toBe(1);
    await bench.pass(5 * hourMs);
    expect(bench.takes).toBe(6);
    expect(bench.files.map((name) => name.replace(/.*_rev/, 'rev'))).toEqual([
      'notes.txt',
      'rev4.db',
      'rev5.db',
      'rev6.db',
    ]);
    expect(bench.reports.slice(-3)).toEqual(['found rev6', 'taken', 'kept 3']);
    await bench.keeper.stop();
  });

  test('a restart goes on where the last run was', async () => {
    writeFileSync(join(directory, `${backupPrefix('m', startMs - 0.5 * hourMs)}7.db`), 'x');
    writeFileSync(join(directory, temporaryName('m')), 'left over');
    const bench = new Bench();
    bench.start();
    expect(bench.reports).toEqual(['kept 1', 'found rev7']);
    expect(existsSync(join(directory, temporaryName('m')))).toBe(false);
    await bench.pass(0.4 * hourMs);
    expect(bench.takes).toBe(0);
    await bench.pass(0.2 * hourMs);
    expect(bench.takes).toBe(1);
    await bench.keeper.stop();
  });

  test('a file from the future does not put off the next one', async () => {
    writeFileSync(join(directory, `${backupPrefix('m', startMs + 90 * 24 * hourMs)}7.db`), 'x');
    const bench = new Bench();
    bench.start();
    await bench.pass(30_000);
    expect(bench.takes).toBe(1);
    await bench.keeper.stop();
  });

  test('a schedule that changes while it runs holds from the next look on', async () => {
    const bench = new Bench();
    bench.start();
    await bench.pass(30_000);
    bench.config = { ...bench.config, schedule: 'off' };
    await bench.pass(5 * hourMs);
    expect(bench.takes).toBe(1);
    bench.config = { ...bench.config, schedule: { everyMs: hourMs / 2 }, keepCount: 2 };
    await bench.pass(2 * hourMs);
    expect(bench.takes).toBe(5);
    expect(bench.files).toHaveLength(2);
    await bench.keeper.stop();
  });

  test('one at a time, however long it takes', async () => {
    const bench = new Bench();
    let open: () => void = () => undefined;
    bench.gate = new Promise((resolve) => {
      open = resolve;
    });
    bench.start();
    await bench.pass(4 * hourMs);
    expect(bench.takes).toBe(1);
    open();
    await bench.pass(30_000);
    expect(bench.files).toHaveLength(2);
    await bench.keeper.stop();
  });

  test('a failure is reported, leaves nothing, deletes nothing, and is tried again soon', async () => {
    const bench = new Bench();
    bench.start({ keepCount: 1 });
    await bench.pass(30_000);
    bench.gate = null;
    await bench.pass(hourMs);
    expect(bench.reports.filter((one) => one === 'failed')).toHaveLength(1);
    await bench.pass(60_000);
    expect(bench.reports.filter((one) => one === 'failed')).toHaveLength(2);
    expect(bench.files.map((name) => name.replace(/.*_rev/, 'rev'))).toEqual(['rev1.db']);
    bench.gate = Promise.resolve();
    await bench.pass(2 * 60_000);
    expect(bench.files).toHaveLength(1);
    expect(basename(bench.files[0] ?? '')).toMatch(/_rev4\.db$/);
    await bench.keeper.stop();
  });

  test('a directory that cannot be used, or is too full, is reported and does no harm', async () => {
    const bench = new Bench();
    bench.start({ directory: '/proc/none' });
    await bench.pass(30_000);
    expect(bench.reports).toEqual(['failed']);
    expect(bench.takes).toBe(0);
    await bench.keeper.stop();
    const full = new Bench();
    full.estimateBytes = 2 ** 52;
    full.start();
    await full.pass(30_000);
    expect(full.takes).toBe(0);
    expect(full.reports).toEqual(['kept 0', 'failed']);
    await full.keeper.stop();
  });

  test('not before the member has something to keep', async () => {
    const bench = new Bench();
    bench.ready = false;
    bench.start();
    await bench.pass(2 * hourMs);
    expect(bench.takes).toBe(0);
    bench.ready = true;
    await bench.pass(30_000);
    expect(bench.takes).toBe(1);
    await bench.keeper.stop();
  });

  test('stopping ends the one that runs and leaves no half file', async () => {
    const bench = new Bench();
    bench.gate = new Promise(() => undefined);
    bench.start();
    await bench.pass(30_000);
    expect(bench.files).toEqual([temporaryName('m')]);
    await bench.keeper.stop();
    expect(bench.files).toEqual([]);
    expect(bench.reports).toEqual(['kept 0']);
  });

  test('by a cron expression; one that was missed is made up for', async () => {
    writeFileSync(join(directory, `${backupPrefix('m', startMs - 30 * hourMs)}7.db`), 'x');
    const bench = new Bench();
    bench.start({ schedule: { cron: '0 3 * * *' } });
    await bench.pass(30_000);
    expect(bench.takes).toBe(1);
    await bench.pass(24 * hourMs);
    expect(bench.takes).toBe(2);
    await bench.pass(24 * hourMs);
    expect(bench.takes).toBe(3);
    await bench.keeper.stop();
  });
});
