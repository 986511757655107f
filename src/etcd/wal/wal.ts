import { dirname } from 'node:path';
import { assert, mustExist } from '../../lib/assert.js';
import type { Disk, DiskFile } from './disk.js';
import { WalNoSpaceError, WalWriteError } from './errors.js';
import { errorCode } from './node-disk.js';
import { findSegments, makeSegment, newSegment, segmentBytesDefault } from './log-files.js';
import type { Segment } from './log-files.js';
import { readLog } from './read-log.js';
import { RecordBuffer } from './record.js';
import { parseSegmentName } from './segment.js';
import type {
  WalContents,
  WalEntry,
  WalHardState,
  WalMetadata,
  WalOptions,
  WalSnapshotMarker,
  WalWriter,
} from './types.js';

/** The position at which writing goes on: handed to the constructor by `create` or `open`. */
interface WalStart {
  readonly directory: string;
  readonly metadata: WalMetadata;
  readonly segments: Segment[];
  readonly file: DiskFile;
  readonly offset: number;
  readonly chain: number;
  readonly hardState: WalHardState;
  readonly lastIndex: number;
}

/** Encoded records that one sync covers, and what is needed to open a segment with them. */
class Batch extends RecordBuffer {
  /** The chain's value before its first record. */
  chainBefore = 0;
  /** One more than the last index before it. */
  firstIndex = 0;
  /** The lowest entry index in it; entries from there on that were durable before are replaced. */
  lowestIndex = Infinity;
  /** The last index once it is durable. */
  lastIndex = 0;
  /** The hard state before it. */
  hardStateBefore: WalHardState = { term: 0, vote: 0n, commit: 0 };
}

interface Round {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** The raft log on disk. See `WalWriter` for the contract and README.md for the format. */
export class Wal implements WalWriter {
  readonly #disk: Disk;
  readonly #options: WalOptions;
  readonly #segmentBytes: number;
  readonly #directory: string;
  readonly #metadata: WalMetadata;
  readonly #segments: Segment[];
  #file: DiskFile;
  /** The offset of the next batch. Invariant: all before it is durable when no sync is in flight. */
  #offset: number;
  #chain: number;
  #hardState: WalHardState;
  #lastIndex: number;
  #durableIndex: number;
  #pending = new Batch();
  /** The records that the running sync covers, kept until it has succeeded. */
  #flying = new Batch();
  #inFlight: Round | undefined;
  #next: Round | undefined;
  #failure: Error | undefined;
  #closed = false;

  private constructor(options: WalOptions, start: WalStart) {
    this.#disk = options.disk;
    this.#options = options;
    this.#segmentBytes = options.segmentBytes ?? segmentBytesDefault;
    this.#directory = start.directory;
    this.#metadata = start.metadata;
    this.#segments = start.segments;
    this.#file = start.file;
    this.#offset = start.offset;
    this.#chain = start.chain;
    this.#hardState = start.hardState;
    this.#lastIndex = start.lastIndex;
    this.#durableIndex = start.lastIndex;
  }

  /** True when the directory holds a log. */
  static exists(disk: Disk, directory: string): boolean {
    return disk.list(directory).some((name) => parseSegmentName(name) !== undefined);
  }

  /**
   * Makes a new, empty log, durable on return.
   * @throws WalNoSpaceError, WalWriteError
   */
  static create(directory: string, metadata: WalMetadata, options: WalOptions): Wal {
    const { disk } = options;
    disk.makeDirectory(directory);
    assert(!Wal.exists(disk, directory), `no log is in ${directory} yet`);
    const hardState = { term: 0, vote: 0n, commit: 0 };
    const segment = newSegment(directory, 0, 1);
    const segmentBytes = options.segmentBytes ?? segmentBytesDefault;
    const made = makeSegment(disk, segment, { segmentBytes, metadata, hardState, chain: 0 });
    disk.syncDirectory(dirname(directory));
    return new Wal(options, {
      chain: 0,
      directory,
      metadata,
      segments: [segment],
      hardState,
      lastIndex: 0,
      ...made,
    });
  }

