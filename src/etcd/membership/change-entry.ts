/** Changes of the membership as they stand in the log: Raft's configuration changes with the member as context. */
import { MemberChange } from '../../gen/etcd/internal.js';
import { assertNever } from '../../lib/assert.js';
import { decodeConfChange, encodeConfChange } from '../../raft/index.js';
import type { ConfChange, ConfChangeType, ConfChangeV2, Entry } from '../../raft/index.js';
import type { MemberChangeKind, MemberInfo } from './membership.js';

/** A change of one member. */
export interface LoggedChange {
  readonly kind: MemberChangeKind;
  readonly member: MemberInfo;
  /** So many learners there may be when one is added; 0 for any number. */
  readonly maxLearners: number;
  /** The run and the call behind it; 0 where nobody waits. */
  readonly origin: number;
  readonly sequence: number;
}

const changeTypes: Readonly<Record<MemberChangeKind, ConfChangeType>> = {
  add: 'addNode',
  addLearner: 'addLearnerNode',
  promote: 'addNode',
  remove: 'removeNode',
  update: 'updateNode',
};

const noCall = { maxLearners: 0, origin: 0, sequence: 0 } as const;

/** Encodes a change as the data of an entry of type `confChange`. */
export function encodeChange(
  change: Pick<LoggedChange, 'kind' | 'member'> & Partial<LoggedChange>,
): Uint8Array {
  const { kind, member, origin, sequence, maxLearners } = { ...noCall, ...change };
  const context = MemberChange.encode({
    origin,
    sequence,
    member: {
      ID: member.id,
      name: member.name,
      peerURLs: [...member.peerUrls],
      clientURLs: [...member.clientUrls],
      isLearner: member.isLearner,
    },
    promote: kind === 'promote',
    maxLearners,
  }).finish();
  return encodeConfChange({
    version: 1,
    id: 0n,
    type: changeTypes[kind],
    nodeId: member.id,
    context,
  });
}

/** Decodes an entry. @returns Raft's part, and the member's where it changes one */
export function decodeChange(entry: Entry): {
  readonly raft: ConfChange | ConfChangeV2;
  readonly change: LoggedChange | undefined;
} {
  const raft = decodeConfChange(entry);
  if (raft.version === 2) return { raft, change: undefined };
  const context = MemberChange.decode(raft.context);
  const { origin, sequence, maxLearners } = context;
  const member = memberOf(context, raft);
  return {
    raft,
    change: { kind: kindOf(context, raft), member, maxLearners, origin, sequence },
  };
}

function memberOf({ member }: MemberChange, { nodeId }: ConfChange): MemberInfo {
  return {
    id: nodeId,
    name: member?.name ?? '',
    peerUrls: member?.peerURLs ?? [],
    clientUrls: member?.clientURLs ?? [],
    isLearner: member?.isLearner ?? false,
  };
}

function kindOf({ promote }: MemberChange, { type }: ConfChange): MemberChangeKind {
  switch (type) {
    case 'addNode':
      return promote ? 'promote' : 'add';
    case 'addLearnerNode':
      return 'addLearner';
    case 'removeNode':
      return 'remove';
    case 'updateNode':
      return 'update';
    default:
      return assertNever(type, 'change type');
  }
}
