/** Reads just enough of a real etcd's write-ahead log to tell whether its member has ever run. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BinaryReader } from '@bufbuild/protobuf/wire';

/** Kinds of records (etcd server/wal/wal.go). */
const recordEntry = 2;
/** Field numbers of walpb.Record and raftpb.Entry. */
const recordType = 1;
const recordData = 3;
const entryType = 1;
/** raftpb.EntryType: 0 is an ordinary entry, all others change the configuration. */
const entryNormal = 0;

/** True when the directory holds segments of etcd's log. */
export function isEtcdWal(directory: string): boolean {
  return segments(directory).length > 0;
}

/**
 * True when the log holds nothing but the members it began with, as `etcdutl snapshot restore` leaves it. A member that
 * has run once has written an ordinary entry, if only the empty one of its first leader.
 */
export function etcdNeverRan(directory: string): boolean {
  return segments(directory).every((name) => onlyChanges(readFileSync(join(directory, name))));
}

/** Etcd names them SEQUENCE-INDEX.wal, 16 hexadecimal digits each. */
function segments(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => /^[0-9a-f]{16}-[0-9a-f]{16}\.wal$/.test(name));
  } catch {
    return [];
  }
}

/** A record is eight bytes of length, whose topmost byte counts the padding, and a walpb.Record. */
function onlyChanges(file: Buffer): boolean {
  for (let at = 0; at + 8 <= file.length;) {
    const length = file.readUInt32LE(at) + (file.readUInt32LE(at + 4) & 0xff_ffff) * 2 ** 32;
    if (length === 0) return true;
    const top = file.readUInt8(at + 7);
    const padding = (top & 0x80) === 0 ? 0 : top & 0x7;
    const record = file.subarray(at + 8, at + 8 + length);
    // A torn end: the member has run.
    if (record.length < length) return false;
    const { type, data } = read(record, recordType, recordData);
    if (type === recordEntry && read(data, entryType, -1).type === entryNormal) return false;
    at += 8 + length + padding;
  }
  return true;
}

/** A number and some bytes of a message, by field number. */
function read(message: Uint8Array, typeField: number, dataField: number): Field {
  const reader = new BinaryReader(message);
  let type = 0;
  let data: Uint8Array = new Uint8Array(0);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === typeField) type = Number(reader.uint64());
    else if (field === dataField) data = reader.bytes();
    else reader.skip(wireType);
  }
  return { type, data };
}

interface Field {
  readonly type: number;
  readonly data: Uint8Array;
}
