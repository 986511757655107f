/** Raft messages as `proto/raft.proto` carries them. */
import type {
  ConfState as WireConfState,
  Entry as WireEntry,
  Message as WireMessage,
} from '../../gen/raft.js';
import { mustExist } from '../../lib/assert.js';
import { emptyConfState } from '../../raft/index.js';
import type { ConfState, Entry, EntryType, Message, MessageType } from '../../raft/index.js';

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
];
const typeNumbers = new Map(types.map((type, number) => [type, number]));
const entryTypes: readonly EntryType[] = ['normal', 'confChange', 'confChangeV2'];
const noBytes = Buffer.alloc(0);

/** Counts with the size of a message's envelope on the wire, roughly. */
const envelopeBytes = 64;

/** About how many bytes a message takes. */
export function messageSizeBytes(message: Message): number {
  if (message.type !== 'MsgApp' && message.type !== 'MsgProp') return envelopeBytes;
  let size = envelopeBytes;
  for (const entry of message.entries) size += entry.data.byteLength + 16;
  return size;
}

export function toWire(message: Message): WireMessage {
  const wire: WireMessage = {
    type: mustExist(typeNumbers.get(message.type), 'type number'),
    to: message.to,
    from: message.from,
    term: message.term,
    index: 'index' in message ? message.index : 0,
    logTerm: 'logTerm' in message ? message.logTerm : 0,
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
  };
  if (message.type === 'MsgApp') wire.entries = message.entries.map(entryToWire);
  else if (message.type === 'MsgProp') {
    wire.entries = message.entries.map((one) => entryToWire({ ...one, term: 0, index: 0 }));
  } else if (message.type === 'MsgSnap') {
    const { index, term, confState } = message.snapshot.metadata;
    wire.snapshot = { index, term, confState: confStateToWire(confState) };
  }
  return wire;
}

function bytesOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function entryToWire(entry: Entry): WireEntry {
  return {
    term: entry.term,
    index: entry.index,
    type: entryTypes.indexOf(entry.type),
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

function entryFromWire(wire: WireEntry): Entry {
  const type = entryTypes[wire.type];
  if (type === undefined) throw new RangeError(`unknown entry type ${wire.type}`);
  return { term: wire.term, index: wire.index, type, data: wire.data };
}

/** @throws RangeError on types that this version does not know */
export function fromWire(wire: WireMessage): Message {
  const type = types[wire.type];
  const { to, from, term, index, logTerm, reject, rejectHint, context, round } = wire;
  const { commit, commitTerm } = wire;
  const head = { to, from, term };
  switch (type) {
    case 'MsgProp':
    case 'MsgApp': {
      const entries = wire.entries.map(entryFromWire);
      if (type === 'MsgProp') return { ...head, type, entries };
      return { ...head, type, index, logTerm, commit, entries };
    }
    case 'MsgAppResp':
      return { ...head, type, index, reject, rejectHint, logTerm };
    case 'MsgVote':
    case 'MsgPreVote':
      return { ...head, type, index, logTerm, transfer: wire.transfer, commit, commitTerm };
    case 'MsgVoteResp':
    case 'MsgPreVoteResp':
      return { ...head, type, reject, commit, commitTerm };
    case 'MsgSnap': {
      const snapshot = mustExist(wire.snapshot, 'snapshot of MsgSnap');
      const confState: ConfState = snapshot.confState ?? emptyConfState;
      const metadata = { index: snapshot.index, term: snapshot.term, confState };
      return { ...head, type, snapshot: { data: noBytes, metadata } };
    }
    case 'MsgHeartbeat':
      return { ...head, type, commit, round };
    case 'MsgHeartbeatResp':
      return { ...head, type, round };
    case 'MsgTimeoutNow':
      return { ...head, type };
    case 'MsgTransferLeader':
      return { ...head, type, transferee: wire.transferee };
    case 'MsgReadIndex':
      return { ...head, type, context };
    case 'MsgReadIndexResp':
      return { ...head, type, index, context };
    default:
      throw new RangeError(`unknown message type ${wire.type}`);
  }
}
