/** A snapshot file as it lies on a disk: its trailing hash, and what it holds in short. */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { KeyValue } from '../../gen/etcd/kv.js';
import { crc32c } from '../../lib/crc32c.js';
import { BboltFile } from './bbolt-reader.js';
import { decodeRevisionKey, etcdBuckets } from './etcd-buckets.js';

const hashBytes = 32;
/** A database is a multiple of this, so what is left over tells whether a hash follows. */
const sectorBytes = 512;
const chunkBytes = 1024 * 1024;

/** The snapshot is not what its maker wrote. */
export class SnapshotHashError extends Error {
  override readonly name = 'SnapshotHashError';
  readonly code = 'SNAPSHOT_HASH';
  readonly retryable = false;
}

/**
 * Compares the file with the SHA-256 at its end.
 * @throws SnapshotHashError, also when there is none: a database copied from a data directory has none
 */
export function checkSnapshotHash(path: string): void {
  const fd = openSync(path, 'r');
  try {
    const { size } = fstatSync(fd);
    if (size % sectorBytes !== hashBytes) {
      throw new SnapshotHashError('snapshot missing hash but --skip-hash-check=false');
    }
    const hash = createHash('sha256');
    const chunk = Buffer.allocUnsafe(chunkBytes);
    for (let at = 0; at < size - hashBytes;) {
      const count = readSync(fd, chunk, 0, Math.min(chunkBytes, size - hashBytes - at), at);
      if (count === 0) break;
      hash.update(chunk.subarray(0, count));
      at += count;
    }
    const wanted = Buffer.alloc(hashBytes);
    readSync(fd, wanted, 0, hashBytes, size - hashBytes);
    const found = hash.digest();
    if (!found.equals(wanted)) {
      throw new SnapshotHashError(
        `expected sha256 ${wanted.toString('hex')}, got ${found.toString('hex')} (${path})`,
      );
    }
  } finally {
    closeSync(fd);
  }
}

/** Appends the SHA-256 of a database file to it, and syncs it. @returns the size of the whole */
export function appendSnapshotHash(path: string): number {
  const fd = openSync(path, 'r+');
  try {
    const { size } = fstatSync(fd);
    const hash = createHash('sha256');
    const chunk = Buffer.allocUnsafe(chunkBytes);
    for (let at = 0; at < size;) {
      const count = readSync(fd, chunk, 0, chunkBytes, at);
      if (count === 0) throw new Error(`${path} became shorter`);
      hash.update(chunk.subarray(0, count));
      at += count;
    }
    const digest = hash.digest();
    for (let done = 0; done < digest.length;) {
      done += writeSync(fd, digest, done, digest.length - done, size + done);
    }
    fsyncSync(fd);
    return size + digest.length;
  } finally {
    closeSync(fd);
  }
}

/** The figures of `etcdctl snapshot status`. */
export interface SnapshotStatus {
  /** CRC-32C over bucket names, keys and values. */
  readonly hash: number;
  readonly revision: number;
  readonly totalKey: number;
  /** Bytes of the database. */
  readonly totalSize: number;
}

/** Reads the values of now of the keys that begin so. @throws BboltCorruptError */
export function latestValues(path: string, keyPrefix: string): Map<string, Buffer> {
  const file = BboltFile.open(path);
  try {
    const found = new Map<string, Buffer>();
    for (const { key, value } of file.entries(etcdBuckets.key)) {
      const pair = KeyValue.decode(value);
      const name = Buffer.from(pair.key).toString();
      if (!name.startsWith(keyPrefix)) continue;
      if (decodeRevisionKey(key)?.tombstone === true) found.delete(name);
      else found.set(name, Buffer.from(pair.value));
    }
    return found;
  } finally {
    file.close();
  }
}

/** Reads the whole database. @throws BboltCorruptError */
export function snapshotStatus(path: string): SnapshotStatus {
  const file = BboltFile.open(path);
  try {
    let hash = 0;
    let totalKey = 0;
    let revision = 0;
    for (const name of file.bucketNames()) {
      hash = crc32c(Buffer.from(name, 'latin1'), hash);
      for (const { key, value } of file.entries(name)) {
        hash = crc32c(value, crc32c(key, hash));
        totalKey += 1;
        if (name === etcdBuckets.key) revision = decodeRevisionKey(key)?.main ?? revision;
      }
    }
    return { hash, revision, totalKey, totalSize: file.databaseBytes };
  } finally {
    file.close();
  }
}
