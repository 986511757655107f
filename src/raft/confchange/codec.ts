/**
 * The bytes of a membership change inside a log entry: protobuf, wire-compatible with raftpb's ConfChange (id=1,
 * type=2, node_id=3, context=4) and ConfChangeV2 (transition=1, changes=2 {type=1, node_id=2}, context=3). Written by
 * hand because the core imports no generated code; membership changes are rare, so clarity comes before speed.
 */
import { ConfChangeError } from '../errors.js';
import type { EntryType } from '../types.js';
import type {
  ConfChange,
  ConfChangeSingle,
  ConfChangeTransition,
  ConfChangeType,
  ConfChangeV2,
} from './types.js';

const changeTypes: readonly ConfChangeType[] = [
  'addNode',
  'removeNode',
  'updateNode',
  'addLearnerNode',
];
const transitions: readonly ConfChangeTransition[] = ['auto', 'jointImplicit', 'jointExplicit'];

const wireVarint = 0;
const wireFixed64 = 1;
const wireBytes = 2;
const wireFixed32 = 5;

/** The entry data of a change. */
export function encodeConfChange(change: ConfChange | ConfChangeV2): Uint8Array {
  const out: number[] = [];
  if (change.version === 1) {
    putVarintField(out, 1, change.id);
    putVarintField(out, 2, BigInt(changeTypes.indexOf(change.type)));
    putVarintField(out, 3, change.nodeId);
    if (change.context.length > 0) putBytesField(out, 4, change.context);
    return Uint8Array.from(out);
  }
  const transition = transitions.indexOf(change.transition);
  if (transition !== 0) putVarintField(out, 1, BigInt(transition));
  for (const single of change.changes) {
    const inner: number[] = [];
    putVarintField(inner, 1, BigInt(changeTypes.indexOf(single.type)));
    putVarintField(inner, 2, single.nodeId);
    putBytesField(out, 2, inner);
  }
  if (change.context.length > 0) putBytesField(out, 3, change.context);
  return Uint8Array.from(out);
}

/** The type of the entry that carries `change`. */
export function confChangeEntryType(change: ConfChange | ConfChangeV2): EntryType {
  return change.version === 1 ? 'confChange' : 'confChangeV2';
}

/** The change in an entry of type confChange or confChangeV2. @throws ConfChangeError on bytes that are none */
export function decodeConfChange(entry: {
  readonly type: EntryType;
  readonly data: Uint8Array;
}): ConfChange | ConfChangeV2 {
  if (entry.type === 'confChange') return decodeV1(entry.data);
  if (entry.type === 'confChangeV2') return decodeV2(entry.data);
  throw new ConfChangeError('a normal entry holds no configuration change');
}

function decodeV1(data: Uint8Array): ConfChange {
  let id = 0n;
  let type: ConfChangeType = 'addNode';
  let nodeId = 0n;
  let context = new Uint8Array(0);
  readFields(data, (field, value) => {
    if (field === 1) id = asNumber(value);
    else if (field === 2) type = named(changeTypes, asNumber(value));
    else if (field === 3) nodeId = asNumber(value);
    else if (field === 4) context = asBytes(value).slice();
  });
  return { version: 1, id, type, nodeId, context };
}

function decodeV2(data: Uint8Array): ConfChangeV2 {
  let transition: ConfChangeTransition = 'auto';
  const changes: ConfChangeSingle[] = [];
  let context = new Uint8Array(0);
  readFields(data, (field, value) => {
    if (field === 1) transition = named(transitions, asNumber(value));
    else if (field === 2) changes.push(decodeSingle(asBytes(value)));
    else if (field === 3) context = asBytes(value).slice();
  });
  return { version: 2, transition, changes, context };
}

function decodeSingle(data: Uint8Array): ConfChangeSingle {
  let type: ConfChangeType = 'addNode';
  let nodeId = 0n;
  readFields(data, (field, value) => {
    if (field === 1) type = named(changeTypes, asNumber(value));
    else if (field === 2) nodeId = asNumber(value);
  });
  return { type, nodeId };
}

function asNumber(value: bigint | Uint8Array): bigint {
  if (typeof value === 'bigint') return value;
  throw new ConfChangeError('a number was expected');
}

function asBytes(value: bigint | Uint8Array): Uint8Array {
  if (typeof value !== 'bigint') return value;
  throw new ConfChangeError('bytes were expected');
}

function named<T>(names: readonly T[], number: bigint): T {
  const name = names[Number(number)];
  if (name === undefined) throw new ConfChangeError(`unknown enum value ${number}`);
  return name;
}

function putVarint(out: number[], value: bigint): void {
  let rest = BigInt.asUintN(64, value);
  while (rest >= 0x80n) {
    out.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  out.push(Number(rest));
}

function putVarintField(out: number[], field: number, value: bigint): void {
  out.push((field << 3) | wireVarint);
  putVarint(out, value);
}

function putBytesField(out: number[], field: number, bytes: ArrayLike<number>): void {
  out.push((field << 3) | wireBytes);
  putVarint(out, BigInt(bytes.length));
  for (let i = 0; i < bytes.length; i++) out.push(bytes[i] as number);
}

/** Calls `visit` for each field that is a varint or bytes; skips others. */
function readFields(
  data: Uint8Array,
  visit: (field: number, value: bigint | Uint8Array) => void,
): void {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = data[at++];
      if (byte === undefined) break;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new ConfChangeError('a number is cut off or too long');
  };
  const take = (count: number): Uint8Array => {
    if (count > data.length - at) throw new ConfChangeError('a field is cut off');
    at += count;
    return data.subarray(at - count, at);
  };
  while (at < data.length) {
    const tag = Number(varint());
    const wire = tag & 7;
    if (wire === wireVarint) visit(tag >>> 3, varint());
    else if (wire === wireBytes) visit(tag >>> 3, take(Number(varint())));
    else if (wire === wireFixed64) take(8);
    else if (wire === wireFixed32) take(4);
    else throw new ConfChangeError(`unknown wire type ${wire}`);
  }
}
