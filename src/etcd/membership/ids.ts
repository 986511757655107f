import { createHash } from 'node:crypto';

function firstEightBytes(data: Uint8Array): bigint {
  return createHash('sha1').update(data).digest().readBigUInt64BE(0);
}

/**
 * A member's id as etcd computes it: all who start with the same flags agree without talking.
 * @param salt makes the id of a member that is added later unique: seconds since the epoch
 */
export function memberIdOf(peerUrls: readonly string[], token: string, salt = ''): bigint {
  return firstEightBytes(Buffer.from([...peerUrls].sort().join('') + token + salt));
}

/** The cluster's id: from its first members' ids, in order. */
export function clusterIdOf(memberIds: readonly bigint[]): bigint {
  const sorted = [...memberIds].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const bytes = Buffer.allocUnsafe(sorted.length * 8);
  sorted.forEach((id, index) => bytes.writeBigUInt64BE(id, index * 8));
  return firstEightBytes(bytes);
}

/** An id as etcd prints it: hexadecimal, without leading zeros. */
export function idText(id: bigint): string {
  return BigInt.asUintN(64, id).toString(16);
}
