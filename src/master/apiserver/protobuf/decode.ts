import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { DecodeError } from '../../../api/schema/decode.js';
import { badRequest } from '../status.js';
import type { Descriptor, Field } from './descriptors.js';
import { descriptorOf, messageOf } from './descriptors.js';
import { envelopeMagic, isNumeric } from './wire.js';
import type { Fields } from './values.js';
import { specialOf } from './values.js';
import { smallest } from '../../../lib/json.js';

const maxDepth = 100;

/** The errors of the wire's reader: its own are plain ones. */
const unreadable: ReadonlySet<unknown> = new Set([Error, RangeError, SyntaxError, TypeError]);

/** True for a content type that {@link decodeProtobuf} reads. */
export function isProtobuf(contentType: string): boolean {
  return contentType.startsWith('application/vnd.kubernetes.protobuf');
}

/** Reads a body in Kubernetes' protobuf envelope. @throws DecodeError, StatusError BadRequest */
export function decodeProtobuf(body: Buffer): unknown {
  if (!body.subarray(0, envelopeMagic.length).equals(envelopeMagic)) {
    throw new DecodeError(
      'provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]',
    );
  }
  try {
    const reader = new BinaryReader(body.subarray(envelopeMagic.length));
    const envelope = readMessage(reader, named('runtime.Unknown'), 0);
    const meta = (envelope['typeMeta'] ?? {}) as { apiVersion?: string; kind?: string };
    const { apiVersion = '', kind = '' } = meta;
    const message = messageOf(apiVersion, kind);
    if (message === undefined) {
      throw badRequest(
        `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`,
      );
    }
    const raw = Buffer.from(textField(envelope, 'raw'), 'base64');
    return { ...readMessage(new BinaryReader(raw), message, 0), kind, apiVersion };
  } catch (error) {
    if (!(error instanceof Error) || !unreadable.has(error.constructor)) throw error;
    throw new DecodeError(`the protobuf body could not be read: ${error.message}`);
  }
}

function textField(fields: Fields, name: string): string {
  const value = fields[name];
  return typeof value === 'string' ? value : '';
}

function named(message: string): Descriptor {
  const descriptor = descriptorOf(message);
  if (descriptor === undefined) throw new RangeError(`unknown message ${message}`);
  return descriptor;
}

/** Reads a message. Fields that are not known are skipped, as Go skips them. */
function readMessage(reader: BinaryReader, { byNumber }: Descriptor, depth: number): Fields {
  if (depth > maxDepth) throw new RangeError('nested too deeply');
  const out: Fields = {};
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const field = byNumber.get(number);
    if (field === undefined) reader.skip(wireType, number);
    else readField(reader, field, { wireType, out, depth });
  }
  return out;
}

function readField(
  reader: BinaryReader,
  { name, type, map, repeated, inline }: Field,
  to: { readonly wireType: WireType; readonly out: Fields; readonly depth: number },
): void {
  const { wireType, out, depth } = to;
  if (map) {
    const [key, value] = readEntry(reader, type, depth);
    const entries = (out[name] ??= {}) as Fields;
    if (key !== '__proto__') entries[key] = value;
  } else if (repeated) {
    const list = (out[name] ??= []) as unknown[];
    if (wireType === WireType.LengthDelimited && isNumeric(type)) {
      const end = reader.uint32() + reader.pos;
      while (reader.pos < end) list.push(readValue(reader, type, depth));
    } else list.push(readValue(reader, type, depth));
  } else {
    const value = readValue(reader, type, depth);
    if (inline) Object.assign(out, value);
    else out[name] = value;
  }
}

function readEntry(reader: BinaryReader, type: string, depth: number): [string, unknown] {
  const end = reader.uint32() + reader.pos;
  let key = '';
  let value: unknown;
  while (reader.pos < end) {
    const [number, wireType] = reader.tag();
    if (number === 1) key = reader.string();
    else if (number === 2) value = readValue(reader, type, depth);
    else reader.skip(wireType, number);
  }
  return [key, value ?? emptyOf(type)];
}

/** The value of a map's entry that has none. */
function emptyOf(type: string): unknown {
  if (type === 'string' || type === 'bytes') return '';
  const special = specialOf(type);
  return special === undefined ? {} : special.read({});
}

function readValue(reader: BinaryReader, type: string, depth: number): unknown {
  switch (type) {
    case 'string':
      return reader.string();
    case 'bytes':
      return Buffer.from(reader.bytes()).toString('base64');
    case 'bool':
      return reader.bool();
    case 'int32':
      return reader.int32();
    case 'uint32':
      return reader.uint32();
    case 'int64':
    case 'uint64':
      return smallest(BigInt(reader.int64()));
    case 'double':
      return reader.double();
    case 'float':
      return reader.float();
    default: {
      const fields = readMessage(new BinaryReader(reader.bytes()), named(type), depth + 1);
      const special = specialOf(type);
      return special === undefined ? fields : special.read(fields);
    }
  }
}
