import { existsSync } from 'node:fs';
import type Database from 'better-sqlite3';
import { assert } from '../../lib/assert.js';
import { delay } from '../../lib/clock.js';
import type { Clock } from '../../lib/clock.js';
import { Buckets } from './buckets.js';
import {
  BackendCorruptError,
  BackendNoSpaceError,
  convertOpenError,
  convertSqliteError,
} from './errors.js';
import { hashDatabase } from './hash.js';
import { MaintenanceThread, runMaintenance } from './maintenance.js';
import type { MaintenanceJob, MaintenanceResult } from './maintenance.js';
import { locateRow } from './locate-row.js';
import { RevisionTable } from './revision-table.js';
import { decodeTotals, noRevisions } from './row-check.js';
import type { RevisionTotals } from './row-check.js';
import { openDatabase, revisionId } from './schema.js';
import { decodeConsistentIndex, encodeConsistentIndex, readSnapshotFile } from './snapshot.js';
import { verifyRows } from './verify-rows.js';
import type {
  Backend,
  BackendSnapshot,
  Bucket,
  ConsistentIndex,
  RevisionVisitor,
} from './types.js';
import { WriteBuffer } from './write-buffer.js';

/** Bounds and intervals. */
export interface BackendOptions {
  readonly clock: Clock;
  /** Commits after so many buffered rows: about 2-10 ms of SQLite's time. @default 1000 */
  readonly batchRows?: number;
  /** Commits after so many buffered bytes. @default 1 MiB */
  readonly batchBytes?: number;
  /** Commits after so long, while much is written. @default 100 ms, etcd's */
  readonly batchIntervalMs?: number;
  /**
   * Commits after so long while no more than `quietRows` rows wait: each commit writes whole pages, and all that waits
   * is in the Raft log. @default 5,000 ms
   */
  readonly quietIntervalMs?: number;
  /** SQLite's log is copied into the database when it has so many pages. @default 2048 (16 MiB) */
  readonly checkpointPages?: number;
  /** Runs checkpoints and copies on a thread of their own; false in the simulation. @default true */
  readonly thread?: boolean;
  /** Told after each commit how long it took. */
  readonly onCommit?: (durationMs: number) => void;
}

/** So few buffered rows, and bytes, wait for the long interval. */
const quietRows = 16;
const quietBytes = 64 * 1024;
/** Buffered rows at which a commit no longer waits for a checkpoint to end. */
const gateRowsMax = 8000;
const vacuumPagesPerSlice = 256;

/** The backend on a SQLite file; see `Backend`. */
export class SqliteBackend implements Backend {
  readonly path: string;
  readonly #db: Database.Database;
  readonly #clock: Clock;
  readonly #options: Required<Omit<BackendOptions, 'clock'>>;
  readonly #thread: MaintenanceThread;
  readonly #buffer = new WriteBuffer();
  readonly #revisions: RevisionTable;
  readonly #buckets: Buckets;
  #index: ConsistentIndex;
  #committedIndex: number;
  #durableIndex: number;
  #indexChanged = false;
  #cancelTimer: (() => void) | undefined;
  /** The timer runs for the long interval. */
  #isSlow = false;
  #pageCount = 0;
  #freePages = 0;
  readonly #pageBytes: number;
  #checkpoint: Promise<void> | undefined;
  /** Commits wait (within bounds) while the last pass of a checkpoint runs, so that SQLite's log can start over. */
  #gated = false;
  #framesEstimate = 0;
  #closed = false;
  #noSpace = false;

  onDamage: ((error: Error) => void) | undefined;

  /** Opens or makes the file. @throws BackendCorruptError */
  static open(path: string, options: BackendOptions): SqliteBackend {
    let db: Database.Database | undefined;
    try {
      db = openDatabase(path);
      return new SqliteBackend(path, db, options);
    } catch (error) {
      db?.close();
      throw convertOpenError(path, error);
    }
  }

