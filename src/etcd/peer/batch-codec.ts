/**
 * `MessageBatch` of `proto/raft.proto` straight from and to the core's messages. Every write passes here four times or
 * more, and the detour through the generated code's objects costs as much as all else that a member does with a
 * message. The generated code is the second implementation that the test compares with.
 */
import { Message as WireMessageCodec } from '../../gen/raft.js';
import type { MessageCodec } from '../../lib/grpc/types.js';
import { Slab } from '../../lib/slab.js';
import { varintSize } from '../../lib/varint.js';
import type { Entry, Message, Proposal } from '../../raft/index.js';
import {
  entryTypeNumber,
  entryTypeOf,
  fromWire,
  messageOf,
  messageSizeBytes,
  messageTypeNumber,
  toWire,
} from './message-codec.js';
import type { MessageFields } from './message-codec.js';
import { ProtoReader, ProtoWriter } from './proto-bytes.js';

/** Tags of `Message`: field number and wire type. */
const tag = {
  type: 0x08,
  to: 0x10,
  from: 0x18,
  term: 0x20,
  index: 0x28,
  logTerm: 0x30,
  commit: 0x38,
  entries: 0x42,
  reject: 0x48,
  rejectHint: 0x50,
  round: 0x70,
  quiet: 0x88,
} as const;
/** The one field of `MessageBatch`. */
const messagesTag = 0x0a;
const entryTag = { term: 0x08, index: 0x10, type: 0x18, data: 0x22 } as const;

/** The codec of the stream between members. */
export const batchCodec: MessageCodec<readonly Message[]> = {
  encode: (messages) => ({ finish: () => encodeBatch(messages) }),
  decode: (bytes) => decodeBatch(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)),
};

function encodeBatch(messages: readonly Message[]): Buffer {
  let size = 0;
  for (const message of messages) size += messageSizeBytes(message);
  const writer = new ProtoWriter(size);
  for (const message of messages) {
    switch (message.type) {
      case 'MsgApp':
      case 'MsgProp':
      case 'MsgAppResp':
      case 'MsgHeartbeat':
      case 'MsgHeartbeatResp':
        encodeFrequent(writer, message);
        break;
      default:
        writer.bytes(messagesTag, WireMessageCodec.encode(toWire(message)).finish());
    }
  }
  return writer.finish();
}

type Frequent = Extract<
  Message,
  { type: 'MsgApp' | 'MsgProp' | 'MsgAppResp' | 'MsgHeartbeat' | 'MsgHeartbeatResp' }
>;

function encodeFrequent(writer: ProtoWriter, message: Frequent): void {
  const start = writer.begin(messagesTag);
  writer.number(tag.type, messageTypeNumber(message.type));
  writer.id(tag.to, message.to);
  writer.id(tag.from, message.from);
  writer.number(tag.term, message.term);
  switch (message.type) {
    case 'MsgApp':
      writer.number(tag.index, message.index);
      writer.number(tag.logTerm, message.logTerm);
      writer.number(tag.commit, message.commit);
      for (const entry of message.entries) encodeEntry(writer, entry, entry.term, entry.index);
      writer.flag(tag.quiet, message.quiet);
      break;
    case 'MsgProp':
      writer.number(tag.logTerm, message.onlyInTerm);
      for (const proposal of message.entries) encodeEntry(writer, proposal, 0, 0);
      break;
    case 'MsgAppResp':
      writer.number(tag.index, message.index);
      writer.number(tag.logTerm, message.logTerm);
      writer.flag(tag.reject, message.reject);
      writer.number(tag.rejectHint, message.rejectHint);
      break;
    case 'MsgHeartbeat':
      writer.number(tag.commit, message.commit);
      writer.number(tag.round, message.round);
      break;
    default:
      writer.number(tag.round, message.round);
  }
  writer.close(start);
}

