/**
 * Scheduled snapshots. Every member that is told a directory takes its own, leader or not: a copy on one machine alone
 * would go with that machine, and a follower's is as good as the leader's. Nothing here may harm the member: the work
 * runs on threads, one at a time, and what fails is reported and tried again.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statfsSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import type { BackupMade } from './backup-thread.js';
import { backupPrefix, expiredBackups, ownBackups, temporaryName } from './backup-files.js';
import type { BackupConfig } from '../config.js';
import type { BackupMetrics } from '../telemetry/backup-metrics.js';
import { nextDueMs } from './cron.js';

/** The directory, schedule and retention of backups. */
export interface BackupKeeperOptions {
  /** Read at each look. */
  readonly config: () => BackupConfig;
  readonly member: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly report: BackupMetrics;
  /** False while there is nothing worth keeping: a member that has not joined yet. */
  readonly ready: () => boolean;
  /** About what a snapshot takes on the disk, in bytes. */
  readonly estimateBytes: () => number;
  /** Writes one; rejects when it could not, leaving nothing but, at worst, the temporary file. */
  readonly take: (
    paths: { readonly temporaryPath: string; readonly pathPrefix: string },
    signal: AbortSignal,
  ) => Promise<BackupMade>;
}

/** The interval between checks whether a backup is due. */
const lookMs = 10_000;
/** After a failure: soon enough to matter, rarely enough not to fill the log. */
const retryMs = 60_000;
/** Stays free beside image and snapshot: what the member itself may need meanwhile, a segment of its log. */
const reserveBytes = 64 * 1024 * 1024;

/** Takes backups when they are due, and removes the oldest. */
export class BackupKeeper {
  readonly #options: BackupKeeperOptions;
  readonly #abort = new AbortController();
  #cancel: (() => void) | undefined;
  #running: Promise<void> | undefined;
  /** The settings as of the last look: all that one backup does goes by the same ones. */
  #config: BackupConfig;
  /** Monotonic: when the last one was taken, as far as the interval goes. */
  #lastMs: number | undefined;
  #retryAtMs = 0;
  /** Wall clock: up to when the cron expression has been looked at. */
  #seenMs: number;
  /** When the cron expression is due after `afterMs`. */
  #due: { readonly afterMs: number; readonly atMs: number } | undefined;

  constructor(options: BackupKeeperOptions) {
    this.#options = options;
    this.#config = options.config();
    this.#seenMs = options.clock.nowMs();
  }