  /**
   * Reads a log and makes it ready for appending; a torn last batch is cut off.
   * @param afterIndex the index of the snapshot that the member starts from (0: none); only entries after it are
   * returned.
   * @throws WalCorruptError naming file and offset; WalNotFoundError
   */
  static open(
    directory: string,
    afterIndex: number,
    options: WalOptions,
  ): { readonly wal: Wal; readonly contents: WalContents } {
    const { disk } = options;
    const segments = findSegments(disk, directory);
    const read = readLog(disk, segments, afterIndex);
    const last = mustExist(segments.at(-1), 'last segment');
    const file = disk.open(last.path, { create: false });
    if (read.end.tornBytes > 0) {
      file.truncate(read.end.offset);
      file.truncate(Math.max(read.end.offset, options.segmentBytes ?? segmentBytesDefault));
    }
    // A process that died before its last sync had ended leaves records that are readable but not durable: from here on
    // they count.
    file.syncDataNow();
    const { contents } = read;
    const wal = new Wal(options, {
      directory,
      metadata: contents.metadata,
      segments,
      file,
      offset: read.end.offset,
      chain: read.end.chain,
      hardState: contents.hardState,
      lastIndex: contents.entries.at(-1)?.index ?? afterIndex,
    });
    return { wal, contents };
  }

  get lastIndex(): number {
    return this.#lastIndex;
  }

  get durableIndex(): number {
    return this.#durableIndex;
  }

  get pendingBytes(): number {
    return this.#pending.length + (this.#inFlight === undefined ? 0 : this.#flying.length);
  }

