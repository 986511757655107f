/** From etcd's database file into a backend of ours: everything but the membership and the raft position. */
import { AlarmMember } from '../../gen/etcd/rpc.js';
import type { Backend } from '../backend/types.js';
import type { BboltFile } from './bbolt-reader.js';
import { BboltCorruptError } from './bbolt-format.js';
import { bigEndian, decodeRevisionKey, etcdBuckets } from './etcd-buckets.js';
import { decodeLease } from './lease-codec.js';

const copiedBuckets = ['auth', 'authUsers', 'authRoles'] as const;
const copiedMeta = ['scheduledCompactRev', 'finishedCompactRev'] as const;

/**
 * Fills an empty backend.
 * @param position the raft position that the content is given
 * @returns the last revision, 0 for none
 * @throws BboltCorruptError
 */
export function importEtcdSnapshot(
  file: BboltFile,
  backend: Backend,
  position: { readonly index: number; readonly term: number },
): number {
  const endApply = (): void => backend.endApply(position.index, position.term);
  let revision = 0;
  for (const { key, value } of file.entries(etcdBuckets.key)) {
    const at = decodeRevisionKey(key);
    if (at === undefined) {
      throw new BboltCorruptError(
        file.path,
        0,
        `bucket key: ${key.toString('hex')} is no revision`,
      );
    }
    // `etcdutl snapshot restore --bump-revision` ends with a revision that holds nothing: kept as a deletion of
    // nothing, for its number.
    const tombstone = at.tombstone || value.length === 0;
    // The page that holds the value is not kept.
    backend.putRevision(at.main, at.sub, tombstone, Buffer.from(value));
    if (at.main !== revision) endApply();
    revision = at.main;
  }
  for (const bucket of copiedBuckets) {
    for (const { key, value } of file.entries(bucket)) {
      backend.put(bucket, key.toString('latin1'), Buffer.from(value));
    }
  }
  for (const { value } of file.entries(etcdBuckets.lease)) putLease(backend, value);
  for (const { key } of file.entries(etcdBuckets.alarm)) {
    const { memberID, alarm } = AlarmMember.decode(key);
    backend.put('alarm', `${memberID.toString(16)}:${alarm}`, Buffer.alloc(0));
  }
  for (const { key, value } of file.entries(etcdBuckets.meta)) {
    const name = key.toString();
    if (!copiedMeta.some((one) => one === name) || value.length < 8) continue;
    backend.put('meta', name, Buffer.from(value.subarray(0, 8)));
  }
  endApply();
  return revision;
}

function putLease(backend: Backend, value: Buffer): void {
  const { id, ttl, remainingTtl } = decodeLease(value);
  const key = BigInt.asUintN(64, id).toString(16).padStart(16, '0');
  backend.put('lease', key, Buffer.concat([bigEndian(ttl), bigEndian(remainingTtl)]));
}
