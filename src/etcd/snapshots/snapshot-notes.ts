/**
 * Notes in a snapshot file: a bucket of its own, which etcd and `etcdutl` carry along and nobody's restore reads. So
 * one file can bring what the store does not hold, such as the keys that its values are encrypted with.
 */
import { rm } from 'node:fs/promises';
import { BboltFile } from './bbolt-reader.js';
import type { BboltPair } from './bbolt-format.js';
import { BboltWriter } from './bbolt-writer.js';
import { appendSnapshotHash } from './snapshot-file.js';

const notesBucket = 'trireme';

/**
 * Writes `toPath` (must not exist): the same snapshot with these notes, and with its SHA-256 at the end; synced.
 * @throws BboltCorruptError; on an error the file is removed
 */
export async function writeWithNotes(
  fromPath: string,
  toPath: string,
  notes: Readonly<Record<string, Uint8Array>>,
): Promise<void> {
  const file = BboltFile.open(fromPath);
  try {
    const writer = await BboltWriter.create(toPath);
    try {
      for (const name of file.bucketNames()) {
        if (name !== notesBucket) await writer.bucket(name, file.entries(name));
      }
      await writer.bucket(notesBucket, pairsOf(notes));
      await writer.finish();
    } catch (error) {
      await writer.abort();
      throw error;
    }
    appendSnapshotHash(toPath);
  } catch (error) {
    await rm(toPath, { force: true });
    throw error;
  } finally {
    file.close();
  }
}

/** Reads the notes of a snapshot file; empty where it has none. @throws BboltCorruptError */
export function readNotes(path: string): Record<string, Buffer> {
  const file = BboltFile.open(path);
  try {
    const pairs = [...file.entries(notesBucket)];
    return Object.fromEntries(pairs.map(({ key, value }) => [key.toString(), Buffer.from(value)]));
  } finally {
    file.close();
  }
}

function pairsOf(notes: Readonly<Record<string, Uint8Array>>): BboltPair[] {
  return Object.entries(notes)
    .map(([name, value]) => ({ key: Buffer.from(name), value: Buffer.from(value) }))
    .toSorted((a, b) => Buffer.compare(a.key, b.key));
}