  private constructor(path: string, db: Database.Database, options: BackendOptions) {
    this.path = path;
    this.#clock = options.clock;
    this.#options = {
      batchRows: options.batchRows ?? 1000,
      batchBytes: options.batchBytes ?? 1024 * 1024,
      batchIntervalMs: options.batchIntervalMs ?? 100,
      quietIntervalMs: options.quietIntervalMs ?? 5_000,
      checkpointPages: options.checkpointPages ?? 2048,
      thread: options.thread ?? true,
      onCommit: options.onCommit ?? ((): void => undefined),
    };
    this.#db = db;
    this.#thread = new MaintenanceThread(path, this.#clock);
    this.#revisions = new RevisionTable(this.#db, this.#buffer, (main, sub, detail) => {
      throw this.damage(main, sub, detail);
    });
    this.#buckets = new Buckets(this.#db);
    const position = this.#buckets.get('meta', 'consistent_index');
    this.#index = decodeConsistentIndex(position);
    this.#revisions.totals = decodeTotals(position) ?? this.#totalsIfEmpty();
    this.#committedIndex = this.#index.index;
    // The earlier process may not have synced SQLite's log; the first checkpoint syncs it.
    this.#durableIndex = 0;
    this.#pageBytes = Number(this.#db.pragma('page_size', { simple: true }));
    this.#countPages();
  }

  putRevision(main: number, sub: number, tombstone: boolean, value: Buffer): void {
    this.#buffer.push(main, sub, tombstone, value);
  }

  getRevision(main: number, sub: number): Buffer | undefined {
    return this.#guard(() => this.#revisions.get(main, sub));
  }

  scanAllRevisions(visit: RevisionVisitor): void {
    // Only for their sake: a member must be able to start while its disk is full.
    if (this.#buffer.length > 0) this.commit();
    this.#guard(() => this.#revisions.scanAll(visit));
  }

  damage(main: number, sub: number, detail: string): BackendCorruptError {
    const rootPage = this.#db
      .prepare(`SELECT rootpage FROM sqlite_schema WHERE name = 'revision'`)
      .pluck()
      .get();
    const tree = { rootPage: Number(rootPage), pageBytes: this.#pageBytes };
    const id = BigInt(revisionId(main, sub));
    const place = main > 0 ? locateRow(this.path, tree, id) : undefined;
    const where = place === undefined ? '' : ` (page ${place.page}, byte ${place.offset})`;
    const error = new BackendCorruptError(this.path, `revision ${main}.${sub}${where}: ${detail}`);
    this.onDamage?.(error);
    return error;
  }

  scanRevisions(fromMain: number, toMain: number, visit: RevisionVisitor): void {
    const bounds = { maxRows: Infinity, maxBytes: Infinity };
    this.scanRevisionsBounded(fromMain, toMain, bounds, visit);
  }

  scanRevisionsBounded(
    fromMain: number,
    toMain: number,
    bounds: { readonly maxRows: number; readonly maxBytes: number },
    visit: RevisionVisitor,
  ): number {
    return this.#guard(() => this.#revisions.scan(fromMain, toMain, bounds, visit));
  }

  deleteRevisions(revisions: readonly (readonly [main: number, sub: number])[]): void {
    this.#write((totals) => this.#revisions.deleteAll(revisions, totals));
  }

  put(bucket: Bucket, key: string, value: Buffer): void {
    this.#buckets.put(bucket, key, value);
    this.#startTimer();
  }

  get(bucket: Bucket, key: string): Buffer | undefined {
    return this.#buckets.get(bucket, key);
  }

  delete(bucket: Bucket, key: string): void {
    this.#buckets.delete(bucket, key);
    this.#startTimer();
  }

  entries(bucket: Bucket): [string, Buffer][] {
    return this.#buckets.entries(bucket);
  }

  endApply(index: number, term: number): void {
    assert(index >= this.#index.index, 'the consistent index never falls');
    this.#index = { index, term };
    this.#indexChanged = true;
    const { length, bytes } = this.#buffer;
    const full = length >= this.#options.batchRows || bytes >= this.#options.batchBytes;
    const gateHolds = this.#gated && length < gateRowsMax && bytes < 8 * this.#options.batchBytes;
    if (full && !gateHolds) this.#commitInBackground();
    else this.#startTimer();
  }

  get consistentIndex(): ConsistentIndex {
    return this.#index;
  }

  get committedIndex(): number {
    return this.#committedIndex;
  }

  get durableIndex(): number {
    return this.#durableIndex;
  }

  get noSpace(): boolean {
    return this.#noSpace;
  }

  get confState(): Buffer | undefined {
    return this.#buckets.get('meta', 'conf_state');
  }

  setConfState(confState: Buffer): void {
    this.put('meta', 'conf_state', confState);
  }

  commit(): void {
    const isEmpty = this.#buffer.length === 0 && !this.#indexChanged && !this.#buckets.dirty;
    if (isEmpty && !this.#noSpace) return;
    this.#write((totals) => totals);
  }

  async makeDurable(): Promise<void> {
    const target = this.#index.index;
    this.commit();
    while (this.#durableIndex < target) await this.#runCheckpoint();
  }

  revisionCount(): number {
    return (this.#revisions.totals?.count ?? 0) + this.#buffer.length;
  }

  sizeBytes(): number {
    return this.#pageCount * this.#pageBytes + this.#buffer.bytes;
  }

  sizeInUseBytes(): number {
    return (this.#pageCount - this.#freePages) * this.#pageBytes + this.#buffer.bytes;
  }

  async defragment(): Promise<void> {
    this.commit();
    while (this.#freePages > 0 && !this.#closed) {
      const before = this.#freePages;
      this.#guard(() => this.#db.pragma(`incremental_vacuum(${vacuumPagesPerSlice})`));
      this.#countPages();
      if (this.#freePages >= before) break;
      await delay(this.#clock, 0);
    }
    await this.#runCheckpoint();
  }

  async hash(): Promise<number> {
    this.commit();
    try {
      return await hashDatabase(this.path, this.#clock);
    } catch (error) {
      throw convertSqliteError(this.path, error);
    }
  }

  async snapshotTo(path: string): Promise<BackendSnapshot> {
    assert(!existsSync(path), 'the snapshot file does not exist yet');
    this.commit();
    try {
      await this.#run({ kind: 'copy', to: path });
    } catch (error) {
      const converted = convertSqliteError(path, error);
      if (!(converted instanceof BackendCorruptError)) throw converted;
      // The copy has the damage of what it was made from.
      const damage = new BackendCorruptError(this.path, converted.detail, error);
      this.onDamage?.(damage);
      throw damage;
    }
    return readSnapshotFile(path);
  }

  checkIntegrity(): void {
    this.#guard(() => {
      const found = this.#db.pragma('integrity_check(10)', { simple: true });
      if (found !== 'ok') throw new BackendCorruptError(this.path, String(found));
      verifyRows(this.#db, this.path);
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    // Should the disk be full, the changes are in the raft log.
    this.#commitInBackground();
    this.#closed = true;
    this.#cancelTimer?.();
    await this.#checkpoint?.catch(() => undefined);
    await this.#thread.close();
    // The last connection to close copies SQLite's log into the database and syncs it.
    this.#db.close();
  }

  abandon(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelTimer?.();
    void this.#thread.close();
    this.#db.close();
  }

  /** A full disk is not the apply loop's matter: the rows wait in memory, and the raft log has them. */
  #commitInBackground(): void {
    try {
      this.commit();
    } catch (error) {
      if (!(error instanceof BackendNoSpaceError)) throw error;
      this.#startTimer();
    }
  }

  /** Writes all that is buffered and runs `more`, which gets and gives the rows' totals, in one transaction. */
  #write(more: (totals: RevisionTotals | undefined) => RevisionTotals | undefined): void {
    assert(!this.#closed, 'the backend is open');
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const startedMs = this.#clock.monotonicMs();
    this.#guard(() => {
      this.#db.exec('BEGIN IMMEDIATE');
      try {
        const totals = more(this.#revisions.flush());
        if (this.#indexChanged || totals !== this.#revisions.totals) {
          this.#buckets.put('meta', 'consistent_index', encodeConsistentIndex(this.#index, totals));
        }
        this.#buckets.write();
        this.#db.exec('COMMIT');
        this.#revisions.totals = totals;
      } catch (error) {
        if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
        const converted = convertSqliteError(this.path, error);
        this.#noSpace = converted instanceof BackendNoSpaceError;
        // The commit is tried again until there is room, whether or not its caller does: the member waits for that.
        if (this.#noSpace) this.#startTimer();
        throw converted;
      }
    });
    // Every row costs its share of pages; each batch rewrites a few more. It only decides when to look.
    this.#framesEstimate += 4 + Math.ceil((this.#buffer.bytes * 1.2) / this.#pageBytes);
    this.#buffer.clear();
    this.#buckets.written();
    this.#indexChanged = false;
    this.#options.onCommit(this.#clock.monotonicMs() - startedMs);
    this.#noSpace = false;
    this.#committedIndex = this.#index.index;
    this.#countPages();
    if (this.#framesEstimate >= this.#options.checkpointPages && this.#checkpoint === undefined) {
      // A failed checkpoint loses nothing and is tried again after the next batch.
      void this.#runCheckpoint().catch(() => undefined);
    }
  }

  /** A new file; one of an earlier version is counted when it is read whole. */
  #totalsIfEmpty(): RevisionTotals | undefined {
    const some = this.#db.prepare('SELECT 1 FROM revision LIMIT 1').get();
    return some === undefined ? noRevisions : undefined;
  }

  #runCheckpoint(): Promise<void> {
    this.#checkpoint ??= this.#checkpointPasses().finally(() => {
      this.#gated = false;
      this.#checkpoint = undefined;
      if (!this.#closed) this.#startTimer();
    });
    return this.#checkpoint;
  }

  /** First beside the writer, then, for the few pages that came meanwhile, with commits held back. */
  async #checkpointPasses(): Promise<void> {
    for (let pass = 0; pass < 3; pass++) {
      const committed = this.#committedIndex;
      this.#gated = pass > 0;
      const result = await this.#run({ kind: 'checkpoint' });
      this.#durableIndex = Math.max(this.#durableIndex, committed);
      this.#framesEstimate = result.logFrames - result.checkpointedFrames;
      if (this.#framesEstimate <= 0) break;
    }
  }

  async #run(job: MaintenanceJob): Promise<MaintenanceResult> {
    if (this.#options.thread) return this.#thread.run(job);
    return runMaintenance(this.#db, this.path, job);
  }

  #startTimer(): void {
    if (this.#closed) return;
    const { batchIntervalMs, quietIntervalMs } = this.#options;
    const { length, bytes } = this.#buffer;
    const isQuiet = length <= quietRows && bytes <= quietBytes && !this.#noSpace;
    if (this.#cancelTimer !== undefined && (isQuiet || !this.#isSlow)) return;
    this.#cancelTimer?.();
    this.#isSlow = isQuiet;
    const afterMs = isQuiet ? Math.max(quietIntervalMs, batchIntervalMs) : batchIntervalMs;
    this.#cancelTimer = this.#clock.schedule(afterMs, () => {
      this.#cancelTimer = undefined;
      if (this.#gated) this.#startTimer();
      else this.#commitInBackground();
    });
  }

  #countPages(): void {
    this.#pageCount = Number(this.#db.pragma('page_count', { simple: true }));
    this.#freePages = Number(this.#db.pragma('freelist_count', { simple: true }));
  }

  #guard<T>(fn: () => T): T {
    try {
      return fn();
    } catch (error) {
      const converted = convertSqliteError(this.path, error);
      if (converted instanceof BackendCorruptError && converted !== error) {
        this.onDamage?.(converted);
      }
      throw converted;
    }
  }
}
