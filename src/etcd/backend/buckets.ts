import type Database from 'better-sqlite3';
import { BackendCorruptError } from './errors.js';
import { pairCheck } from './row-check.js';
import type { Bucket } from './types.js';

/** All pairs of the small tables, checked. @throws BackendCorruptError */
export function* readPairs(
  db: Database.Database,
): Generator<[bucket: string, key: Buffer, value: Buffer]> {
  const rows = db.prepare('SELECT bucket, key, value, crc FROM bucket ORDER BY bucket, key').raw();
  for (const row of rows.iterate()) {
    const [bucket, key, value, crc] = row as [unknown, unknown, unknown, unknown];
    const sound = typeof bucket === 'string' && Buffer.isBuffer(key) && Buffer.isBuffer(value);
    if (!sound || (crc !== null && crc !== pairCheck(bucket, key, value))) {
      throw new BackendCorruptError(
        db.name,
        `a pair of table ${String(bucket)}: its checksum is wrong`,
      );
    }
    yield [bucket, key, value];
  }
}

/** The small tables, wholly in memory, with the changes that wait for the next batch. */
export class Buckets {
  readonly #content = new Map<string, Map<string, Buffer>>();
  /** Changed keys by bucket; a key that is not in `#content` any more is deleted. */
  readonly #dirty = new Map<string, Set<string>>();
  readonly #upsert: Database.Statement;
  readonly #remove: Database.Statement;

  constructor(db: Database.Database) {
    this.#upsert = db.prepare(
      'INSERT OR REPLACE INTO bucket (bucket, key, value, crc) VALUES (?, ?, ?, ?)',
    );
    this.#remove = db.prepare('DELETE FROM bucket WHERE bucket = ? AND key = ?');
    for (const [bucket, key, value] of readPairs(db)) {
      this.#of(bucket).set(key.toString('latin1'), value);
    }
  }

  get dirty(): boolean {
    return this.#dirty.size > 0;
  }

  get(bucket: Bucket, key: string): Buffer | undefined {
    return this.#content.get(bucket)?.get(key);
  }

  put(bucket: Bucket, key: string, value: Buffer): void {
    this.#of(bucket).set(key, value);
    this.#touch(bucket, key);
  }

  delete(bucket: Bucket, key: string): void {
    if (this.#content.get(bucket)?.delete(key) === true) this.#touch(bucket, key);
  }

  entries(bucket: Bucket): [string, Buffer][] {
    const pairs = [...(this.#content.get(bucket) ?? [])];
    return pairs.sort((a, b) => (a[0] < b[0] ? -1 : 1));
  }

  /** Writes the changes inside the caller's transaction; `written` afterwards forgets them. */
  write(): void {
    for (const [bucket, keys] of this.#dirty) {
      const content = this.#content.get(bucket);
      for (const key of keys) {
        const value = content?.get(key);
        const keyBytes = Buffer.from(key, 'latin1');
        if (value === undefined) this.#remove.run(bucket, keyBytes);
        else this.#upsert.run(bucket, keyBytes, value, pairCheck(bucket, keyBytes, value));
      }
    }
  }

  written(): void {
    this.#dirty.clear();
  }

  #of(bucket: string): Map<string, Buffer> {
    let content = this.#content.get(bucket);
    if (content === undefined) {
      content = new Map();
      this.#content.set(bucket, content);
    }
    return content;
  }

  #touch(bucket: string, key: string): void {
    let keys = this.#dirty.get(bucket);
    if (keys === undefined) {
      keys = new Set();
      this.#dirty.set(bucket, keys);
    }
    keys.add(key);
  }
}
