/**
 * Database files in memory, with what `SqliteBackend` promises and no more: batches of writes with their raft position;
 * a dead process loses what was not committed, a dead machine any number of the last commits that were not made
 * durable.
 */
import { assert, mustExist } from '../../../src/lib/assert.js';
import { delay } from '../../../src/lib/clock.js';
import type { Clock } from '../../../src/lib/clock.js';
import { crc32c } from '../../../src/lib/crc32c.js';
import type { Prng } from '../../../src/lib/prng.js';
import { BackendCorruptError, BackendNoSpaceError } from '../../../src/etcd/backend/errors.js';
import {
  decodeConsistentIndex,
  encodeConsistentIndex,
} from '../../../src/etcd/backend/snapshot.js';
import type {
  Backend,
  BackendSnapshot,
  Bucket,
  ConsistentIndex,
  RevisionVisitor,
} from '../../../src/etcd/backend/types.js';
import type { DatabaseFiles } from '../../../src/etcd/machine.js';
import { Image } from './sim-image.js';
import type { Change } from './sim-image.js';

/** Told of all effects of an entry when it is applied. */
export type ApplyObserver = (
  position: ConsistentIndex,
  changes: readonly Change[],
  backend: SimBackend,
) => void;

/** The behaviour of a database; drawn from the seed. */
export interface DatabaseOptions {
  readonly clock: () => Clock;
  readonly prng: Prng;
  readonly batchRows: number;
  readonly batchIntervalMs: number;
  /** The longest time of a checkpoint or a copy. */
  readonly slowMsMax: number;
  readonly onApply: ApplyObserver;
}

/** A file: what a dead machine keeps for sure, and the commits since. */
export interface SimFile {
  durable: Image;
  batches: (readonly Change[])[];
}

/** Returns the content that a fresh reader sees. */
export function readFile(file: SimFile): Image {
  const image = file.durable.clone();
  for (const batch of file.batches) image.applyAll(batch);
  return image;
}

/** The files of one member. */
export class SimDatabases implements DatabaseFiles {
  readonly files = new Map<string, SimFile>();
  /** The next so many commits fail for lack of space. */
  failingCommits = 0;
  readonly options: DatabaseOptions;

  constructor(options: DatabaseOptions) {
    this.options = options;
  }

  prepare({ snapshots }: { readonly snapshots: string }): void {
    for (const path of this.files.keys()) {
      if (path.startsWith(`${snapshots}/`)) this.files.delete(path);
    }
  }

  exists(path: string): boolean {
    return this.files.has(path);
  }

  open(path: string): Backend {
    let file = this.files.get(path);
    if (file === undefined) {
      file = { durable: new Image(), batches: [] };
      this.files.set(path, file);
    }
    return this.newBackend(path, file);
  }

  protected newBackend(path: string, file: SimFile): Backend {
    return new SimBackend(path, file, this);
  }

  install(snapshotPath: string, databasePath: string): void {
    const file = this.files.get(snapshotPath);
    if (file === undefined) throw new BackendCorruptError(snapshotPath, 'there is no such file');
    this.files.delete(snapshotPath);
    this.files.set(databasePath, { durable: readFile(file), batches: [] });
  }

  remove(path: string): Promise<void> {
    this.files.delete(path);
    return Promise.resolve();
  }

  /** The machine dies: of the commits that were not made durable the first few are there, or all. */
  powerLoss(prng: Prng): void {
    for (const file of this.files.values()) {
      const kept = file.batches.splice(0, prng.below(file.batches.length + 1));
      for (const batch of kept) file.durable.applyAll(batch);
      file.batches = [];
    }
  }
}

/** The backend on one of them. */
export class SimBackend implements Backend {
  readonly path: string;
  readonly file: SimFile;
  readonly #files: SimDatabases;
  readonly #clock: Clock;
  /** As reads see it: with all that is buffered. */
  readonly #image: Image;
  /** Not committed yet. */
  #pending: Change[] = [];
  /** Since the last `endApply`. */
  #changes: Change[] = [];
  #index: ConsistentIndex;
  #indexChanged = false;
  #committedIndex: number;
  #durableIndex = 0;
  #closed = false;
  #noSpace = false;
  #cancelTimer: (() => void) | undefined;

  constructor(path: string, file: SimFile, files: SimDatabases) {
    this.path = path;
    this.file = file;
    this.#files = files;
    this.#clock = files.options.clock();
    this.#image = readFile(file);
    this.#index = decodeConsistentIndex(this.#image.get('meta', 'consistent_index'));
    this.#committedIndex = this.#index.index;
  }

  putRevision(main: number, sub: number, tombstone: boolean, value: Buffer): void {
    this.#change({ kind: 'row', row: { main, sub, tombstone, value } });
  }

  getRevision(main: number, sub: number): Buffer | undefined {
    return this.#image.find(main, sub)?.value;
  }

  onDamage: ((error: Error) => void) | undefined;

  damage(main: number, sub: number, detail: string): Error {
    const error = new BackendCorruptError(this.path, `revision ${main}.${sub}: ${detail}`);
    this.onDamage?.(error);
    return error;
  }

