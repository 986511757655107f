/** From an image of our backend to etcd's database file. */
import { rm } from 'node:fs/promises';
import Database from 'better-sqlite3';
import type { AlarmType } from '../../gen/etcd/rpc.js';
import { AlarmMember } from '../../gen/etcd/rpc.js';
import { RowReader } from '../backend/row-reader.js';
import type { FileVersions } from '../config.js';
import { decodeConfState } from '../membership/membership.js';
import type { BboltPair } from './bbolt-format.js';
import { BboltWriter } from './bbolt-writer.js';
import { bigEndian, encodeEtcdConfState, encodeRevisionKey, etcdBuckets } from './etcd-buckets.js';
import { encodeLease } from './lease-codec.js';

const revisionMeta: readonly string[] = ['scheduledCompactRev', 'finishedCompactRev'];

/**
 * Writes `bboltPath` (must not exist) from a backend image, as `Backend.snapshotTo` makes it.
 * @returns the size in bytes; on an error the file is removed
 */
export async function exportEtcdSnapshot(
  imagePath: string,
  bboltPath: string,
  versions: FileVersions,
): Promise<number> {
  const db = new Database(imagePath, { readonly: true, fileMustExist: true });
  try {
    const writer = await BboltWriter.create(bboltPath);
    try {
      await writer.bucket(etcdBuckets.key, revisionPairs(db));
      for (const [name, pairs] of smallBuckets(db, versions)) {
        await writer.bucket(
          name,
          pairs.sort((a, b) => Buffer.compare(a.key, b.key)),
        );
      }
      return await writer.finish();
    } catch (error) {
      await writer.abort();
      await rm(bboltPath, { force: true });
      throw error;
    }
  } finally {
    db.close();
  }
}

function* revisionPairs(db: Database.Database): Generator<BboltPair> {
  for (const [main, sub, tombstone, value] of new RowReader(db).all()) {
    yield { key: encodeRevisionKey({ main, sub, tombstone: tombstone === 1 }), value };
  }
}

/** All buckets but the revisions, in no order. */
function smallBuckets(db: Database.Database, versions: FileVersions): [string, BboltPair[]][] {
  const read = (bucket: string): BboltPair[] => {
    const rows = db.prepare('SELECT key, value FROM bucket WHERE bucket = ?').raw();
    return (rows.all(bucket) as [Buffer, Buffer][]).map(([key, value]) => ({ key, value }));
  };
  const named = (name: string, version: string): BboltPair[] =>
    version === '' ? [] : [{ key: Buffer.from(name), value: Buffer.from(version) }];
  return [
    [etcdBuckets.alarm, read('alarm').map(alarmPair)],
    [etcdBuckets.auth, read('auth')],
    [etcdBuckets.authRoles, read('authRoles')],
    [etcdBuckets.authUsers, read('authUsers')],
    [etcdBuckets.cluster, named('clusterVersion', versions.clusterVersion)],
    [etcdBuckets.lease, read('lease').map(leasePair)],
    [etcdBuckets.members, read('members').map(memberPair)],
    [etcdBuckets.membersRemoved, read('membersRemoved')],
    [
      etcdBuckets.meta,
      [...read('meta').flatMap(metaPairs), ...named('storageVersion', versions.storageVersion)],
    ],
  ];
}

function alarmPair({ key }: BboltPair): BboltPair {
  const [id = '0', alarm = '0'] = key.toString().split(':');
  const message = { memberID: BigInt(`0x${id}`), alarm: Number(alarm) as AlarmType };
  return { key: Buffer.from(AlarmMember.encode(message).finish()), value: Buffer.alloc(0) };
}

function leasePair({ key, value }: BboltPair): BboltPair {
  const id = BigInt.asIntN(64, BigInt(`0x${key.toString()}`));
  const lease = {
    id,
    ttl: value.readBigInt64BE(0),
    remainingTtl: value.readBigInt64BE(8),
  };
  return { key: bigEndian(id), value: encodeLease(lease) };
}

/** Our members carry their id in hexadecimal; etcd's as a number, beyond what JSON.stringify writes exactly. */
function memberPair({ key, value }: BboltPair): BboltPair {
  const { id, ...rest } = JSON.parse(value.toString()) as { id: string };
  const fields = JSON.stringify(rest).slice(1);
  return { key, value: Buffer.from(`{"id":${BigInt(`0x${id}`)},${fields}`) };
}

function metaPairs({ key, value }: BboltPair): BboltPair[] {
  const name = key.toString();
  if (name === 'consistent_index') {
    return [
      { key, value: value.subarray(0, 8) },
      { key: Buffer.from('term'), value: value.subarray(8, 16) },
    ];
  }
  if (name === 'conf_state') {
    return [{ key: Buffer.from('confState'), value: encodeEtcdConfState(decodeConfState(value)) }];
  }
  if (!revisionMeta.includes(name)) return [];
  const main = Number(value.readBigInt64BE(0));
  return [{ key, value: encodeRevisionKey({ main, sub: 0, tombstone: false }) }];
}
