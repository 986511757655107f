/** Converts between the encodings of etcd's buckets and of our tables. */
import type { ConfState } from '../../raft/index.js';

/** Etcd's buckets in a member's database. */
export const etcdBuckets = {
  alarm: 'alarm',
  auth: 'auth',
  authRoles: 'authRoles',
  authUsers: 'authUsers',
  cluster: 'cluster',
  key: 'key',
  lease: 'lease',
  members: 'members',
  membersRemoved: 'members_removed',
  meta: 'meta',
} as const;

const separator = 0x5f;
const tombstoneMark = 0x74;
const revisionBytes = 17;

/** A key of bucket `key`. */
export interface RevisionKey {
  readonly main: number;
  readonly sub: number;
  readonly tombstone: boolean;
}

/** Main, `_`, sub, and a `t` on deletions. */
export function encodeRevisionKey({ main, sub, tombstone }: RevisionKey): Buffer {
  const key = Buffer.allocUnsafe(tombstone ? revisionBytes + 1 : revisionBytes);
  key.writeBigUInt64BE(BigInt(main), 0);
  key[8] = separator;
  key.writeBigUInt64BE(BigInt(sub), 9);
  if (tombstone) key[revisionBytes] = tombstoneMark;
  return key;
}

/** Decodes a revision's key; undefined for bytes that are none. */
export function decodeRevisionKey(key: Buffer): RevisionKey | undefined {
  const tombstone = key.length === revisionBytes + 1;
  if (!tombstone && key.length !== revisionBytes) return undefined;
  if (key[8] !== separator || (tombstone && key[revisionBytes] !== tombstoneMark)) return undefined;
  return {
    main: Number(key.readBigUInt64BE(0)),
    sub: Number(key.readBigUInt64BE(9)),
    tombstone,
  };
}

/** Raft's membership as etcd 3.5 stores it: JSON with 64-bit numbers written out. */
export function encodeEtcdConfState(state: ConfState): Buffer {
  const list = (ids: readonly bigint[]): string => `[${ids.join(',')}]`;
  const fields = [`"voters":${list(state.voters)}`];
  if (state.learners.length > 0) fields.push(`"learners":${list(state.learners)}`);
  if (state.votersOutgoing.length > 0) {
    fields.push(`"voters_outgoing":${list(state.votersOutgoing)}`);
  }
  if (state.learnersNext.length > 0) fields.push(`"learners_next":${list(state.learnersNext)}`);
  fields.push(`"auto_leave":${state.autoLeave}`);
  return Buffer.from(`{${fields.join(',')}}`);
}

/** A big-endian 64-bit integer. */
export function bigEndian(value: bigint | number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64BE(BigInt.asUintN(64, BigInt(value)), 0);
  return bytes;
}