  /** Looks at what is there: an interval goes on from the newest file, also over a restart. */
  start(): void {
    const { clock, log, report } = this.#options;
    const config = this.#config;
    try {
      this.#makeDirectory();
      rmSync(join(config.directory, temporaryName(this.#options.member)), { force: true });
      const files = this.#files();
      report.kept(files.length);
      const newest = files.at(-1);
      if (newest !== undefined) {
        const { size } = statSync(join(config.directory, newest.name));
        report.found({ ...newest, sizeBytes: size });
        const ageMs = clock.nowMs() - newest.takenMs;
        // A file from the future shows that the clock was wrong at some time: it does not put off the next backup.
        if (ageMs >= 0) {
          this.#lastMs = clock.monotonicMs() - ageMs;
          this.#seenMs = newest.takenMs;
        }
      }
    } catch (error) {
      log.error({ error, directory: config.directory }, 'the backup directory cannot be used');
    }
    const turn = (): void => {
      this.#cancel = clock.schedule(this.#lookMs(), turn);
      this.#look();
    };
    this.#cancel = clock.schedule(this.#lookMs(), turn);
  }

  /** Ends the one that runs; it leaves nothing behind. */
  async stop(): Promise<void> {
    this.#cancel?.();
    this.#abort.abort();
    await this.#running;
  }

  #lookMs(): number {
    const everyMs = this.#everyMs();
    return everyMs === undefined ? lookMs : Math.min(lookMs, everyMs / 4);
  }

  #look(): void {
    const { clock, ready } = this.#options;
    if (this.#running !== undefined || !ready()) return;
    this.#config = this.#options.config();
    if (clock.monotonicMs() < this.#retryAtMs || !this.#isDue()) return;
    this.#running = this.#take().finally(() => {
      this.#running = undefined;
    });
  }

  #isDue(): boolean {
    const { clock } = this.#options;
    const { schedule } = this.#config;
    if (schedule === 'off') return false;
    if ('everyMs' in schedule) {
      return this.#lastMs === undefined || clock.monotonicMs() - this.#lastMs >= schedule.everyMs;
    }
    const nowMs = clock.nowMs();
    // A clock that was set back: what lies behind is not waited for again.
    if (this.#seenMs > nowMs) this.#seenMs = nowMs;
    if (this.#due?.afterMs !== this.#seenMs) {
      this.#due = { afterMs: this.#seenMs, atMs: nextDueMs(schedule.cron, this.#seenMs) };
    }
    return this.#due.atMs <= nowMs;
  }

  async #take(): Promise<void> {
    const { clock, log, report, member } = this.#options;
    const startedMs = clock.monotonicMs();
    const takenMs = clock.nowMs();
    const { directory } = this.#config;
    const temporaryPath = join(directory, temporaryName(member));
    try {
      this.#makeDirectory();
      rmSync(temporaryPath, { force: true });
      this.#mustHaveRoom();
      const pathPrefix = join(directory, backupPrefix(member, takenMs));
      const made = await this.#options.take({ temporaryPath, pathPrefix }, this.#abort.signal);
      const { path, sizeBytes, revision } = made;
      log.info({ path, bytes: sizeBytes, revision }, 'took a scheduled snapshot');
      report.found({ takenMs, sizeBytes, revision });
      report.taken(clock.monotonicMs() - startedMs);
      this.#lastMs = startedMs;
      this.#seenMs = takenMs;
      this.#retryAtMs = 0;
      this.#retain(path);
    } catch (error) {
      this.#retryAtMs = clock.monotonicMs() + this.#retryMs();
      this.#discard(temporaryPath);
      if (this.#abort.signal.aborted) return;
      report.failed();
      log.error({ error, directory }, 'a scheduled snapshot could not be taken; trying again');
    }
  }

  /** Not its parents: a file system that is not mounted must not be mistaken for an empty one. */
  #makeDirectory(): void {
    const { directory } = this.#config;
    if (!existsSync(directory)) mkdirSync(directory, { mode: 0o700 });
  }

  /** The interval, where the schedule is one. */
  #everyMs(): number | undefined {
    const { schedule } = this.#config;
    return typeof schedule === 'object' && 'everyMs' in schedule ? schedule.everyMs : undefined;
  }

  #retryMs(): number {
    return Math.min(retryMs, this.#everyMs() ?? retryMs);
  }

  /** @throws Error: filling the disk would stop the member's own writes */
  #mustHaveRoom(): void {
    const { estimateBytes } = this.#options;
    const { directory } = this.#config;
    const { bavail, bsize } = statfsSync(directory);
    const neededBytes = 2 * estimateBytes() + reserveBytes;
    if (bavail * bsize >= neededBytes) return;
    throw new Error(
      `only ${bavail * bsize} bytes are free in ${directory}; a snapshot is taken where ` +
        `${neededBytes} are, so that the member keeps room to write`,
    );
  }

  /** A file that cannot be removed is no reason to call the snapshot failed. */
  #retain(madePath: string): void {
    const { clock, log, report } = this.#options;
    const config = this.#config;
    const files = this.#files();
    const made = madePath.slice(madePath.lastIndexOf('/') + 1);
    const expired = expiredBackups(files, config, { nowMs: clock.nowMs(), made });
    let removed = 0;
    for (const { name } of expired) {
      try {
        unlinkSync(join(config.directory, name));
        removed += 1;
      } catch (error) {
        log.warn({ error, name }, 'an old snapshot could not be removed');
      }
    }
    report.kept(files.length - removed);
  }

  #discard(path: string): void {
    try {
      rmSync(path, { force: true });
    } catch (error) {
      this.#options.log.debug({ error, path }, 'an unfinished snapshot could not be removed');
    }
  }

  #files(): ReturnType<typeof ownBackups> {
    return ownBackups(this.#options.member, readdirSync(this.#config.directory));
  }
}
