/** Raft messages as `proto/raft.proto` carries them. */
import type {
  ConfState as WireConfState,
  Entry as WireEntry,
  Message as WireMessage,
} from '../../gen/raft.js';
import { mustExist } from '../../lib/assert.js';
import { emptyConfState } from '../../raft/index.js';
import type {
  ConfState,
  DropReason,
  Entry,
  EntryType,
  Message,
  MessageType,
} from '../../raft/index.js';

/** Position = number on the wire; only append. */
const types: readonly MessageType[] = [
  'MsgProp',
  'MsgApp',
  'MsgAppResp',
  'MsgVote',
  'MsgVoteResp',
  'MsgPreVote',
  'MsgPreVoteResp',
  'MsgSnap',
  'MsgHeartbeat',
  'MsgHeartbeatResp',
  'MsgTimeoutNow',
  'MsgTransferLeader',
  'MsgReadIndex',
  'MsgReadIndexResp',
  'MsgPropDropped',
];
const typeNumbers = new Map(types.map((type, number) => [type, number]));
/** Position = number on the wire; only append. */
const dropReasons: readonly DropReason[] = [
  'noLeader',
  'removed',
  'transferring',
  'uncommittedLimit',
  'confChangePending',
  'confChangeIllegal',
  'forwardingDisabled',
  'otherTerm',
];
const entryTypes: readonly EntryType[] = ['normal', 'confChange', 'confChangeV2'];
const noBytes = Buffer.alloc(0);

/** Counts with the size of a message's envelope on the wire, roughly. */
const envelopeBytes = 64;

/** About how many bytes a message takes. */
export function messageSizeBytes(message: Message): number {
  if (!('entries' in message)) return envelopeBytes;
  let size = envelopeBytes;
  for (const entry of message.entries) size += entry.data.byteLength + 16;
  return size;
}

/** The number of a type on the wire. */
export function messageTypeNumber(type: MessageType): number {
  return mustExist(typeNumbers.get(type), 'type number');
}

/** The number of an entry's type on the wire. */
export function entryTypeNumber(type: EntryType): number {
  return entryTypes.indexOf(type);
}

/** @throws RangeError on a type that this version does not know */
export function entryTypeOf(number: number): EntryType {
  const type = entryTypes[number];
  if (type === undefined) throw new RangeError(`unknown entry type ${number}`);
  return type;
}

/** A Raft message as it is sent. */
export function toWire(message: Message): WireMessage {
  const wire: WireMessage = {
    type: messageTypeNumber(message.type),
    to: message.to,
    from: message.from,
    term: message.term,
    index: 'index' in message ? message.index : 0,
    logTerm: 'logTerm' in message ? message.logTerm : onlyInTermOf(message),
    commit: 'commit' in message ? message.commit : 0,
    entries: [],
    reject: 'reject' in message ? message.reject : false,
    rejectHint: 'rejectHint' in message ? message.rejectHint : 0,
    context: 'context' in message ? bytesOf(message.context) : noBytes,
    transfer: 'transfer' in message ? message.transfer : false,
    snapshot: undefined,
    round: 'round' in message ? message.round : 0,
    commitTerm: 'commitTerm' in message ? message.commitTerm : 0,
    transferee: 'transferee' in message ? message.transferee : 0n,
    quiet: 'quiet' in message ? message.quiet : false,
    dropReason: 'reason' in message ? dropReasons.indexOf(message.reason) : 0,
  };
  if (message.type === 'MsgApp') wire.entries = message.entries.map(entryToWire);
  else if (message.type === 'MsgProp' || message.type === 'MsgPropDropped') {
    wire.entries = message.entries.map((one) => entryToWire({ ...one, term: 0, index: 0 }));
  } else if (message.type === 'MsgSnap') {
    const { index, term, confState } = message.snapshot.metadata;
    wire.snapshot = { index, term, confState: confStateToWire(confState) };
  }
  return wire;
}

/** A forwarded proposal has its term where others have that of an entry: earlier builds do not look there. */
function onlyInTermOf(message: Message): number {
  return message.type === 'MsgProp' ? message.onlyInTerm : 0;
}

function bytesOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function entryToWire(entry: Entry): WireEntry {
  return {
    term: entry.term,
    index: entry.index,
    type: entryTypeNumber(entry.type),
    data: bytesOf(entry.data),
  };
}

function confStateToWire(state: ConfState): WireConfState {
  return {
    voters: [...state.voters],
    learners: [...state.learners],
    votersOutgoing: [...state.votersOutgoing],
    learnersNext: [...state.learnersNext],
    autoLeave: state.autoLeave,
  };
}

/** An entry as the core has it: with its type's name. */
function entryFromWire(wire: WireEntry): Entry {
  return { term: wire.term, index: wire.index, type: entryTypeOf(wire.type), data: wire.data };
}

/** All fields of all messages, as they stand on the wire; those that a message does not have are zero. */
export interface MessageFields extends Omit<WireMessage, 'entries'> {
  readonly entries: readonly Entry[];
}

/** @throws RangeError on types that this version does not know */
export function fromWire(wire: WireMessage): Message {
  return messageOf({ ...wire, entries: wire.entries.map(entryFromWire) });
}

/** @throws RangeError on types that this version does not know */
export function messageOf(wire: MessageFields): Message {
  const type = types[wire.type];
  const { to, from, term, index, logTerm, reject, rejectHint, context, round } = wire;
  const { commit, commitTerm } = wire;
  switch (type) {
    case 'MsgProp':
    case 'MsgApp': {
      const { entries, quiet } = wire;
      if (type === 'MsgProp') return { type, to, from, term, onlyInTerm: logTerm, entries };
      return { type, to, from, term, index, logTerm, commit, entries, quiet };
    }
    case 'MsgAppResp':
      return { type, to, from, term, index, reject, rejectHint, logTerm };
    case 'MsgVote':
    case 'MsgPreVote':
      return { to, from, term, type, index, logTerm, transfer: wire.transfer, commit, commitTerm };
    case 'MsgVoteResp':
    case 'MsgPreVoteResp':
      return { to, from, term, type, reject, commit, commitTerm };
    case 'MsgSnap': {
      const snapshot = mustExist(wire.snapshot, 'snapshot of MsgSnap');
      const confState: ConfState = snapshot.confState ?? emptyConfState;
      const metadata = { index: snapshot.index, term: snapshot.term, confState };
      return { to, from, term, type, snapshot: { data: noBytes, metadata } };
    }
    case 'MsgHeartbeat':
      return { type, to, from, term, commit, round };
    case 'MsgHeartbeatResp':
      return { type, to, from, term, round };
    case 'MsgTimeoutNow':
      return { to, from, term, type };
    case 'MsgTransferLeader':
      return { to, from, term, type, transferee: wire.transferee };
    case 'MsgReadIndex':
      return { to, from, term, type, context };
    case 'MsgReadIndexResp':
      return { to, from, term, type, index, context };
    case 'MsgPropDropped': {
      const reason = dropReasons[wire.dropReason];
      if (reason === undefined) throw new RangeError(`unknown reason ${wire.dropReason}`);
      return { to, from, term, type, entries: wire.entries, reason };
    }
    default:
      throw new RangeError(`unknown message type ${wire.type}`);
  }
}