function encodeEntry(writer: ProtoWriter, entry: Proposal, term: number, index: number): void {
  const type = entryTypeNumber(entry.type);
  const { data } = entry;
  writer.open(
    tag.entries,
    fieldBytes(term) + fieldBytes(index) + fieldBytes(type) + dataFieldBytes(data.length),
  );
  writer.number(entryTag.term, term);
  writer.number(entryTag.index, index);
  writer.number(entryTag.type, type);
  if (data.length > 0) writer.bytes(entryTag.data, data);
}

function fieldBytes(value: number): number {
  return value === 0 ? 0 : 1 + varintSize(value);
}

function dataFieldBytes(length: number): number {
  return length === 0 ? 0 : 1 + varintSize(length) + length;
}

/** Holds copies of entries' data: the received bytes are a view of a much larger piece. */
const entryData = new Slab();

/** @throws RangeError on bytes that are no batch of this or an earlier version */
function decodeBatch(bytes: Buffer): Message[] {
  const reader = new ProtoReader(bytes);
  const messages: Message[] = [];
  while (reader.at < reader.end) {
    const field = reader.varint();
    if (field === messagesTag) messages.push(reader.nested(() => decodeMessage(reader)));
    else reader.skip(field);
  }
  return messages;
}

type Fields = { -readonly [K in keyof MessageFields]: MessageFields[K] };

function decodeMessage(reader: ProtoReader): Message {
  const start = reader.at;
  const entries: Entry[] = [];
  const fields: Fields = {
    type: 0,
    to: 0n,
    from: 0n,
    term: 0,
    index: 0,
    logTerm: 0,
    commit: 0,
    entries,
    reject: false,
    rejectHint: 0,
    context: noBytes,
    transfer: false,
    snapshot: undefined,
    round: 0,
    transferee: 0n,
    commitTerm: 0,
    quiet: false,
    dropReason: 0,
  };
  while (reader.at < reader.end) {
    const field = reader.varint();
    if (field === tag.entries) {
      entries.push(reader.nested(() => decodeEntry(reader)));
      continue;
    }
    if (readField(reader, field, fields)) continue;
    // A rare message: the generated code decodes it from its beginning.
    reader.at = reader.end;
    return fromWire(WireMessageCodec.decode(reader.bytes.subarray(start, reader.end)));
  }
  return messageOf(fields);
}

/** @returns false for a field that only rare messages have */
function readField(reader: ProtoReader, field: number, fields: Fields): boolean {
  switch (field) {
    case tag.type:
      fields.type = reader.varint();
      return true;
    case tag.to:
      fields.to = reader.id();
      return true;
    case tag.from:
      fields.from = reader.id();
      return true;
    case tag.term:
      fields.term = reader.varint();
      return true;
    case tag.index:
      fields.index = reader.varint();
      return true;
    case tag.logTerm:
      fields.logTerm = reader.varint();
      return true;
    case tag.commit:
      fields.commit = reader.varint();
      return true;
    case tag.reject:
      fields.reject = reader.varint() !== 0;
      return true;
    case tag.rejectHint:
      fields.rejectHint = reader.varint();
      return true;
    case tag.round:
      fields.round = reader.varint();
      return true;
    case tag.quiet:
      fields.quiet = reader.varint() !== 0;
      return true;
    default:
      return false;
  }
}

function decodeEntry(reader: ProtoReader): Entry {
  let term = 0;
  let index = 0;
  let type = 0;
  let data: Buffer = noBytes;
  while (reader.at < reader.end) {
    const field = reader.varint();
    if (field === entryTag.term) term = reader.varint();
    else if (field === entryTag.index) index = reader.varint();
    else if (field === entryTag.type) type = reader.varint();
    else if (field === entryTag.data) {
      const length = reader.length();
      data = entryData.take(length);
      reader.bytes.copy(data, 0, reader.at, reader.at + length);
      reader.at += length;
    } else reader.skip(field);
  }
  return { term, index, type: entryTypeOf(type), data };
}

const noBytes = Buffer.alloc(0);
