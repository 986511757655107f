import { MemberAttributes } from '../../gen/etcd/internal.js';
import type { Entry } from '../../raft/index.js';
import { decodeEntry, entryKinds, kindNumberOf } from '../apply/entry.js';

const attributesKind = entryKinds.indexOf('memberAttributes');

/** Returns the client addresses that members have told in `entries`, by member; the last ones of each. */
export function clientUrlsInLog(entries: readonly Entry[]): ReadonlyMap<bigint, readonly string[]> {
  const told = new Map<bigint, readonly string[]>();
  for (const { type, data } of entries) {
    if (type !== 'normal' || kindNumberOf(data) !== attributesKind) continue;
    const { memberId, clientUrls } = MemberAttributes.decode(decodeEntry(data).payload);
    told.set(memberId, clientUrls);
  }
  return told;
}
