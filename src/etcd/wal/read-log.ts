import { mustExist } from '../../lib/assert.js';
import type { Disk } from './disk.js';
import { WalCorruptError } from './errors.js';
import type { Segment } from './log-files.js';
import {
  decodeEntry,
  decodeEntryIndex,
  decodeHardState,
  decodeMetadata,
  decodeSnapshot,
  recordType,
} from './record.js';
import { readSegment } from './segment.js';
import type { SegmentEnd } from './segment.js';
import type {
  WalContents,
  WalEntry,
  WalHardState,
  WalMetadata,
  WalSnapshotMarker,
} from './types.js';

/** Collects what the records of a log say, in order. */
class LogReader {
  metadata: WalMetadata | undefined;
  hardState: WalHardState = { term: 0, vote: 0n, commit: 0 };
  entries: WalEntry[] = [];
  readonly snapshots: WalSnapshotMarker[] = [];
  readonly #afterIndex: number;
  /** The index that the next entry may have at most. */
  #nextIndex: number | undefined;

  constructor(afterIndex: number) {
    this.#afterIndex = afterIndex;
  }

  visit(path: string, type: number, bytes: Buffer, at: number, payloadBytes: number): void {
    switch (type) {
      case recordType.metadata:
        this.#visitMetadata(path, at, decodeMetadata(bytes, at));
        break;
      case recordType.hardState:
        this.hardState = decodeHardState(bytes, at);
        break;
      case recordType.snapshot:
        this.#visitSnapshot(decodeSnapshot(bytes, at, payloadBytes));
        break;
      case recordType.entry: {
        const index = decodeEntryIndex(bytes, at, payloadBytes);
        if (index === undefined) throw new WalCorruptError(path, at, 'an entry of unknown type');
        this.#visitEntry(path, at, index);
        // The others are only checked: copying them would cost more than that.
        const entry = index > this.#afterIndex ? decodeEntry(bytes, at, payloadBytes) : undefined;
        if (entry !== undefined) this.entries.push(entry);
        break;
      }
      default:
        throw new WalCorruptError(path, at, `record type ${type} is unknown`);
    }
  }

  #visitMetadata(path: string, at: number, metadata: WalMetadata): void {
    const before = this.metadata;
    if (
      before !== undefined &&
      (before.clusterId !== metadata.clusterId || before.memberId !== metadata.memberId)
    ) {
      throw new WalCorruptError(path, at, 'the segment belongs to another member');
    }
    this.metadata = metadata;
  }

  #visitSnapshot(marker: WalSnapshotMarker): void {
    this.snapshots.push(marker);
    // A snapshot from the leader replaces a log that ended before it.
    if (this.#nextIndex !== undefined && marker.index >= this.#nextIndex) {
      this.entries = [];
      this.#nextIndex = marker.index + 1;
    }
  }

  #visitEntry(path: string, at: number, index: number): void {
    if (this.#nextIndex !== undefined && index > this.#nextIndex) {
      if (this.#nextIndex > this.#afterIndex || index > this.#afterIndex + 1) {
        throw new WalCorruptError(path, at, `entry ${this.#nextIndex} is missing`);
      }
    }
    this.#nextIndex = index + 1;
    const first = this.entries[0]?.index ?? index;
    // The last writer of an index wins, and ends the log there (raft's conflict rule).
    this.entries.length = Math.min(this.entries.length, Math.max(0, index - first));
  }
}

/**
 * Reads the segments that can hold entries after `afterIndex`.
 * @throws WalCorruptError
 */
export function readLog(
  disk: Disk,
  segments: readonly Segment[],
  afterIndex: number,
): { readonly contents: WalContents; readonly end: SegmentEnd } {
  let start = segments.length - 1;
  while (start > 0 && mustExist(segments[start], 'segment').firstIndex > afterIndex + 1) start -= 1;
  const reader = new LogReader(afterIndex);
  let end: SegmentEnd | undefined;
  for (let at = start; at < segments.length; at++) {
    const { path } = mustExist(segments[at], 'segment');
    const file = disk.open(path, { create: false });
    try {
      const options = { chain: end?.chain, isLast: at === segments.length - 1 };
      end = readSegment(file, options, (type, bytes, offset, payloadBytes) =>
        reader.visit(path, type, bytes, offset, payloadBytes),
      );
    } finally {
      file.close();
    }
  }
  const first = mustExist(segments[start], 'segment');
  const found = reader.entries[0]?.index;
  if (afterIndex > 0 && found !== undefined && found > afterIndex + 1) {
    throw new WalCorruptError(first.path, 0, `entry ${afterIndex + 1} is missing`);
  }
  if (reader.metadata === undefined) {
    throw new WalCorruptError(first.path, 0, 'the segment has no metadata');
  }
  const commit = reader.hardState.commit;
  const contents: WalContents = {
    metadata: reader.metadata,
    hardState: reader.hardState,
    entries: reader.entries,
    snapshots: reader.snapshots.filter((marker) => marker.index <= commit),
    tornBytes: end?.tornBytes ?? 0,
  };
  return { contents, end: mustExist(end, 'a segment that was read') };
}