  append(hardState: WalHardState | undefined, entries: readonly WalEntry[]): void {
    if (hardState === undefined && entries.length === 0) return;
    const pending = this.#begin();
    let chain = this.#chain;
    for (let at = 0; at < entries.length; at++) {
      const entry = entries[at] as WalEntry;
      assert(
        entry.index <= this.#lastIndex + 1,
        `entry ${entry.index} leaves no gap after ${this.#lastIndex}`,
      );
      chain = pending.entry(entry, chain);
      this.#lastIndex = entry.index;
      if (entry.index < pending.lowestIndex) {
        pending.lowestIndex = entry.index;
        if (entry.index <= this.#durableIndex) this.#durableIndex = entry.index - 1;
      }
    }
    if (hardState !== undefined) {
      chain = pending.hardState(hardState, chain);
      this.#hardState = hardState;
    }
    this.#chain = chain;
  }

  saveSnapshot(marker: WalSnapshotMarker): void {
    this.#chain = this.#begin().snapshot(marker, this.#chain);
    // A snapshot from the leader replaces a log that ends before it.
    if (marker.index > this.#lastIndex) this.#lastIndex = marker.index;
  }

  sync(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#pending.length === 0) return this.#inFlight?.promise ?? Promise.resolve();
    this.#next ??= newRound();
    const round = this.#next;
    if (this.#inFlight === undefined) this.#flush();
    return round.promise;
  }

  releaseTo(index: number): number {
    let count = 0;
    for (;;) {
      const [first, second] = this.#segments;
      if (first === undefined || second === undefined || second.firstIndex > index + 1) break;
      this.#disk.remove(first.path);
      this.#segments.shift();
      count += 1;
    }
    if (count > 0) this.#disk.syncDirectory(this.#directory);
    return count;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      while (this.#inFlight !== undefined || this.#pending.length > 0) await this.sync();
    } finally {
      this.#file.close();
    }
  }

  #begin(): Batch {
    const batch = this.#pending;
    if (batch.length === 0) {
      batch.reserveMark();
      batch.chainBefore = this.#chain;
      batch.firstIndex = this.#lastIndex + 1;
      batch.lowestIndex = Infinity;
      batch.hardStateBefore = this.#hardState;
    }
    return batch;
  }

  /** Writes what is pending and starts its sync. Called only when none is in flight. */
  #flush(): void {
    const round = mustExist(this.#next, 'a round that waits');
    this.#next = undefined;
    const batch = this.#pending;
    this.#pending = this.#flying;
    this.#flying = batch;
    this.#inFlight = round;
    batch.lastIndex = this.#lastIndex;
    try {
      if (this.#offset >= this.#segmentBytes) this.#cut(batch);
      batch.fillMark(this.#offset);
      this.#file.write(batch.view(), this.#offset);
    } catch (error) {
      this.#failed(error);
      return;
    }
    const startMs = this.#options.clock?.monotonicMs() ?? 0;
    this.#file.syncData((error) => {
      if (error !== null) {
        this.#failed(error);
        return;
      }
      this.#options.onSync?.((this.#options.clock?.monotonicMs() ?? 0) - startMs, batch.length);
      this.#succeeded();
    });
  }

  #succeeded(): void {
    const batch = this.#flying;
    const round = this.#inFlight;
    this.#offset += batch.length;
    // An entry that was replaced while the sync ran is not the one that has become durable.
    this.#durableIndex = Math.min(batch.lastIndex, this.#pendingLowest() - 1);
    batch.clear();
    this.#inFlight = undefined;
    if (this.#next !== undefined) this.#flush();
    round?.resolve();
  }

  #pendingLowest(): number {
    return this.#pending.length === 0 ? Infinity : this.#pending.lowestIndex;
  }

  /** Undoes the write if the disk is just full, so that the same batch can be written later; else gives up for good. */
  #failed(cause: unknown): void {
    const rounds = [this.#inFlight, this.#next];
    this.#inFlight = undefined;
    this.#next = undefined;
    let error: Error = new WalWriteError(this.#file.path, cause);
    // When there was no room for a further segment, nothing was written at all.
    if (['ENOSPC', 'WAL_NO_SPACE'].includes(errorCode(cause))) {
      try {
        this.#file.truncate(this.#offset);
        this.#file.truncate(Math.max(this.#offset, this.#segmentBytes));
        this.#takeBack();
        error = new WalNoSpaceError(this.#file.path, cause);
      } catch (rollbackCause) {
        error = new WalWriteError(this.#file.path, rollbackCause);
      }
    }
    if (error.name === 'WalWriteError') this.#failure = error;
    for (const round of rounds) round?.reject(error);
  }

  /** Puts the batch that could not be written in front of what came after it. */
  #takeBack(): void {
    const failed = this.#flying;
    const later = this.#pending;
    if (later.length === 0) {
      this.#flying = later;
      this.#pending = failed;
      return;
    }
    later.prepend(failed);
    later.chainBefore = failed.chainBefore;
    later.firstIndex = failed.firstIndex;
    later.hardStateBefore = failed.hardStateBefore;
    later.lowestIndex = Math.min(later.lowestIndex, failed.lowestIndex);
    failed.clear();
  }

  /** Goes on in a new segment; the old one is completely durable at this point. */
  #cut(batch: Batch): void {
    const last = mustExist(this.#segments.at(-1), 'last segment');
    const segment = newSegment(this.#directory, last.sequence + 1, batch.firstIndex);
    const made = makeSegment(this.#disk, segment, {
      segmentBytes: this.#segmentBytes,
      metadata: this.#metadata,
      hardState: batch.hardStateBefore,
      chain: batch.chainBefore,
    });
    this.#file.close();
    this.#file = made.file;
    this.#offset = made.offset;
    this.#segments.push(segment);
  }
}

function newRound(): Round {
  let resolve: () => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<void>((onDone, onError) => {
    resolve = onDone;
    reject = onError;
  });
  return { promise, resolve, reject };
}
