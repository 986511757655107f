import Database from 'better-sqlite3';
import { delay } from '../../lib/clock.js';
import type { Clock } from '../../lib/clock.js';
import { crc32c } from '../../lib/crc32c.js';
import { subCountMax } from './schema.js';

const rowsPerSlice = 500;
/** The position of a member in its log differs between members, and is left out of the hash, as in etcd. */
const ignoredMeta = ['consistent_index'];

/**
 * A checksum of everything in the committed database but the raft position, on a connection of its own that sees one
 * state, in slices.
 */
export async function hashDatabase(path: string, clock: Clock): Promise<number> {
  const db = new Database(path, { readonly: true, fileMustExist: true });
  try {
    const head = Buffer.alloc(17);
    let hash = 0;
    let rows = 0;
    const revisions = db
      .prepare(
        `SELECT id / ${subCountMax}, id % ${subCountMax}, tombstone, value FROM revision ORDER BY id`,
      )
      .raw()
      .iterate() as Iterable<[number, number, number, Buffer]>;
    for (const [main, sub, tombstone, value] of revisions) {
      head.writeDoubleBE(main, 0);
      head.writeDoubleBE(sub, 8);
      head[16] = tombstone;
      hash = crc32c(value, crc32c(head, hash));
      rows += 1;
      if (rows % rowsPerSlice === 0) await delay(clock, 0);
    }
    const pairs = db
      .prepare('SELECT bucket, key, value FROM bucket ORDER BY bucket, key')
      .raw()
      .iterate() as Iterable<[string, Buffer, Buffer]>;
    for (const [bucket, key, value] of pairs) {
      if (bucket === 'meta' && ignoredMeta.includes(key.toString('latin1'))) continue;
      hash = crc32c(value, crc32c(key, crc32c(Buffer.from(bucket), hash)));
    }
    return hash;
  } finally {
    db.close();
  }
}
