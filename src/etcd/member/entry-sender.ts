/** Reads which call an entry belongs to, be it a request or a membership change. */
import { MemberChange } from '../../gen/etcd/internal.js';
import { decodeConfChange, encodeConfChange } from '../../raft/index.js';
import type { Proposal } from '../../raft/index.js';
import { entrySender, entryWithSequence } from '../apply/entry.js';

/** Origin and sequence; 0 for an entry that no call waits for. */
export function senderOf(entry: Proposal): { readonly origin: number; readonly sequence: number } {
  if (entry.type === 'normal') return entrySender(entry.data);
  return MemberChange.decode(decodeConfChange(entry).context);
}

/** The data of the same entry, of another attempt. */
export function withSequence(entry: Proposal, sequence: number): Uint8Array {
  if (entry.type === 'normal') return entryWithSequence(entry.data, sequence);
  const change = decodeConfChange(entry);
  const context = { ...MemberChange.decode(change.context), sequence };
  return encodeConfChange({ ...change, context: MemberChange.encode(context).finish() });
}
