/** Making and finding the segment files of a log. */
import { basename, dirname, join } from 'node:path';
import type { Disk, DiskFile } from './disk.js';
import { WalCorruptError, WalNoSpaceError, WalNotFoundError } from './errors.js';
import { errorCode } from './node-disk.js';
import { RecordBuffer } from './record.js';
import { parseSegmentName, segmentName } from './segment.js';
import type { WalHardState, WalMetadata } from './types.js';

/** Etcd's segment size. */
export const segmentBytesDefault = 16 * 1024 * 1024;

/** A file of the log. Invariant: sequences are contiguous and first indexes never fall. */
export interface Segment {
  readonly path: string;
  readonly sequence: number;
  /** No entry in the segments before has this index or a higher one that still counts. */
  readonly firstIndex: number;
}

/** Names a segment; makes nothing. */
export function newSegment(directory: string, sequence: number, firstIndex: number): Segment {
  return { path: join(directory, segmentName(sequence, firstIndex)), sequence, firstIndex };
}

/**
 * Makes the file with its head, durable before it gets its name, so that a crash leaves a whole head or no segment.
 * @returns the open file and where the first batch goes.
 * @throws WalNoSpaceError, or the disk's error; nothing is left behind then.
 */
export function makeSegment(
  disk: Disk,
  segment: Segment,
  head: {
    readonly segmentBytes: number;
    readonly metadata: WalMetadata;
    readonly hardState: WalHardState;
    readonly chain: number;
  },
): { readonly file: DiskFile; readonly offset: number } {
  const temporary = join(dirname(segment.path), 'next.tmp');
  const records = new RecordBuffer(4096);
  records.hardState(head.hardState, records.metadata(head.metadata, 0));
  records.chainStart(head.chain);
  const file = disk.open(temporary, { create: true });
  try {
    file.truncate(0);
    file.truncate(head.segmentBytes);
    file.write(records.view(), 0);
    file.syncDataNow();
  } catch (error) {
    file.close();
    disk.remove(temporary);
    throw errorCode(error) === 'ENOSPC' ? new WalNoSpaceError(segment.path, error) : error;
  }
  file.close();
  disk.rename(temporary, segment.path);
  disk.syncDirectory(dirname(segment.path));
  return { file: disk.open(segment.path, { create: false }), offset: records.length };
}

/**
 * The segments of a directory, in order.
 * @throws WalNotFoundError when there is none; WalCorruptError when one is missing in the row.
 */
export function findSegments(disk: Disk, directory: string): Segment[] {
  const segments: Segment[] = [];
  for (const name of disk.list(directory)) {
    const parsed = parseSegmentName(name);
    if (parsed === undefined) continue;
    const segment = newSegment(directory, parsed.sequence, parsed.firstIndex);
    const before = segments.at(-1);
    if (before !== undefined && before.sequence + 1 !== segment.sequence) {
      throw new WalCorruptError(segment.path, 0, `the file after ${basename(before.path)} is gone`);
    }
    segments.push(segment);
  }
  if (segments.length === 0) throw new WalNotFoundError(directory);
  return segments;
}
