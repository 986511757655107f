/**
 * Encodes the entries of the Raft log: a fixed head and the request's own protobuf bytes, as they came from the client.
 *
 *     kind 1 | flags 1 | origin 4 | sequence 6 | [user length 2 | user | auth revision 6] | payload
 *
 * Origin and sequence match an applied entry with the call that waits for it; the origin is drawn anew at each start of
 * a member. The head is not protobuf because every write passes here on every member. A change is a change of the log's
 * format.
 */

import { Slab } from '../../lib/slab.js';

/** The kinds of requests; the position is the number in the log, so only append, with a gate in `entry-format.ts`. */
export const entryKinds = [
  'none',
  'put',
  'deleteRange',
  'txn',
  'compaction',
  'leaseGrant',
  'leaseRevoke',
  'leaseCheckpoint',
  'alarm',
  'authEnable',
  'authDisable',
  'authUserAdd',
  'authUserDelete',
  'authUserChangePassword',
  'authUserGrantRole',
  'authUserRevokeRole',
  'authRoleAdd',
  'authRoleDelete',
  'authRoleGrantPermission',
  'authRoleRevokePermission',
  'memberAttributes',
  'authenticate',
  'downgradeInfo',
  'logVersion',
  'checkedTxn',
  'exactTxn',
] as const;

/** The kinds of log entries. */
export type EntryKind = (typeof entryKinds)[number];

const kindNumbers = new Map<EntryKind, number>(entryKinds.map((kind, number) => [kind, number]));

const headBytes = 12;
const flagAuth = 1;

/** The user of a request, and the revision of the auth tables at which the permission was checked. */
export interface EntryAuth {
  readonly username: string;
  readonly authRevision: number;
}

/** The head of an entry: its proposer, and the proposer's number for it. */
export interface EntryHead {
  readonly kind: EntryKind;
  /** Uint32, drawn at the member's start. */
  readonly origin: number;
  /** 1..2^48-1, counted up by the origin. */
  readonly sequence: number;
  readonly auth: EntryAuth | undefined;
}

/** An entry that has been read. */
export interface DecodedEntry extends EntryHead {
  /** A view of the entry's data. */
  readonly payload: Buffer;
}

/** Entries stay in memory until a snapshot covers them. */
const entryData = new Slab();

/** The data of one log entry. */
export function encodeEntry(head: EntryHead, payload: Uint8Array): Buffer {
  const user = head.auth === undefined ? undefined : Buffer.from(head.auth.username);
  const authBytes = user === undefined ? 0 : 8 + user.length;
  const data = entryData.take(headBytes + authBytes + payload.length);
  data[0] = kindNumbers.get(head.kind) ?? 0;
  data[1] = user === undefined ? 0 : flagAuth;
  data.writeUInt32BE(head.origin, 2);
  data.writeUIntBE(head.sequence, 6, 6);
  let at = headBytes;
  if (user !== undefined) {
    at = data.writeUInt16BE(user.length, at);
    at += user.copy(data, at);
    at = data.writeUIntBE(head.auth?.authRevision ?? 0, at, 6);
  }
  data.set(payload, at);
  return data;
}

/** A copy of an entry's data under another sequence. */
export function entryWithSequence(bytes: Uint8Array, sequence: number): Buffer {
  const data = Buffer.from(bytes);
  data.writeUIntBE(sequence, 6, 6);
  return data;
}

/** Reads which call an entry of any kind belongs to. */
export function entrySender(bytes: Uint8Array): Pick<EntryHead, 'origin' | 'sequence'> {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { origin: data.readUInt32BE(2), sequence: data.readUIntBE(6, 6) };
}

/** The number of an entry's kind, which may be of a newer build. */
export function kindNumberOf(bytes: Uint8Array): number {
  return bytes[0] ?? 0;
}

/** @throws RangeError on data that is no entry of ours */
export function decodeEntry(bytes: Uint8Array): DecodedEntry {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const kind = entryKinds[data.readUInt8(0)];
  if (kind === undefined || kind === 'none') {
    throw new RangeError(`log entry of unknown kind ${data.readUInt8(0)}`);
  }
  const origin = data.readUInt32BE(2);
  const sequence = data.readUIntBE(6, 6);
  if ((data.readUInt8(1) & flagAuth) === 0) {
    return { kind, origin, sequence, auth: undefined, payload: data.subarray(headBytes) };
  }
  const length = data.readUInt16BE(headBytes);
  const userEnd = headBytes + 2 + length;
  const username = data.toString('utf8', headBytes + 2, userEnd);
  const authRevision = data.readUIntBE(userEnd, 6);
  const payload = data.subarray(userEnd + 6);
  return { kind, origin, sequence, auth: { username, authRevision }, payload };
}