  scanAllRevisions(visit: RevisionVisitor): void {
    if (this.#pending.some(({ kind }) => kind === 'row')) this.commit();
    this.scanRevisions(0, Number.MAX_SAFE_INTEGER, visit);
  }

  scanRevisions(fromMain: number, toMain: number, visit: RevisionVisitor): void {
    this.#image.scan(fromMain, toMain, { maxRows: Infinity, maxBytes: Infinity }, visit);
  }

  scanRevisionsBounded(
    fromMain: number,
    toMain: number,
    bounds: { readonly maxRows: number; readonly maxBytes: number },
    visit: RevisionVisitor,
  ): number {
    return this.#image.scan(fromMain, toMain, bounds, visit);
  }

  deleteRevisions(revisions: readonly (readonly [main: number, sub: number])[]): void {
    const isInside = this.#changes.some(({ kind }) => kind === 'row');
    assert(!isInside, 'rows are not deleted inside the apply of an entry');
    const drop: Change = { kind: 'drop', revisions: revisions.map(([main, sub]) => [main, sub]) };
    this.#image.apply(drop);
    this.#pending.push(drop);
    this.commit();
  }

  put(bucket: Bucket, key: string, value: Buffer): void {
    this.#change({ kind: 'put', bucket, key, value: Buffer.from(value) });
  }

  get(bucket: Bucket, key: string): Buffer | undefined {
    return this.#image.get(bucket, key);
  }

  delete(bucket: Bucket, key: string): void {
    if (this.#image.get(bucket, key) !== undefined) this.#change({ kind: 'delete', bucket, key });
  }

  entries(bucket: Bucket): [string, Buffer][] {
    return this.#image.entries(bucket);
  }

  endApply(index: number, term: number): void {
    assert(index >= this.#index.index, 'the consistent index never falls');
    this.#index = { index, term };
    this.#indexChanged = true;
    const changes = this.#changes;
    this.#changes = [];
    this.#files.options.onApply(this.#index, changes, this);
    if (this.#pending.length >= this.#files.options.batchRows) this.#commitInBackground();
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
    return this.get('meta', 'conf_state');
  }

  setConfState(confState: Buffer): void {
    this.put('meta', 'conf_state', confState);
  }

  commit(): void {
    assert(!this.#closed, 'the backend is open');
    if (this.#pending.length === 0 && !this.#indexChanged) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#files.failingCommits > 0) {
      this.#files.failingCommits -= 1;
      this.#noSpace = true;
      this.#startTimer();
      throw this.noSpaceError();
    }
    const batch = this.#pending;
    this.#pending = [];
    if (this.#indexChanged) {
      const value = encodeConsistentIndex(this.#index);
      batch.push({ kind: 'put', bucket: 'meta', key: 'consistent_index', value });
    }
    this.#indexChanged = false;
    this.#noSpace = false;
    this.#committedIndex = this.#index.index;
    this.store(batch);
  }

  /** Commits a batch; all of it or nothing. */
  protected store(batch: readonly Change[]): void {
    this.file.batches.push(batch);
  }

  protected noSpaceError(): Error {
    return new BackendNoSpaceError(this.path, undefined);
  }

  async makeDurable(): Promise<void> {
    const target = this.#index.index;
    this.commit();
    while (this.#durableIndex < target) {
      const committed = this.#committedIndex;
      const count = this.file.batches.length;
      await this.#takeTime();
      for (const batch of this.file.batches.splice(0, count)) this.file.durable.applyAll(batch);
      this.#durableIndex = Math.max(this.#durableIndex, committed);
    }
  }

  revisionCount(): number {
    return this.#image.rows.length;
  }

  sizeBytes(): number {
    return this.#image.bytes;
  }

  sizeInUseBytes(): number {
    return this.#image.bytes;
  }

  async defragment(): Promise<void> {
    await this.makeDurable();
  }

  async hash(): Promise<number> {
    this.commit();
    await this.#takeTime();
    let hash = 0;
    this.scanRevisions(0, Infinity, (main, sub, tombstone, value) => {
      hash = crc32c(value, crc32c(Buffer.from(`${main}.${sub}.${tombstone}`), hash));
    });
    return hash;
  }

  async snapshotTo(path: string): Promise<BackendSnapshot> {
    assert(!this.#files.exists(path), 'the snapshot file does not exist yet');
    this.commit();
    await this.#takeTime();
    const durable = readFile(this.file);
    this.#files.files.set(path, { durable, batches: [] });
    return {
      path,
      sizeBytes: durable.bytes,
      consistentIndex: decodeConsistentIndex(durable.get('meta', 'consistent_index')),
      confState: durable.get('meta', 'conf_state'),
    };
  }

  checkIntegrity(): void {
    mustExist(this.#files.files.get(this.path), 'the file');
  }

  close(): Promise<void> {
    if (!this.#closed) {
      this.#commitInBackground();
      this.abandon();
    }
    return Promise.resolve();
  }

  abandon(): void {
    this.#closed = true;
    this.#cancelTimer?.();
  }

  #change(change: Change): void {
    this.#image.apply(change);
    this.#pending.push(change);
    this.#changes.push(change);
    if (change.kind !== 'row') this.#startTimer();
  }

  /** Something that a thread of its own does. */
  async #takeTime(): Promise<void> {
    const { prng, slowMsMax } = this.#files.options;
    await delay(this.#clock, prng.below(slowMsMax + 1));
  }

  #commitInBackground(): void {
    try {
      this.commit();
    } catch (error) {
      if (!(error instanceof BackendNoSpaceError)) throw error;
      this.#startTimer();
    }
  }

  #startTimer(): void {
    if (this.#cancelTimer !== undefined || this.#closed) return;
    this.#cancelTimer = this.#clock.schedule(this.#files.options.batchIntervalMs, () => {
      this.#cancelTimer = undefined;
      this.#commitInBackground();
    });
  }
}
