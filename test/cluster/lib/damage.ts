/** Damaging a stopped member's files, and what is known of their bytes. */
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import {
  decodeConsistentIndex,
  encodeConsistentIndex,
} from '../../../src/etcd/backend/snapshot.js';
import { decodeTotals, pairCheck, revisionCheck } from '../../../src/etcd/backend/row-check.js';
import { revisionId } from '../../../src/etcd/backend/schema.js';
import { headerPayloadBytes, markBytes, recordBytes } from '../../../src/etcd/wal/record.js';
import { run, waitFor } from '../etcd-processes.js';
import type { MemberProcess, TestCluster } from '../etcd-processes.js';

const mark = Buffer.from('TRIRMARK', 'latin1');
const headerBytes = 12;

/** Its only segment. */
export function walPath(member: MemberProcess): string {
  const directory = join(member.dataDir, 'member', 'wal');
  const [name = ''] = readdirSync(directory).filter((one) => one.endsWith('.wal'));
  return join(directory, name);
}

export function databasePath(member: MemberProcess): string {
  return join(member.dataDir, 'member', 'snap', 'db');
}

/**
 * Rewrites a stopped member's database so that it holds no row twice: where one was moved or replaced, its old bytes
 * stay behind.
 */
export function withoutRemains(path: string): Buffer {
  const db = new Database(path);
  db.exec('VACUUM');
  db.close();
  return readFileSync(path);
}

/** Flips one bit of a byte, in place: the file may be open elsewhere. */
export function flip(path: string, at: number): void {
  const fd = openSync(path, 'r+');
  try {
    const byte = Buffer.alloc(1);
    readSync(fd, byte, 0, 1, at);
    byte[0] = (byte[0] ?? 0) ^ 0x04;
    writeSync(fd, byte, 0, 1, at);
  } finally {
    closeSync(fd);
  }
}

/** Offset behind the last byte of a log segment that is not zero. */
export function walEnd(bytes: Buffer): number {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  return end;
}

/**
 * Leaves at the end of the log what a batch looks like of which only the first sectors have arrived.
 * @param text in an entry of more than a kilobyte: the batch is a copy of that one's
 */
export function tear(path: string, text: string): void {
  const bytes = readFileSync(path);
  const place = bytes.indexOf(text);
  let [end, entry] = [0, 0];
  for (let size = headerPayloadBytes(bytes, 0); size >= 0; size = headerPayloadBytes(bytes, end)) {
    if (end < place) entry = end;
    end += recordBytes(size);
  }
  // The mark that opens the batch and, behind it, the entry: what may stand between them would be whole, and wrong at
  // this place.
  const batch = bytes.lastIndexOf(mark, place) - headerBytes;
  bytes.copy(bytes, end, batch, batch + markBytes);
  bytes.copy(bytes, end + markBytes, entry, entry + 700);
  writeFileSync(path, bytes);
}

/**
 * Changes a value behind the member's back so that every checksum of its own is right: a mistake of memory or of the
 * program.
 */
export function rewriteValue(path: string, main: number, from: string, to: string): void {
  const db = new Database(path);
  const row = db.prepare('SELECT value, crc FROM revision WHERE id = ?').raw();
  const [value, before] = row.get(revisionId(main, 0)) as [Buffer, number];
  const at = value.indexOf(from);
  value.write(to, at);
  const after = revisionCheck(main, 0, false, value);
  db.prepare('UPDATE revision SET value = ?, crc = ? WHERE id = ?').run(
    value,
    after,
    revisionId(main, 0),
  );
  const key = Buffer.from('consistent_index');
  const meta = db.prepare(`SELECT value FROM bucket WHERE bucket = 'meta' AND key = ?`).pluck();
  const position = meta.get(key) as Buffer;
  const totals = decodeTotals(position);
  if (at < 0 || totals === undefined) throw new Error('the value is not there');
  const xor = (totals.xor ^ before ^ after) >>> 0;
  const next = encodeConsistentIndex(decodeConsistentIndex(position), { ...totals, xor });
  db.prepare(`UPDATE bucket SET value = ?, crc = ? WHERE bucket = 'meta' AND key = ?`).run(
    next,
    pairCheck('meta', key, next),
    key,
  );
  db.close();
}

/** The documented way to replace a member: out, empty directory, in again. */
export async function replaceMember(cluster: TestCluster, at: number, via = 0): Promise<void> {
  const member = cluster.member(at);
  const ctl = async (...args: string[]): Promise<string> => {
    const endpoint = `--endpoints=${cluster.member(via).clientUrl}`;
    let out = '';
    // The cluster refuses changes for a moment after a member was lost.
    await waitFor(args.join(' '), async () => {
      const { code, stdout } = await run('etcdctl', [endpoint, ...args]);
      out = stdout;
      return code === 0;
    });
    return out;
  };
  const list = await ctl('member', 'list');
  const line = list.split('\n').find((one) => one.includes(member.peerUrl)) ?? '';
  await ctl('member', 'remove', line.split(',')[0] ?? '');
  await ctl('member', 'add', member.name, `--peer-urls=${member.peerUrl}`);
  rmSync(member.dataDir, { recursive: true, force: true });
  cluster.restart(at, ['--initial-cluster-state=existing']);
  await cluster.healthy([at]);
}
