/** Objects of JSON as Kubernetes' protobuf: what typed Go clients ask for. */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { isJsonObject } from '../../../api/object.js';
import { assert } from '../../../lib/assert.js';
import type { Descriptor, Field } from './descriptors.js';
import { descriptorOf, messageOf } from './descriptors.js';
import { specialOf } from './values.js';
import type { Fields } from './values.js';
import { envelopeMagic } from './wire.js';

/** A message that the tables have. */
function named(message: string): Descriptor {
  const descriptor = descriptorOf(message);
  assert(descriptor !== undefined, `the message ${message} is known`);
  return descriptor;
}

/** The kinds of objects that have a message; custom ones have none. */
export function hasMessage(apiVersion: string, kind: string): boolean {
  return messageOf(apiVersion, kind) !== undefined;
}

/** An object's message, without the envelope. */
export function encodeMessage(object: Fields & { apiVersion?: unknown; kind?: unknown }): Buffer {
  const message = messageOf(String(object.apiVersion), String(object.kind));
  assert(message !== undefined, 'only kinds with a message are asked for');
  const writer = new BinaryWriter();
  writeMessage(writer, message, object);
  return Buffer.from(writer.finish());
}

/** A message in its envelope: what a body consists of. */
export function envelope(apiVersion: string, kind: string, raw: Uint8Array): Buffer {
  const writer = new BinaryWriter();
  writeMessage(writer, named('runtime.Unknown'), {
    typeMeta: { apiVersion, kind },
    raw,
    contentEncoding: '',
    contentType: '',
  });
  return Buffer.concat([envelopeMagic, writer.finish()]);
}

/** A list of messages: every kind's list has its metadata as field 1 and the items as field 2. */
export function encodeList(metadata: Fields, items: readonly Uint8Array[]): Buffer {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).fork();
  writeMessage(writer, named('meta.v1.ListMeta'), metadata);
  writer.join();
  const pieces: Uint8Array[] = [writer.finish()];
  for (const item of items) {
    pieces.push(new BinaryWriter().tag(2, WireType.LengthDelimited).uint32(item.length).finish());
    pieces.push(item);
  }
  return Buffer.concat(pieces);
}

/** A frame of a watch: its length, and the event, which has no envelope of its own around the object's. */
export function encodeWatchFrame(type: string, object: Uint8Array): Buffer {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.LengthDelimited).string(type);
  writer.tag(2, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.LengthDelimited).bytes(object);
  writer.join();
  const event = writer.finish();
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32BE(event.length);
  return Buffer.concat([length, event]);
}

function writeMessage(writer: BinaryWriter, { fields }: Descriptor, object: Fields): void {
  for (const field of fields) {
    if (field.inline) writeInline(writer, field, object);
    else {
      const value = object[field.name];
      if (value !== undefined && value !== null) writeField(writer, field, value);
    }
  }
}

/** The parent's fields that are the embedded struct's. */
function writeInline(writer: BinaryWriter, { number, type }: Field, object: Fields): void {
  writer.tag(number, WireType.LengthDelimited).fork();
  writeMessage(writer, named(type), object);
  writer.join();
}

function writeField(writer: BinaryWriter, field: Field, value: unknown): void {
  const { number, type } = field;
  if (field.map) {
    if (!isJsonObject(value)) return;
    for (const [key, item] of Object.entries(value)) {
      writer.tag(number, WireType.LengthDelimited).fork();
      writer.tag(1, WireType.LengthDelimited).string(key);
      if (item !== undefined && item !== null) writeValue(writer, 2, type, item);
      writer.join();
    }
  } else if (field.repeated) {
    if (!Array.isArray(value)) return;
    for (const item of value as readonly unknown[]) writeValue(writer, number, type, item);
  } else writeValue(writer, number, type, value);
}

function writeValue(writer: BinaryWriter, number: number, type: string, value: unknown): void {
  switch (type) {
    case 'string':
      writer.tag(number, WireType.LengthDelimited).string(String(value));
      return;
    case 'bytes':
      writer.tag(number, WireType.LengthDelimited).bytes(bytesOf(value));
      return;
    case 'bool':
      writer.tag(number, WireType.Varint).bool(value === true);
      return;
    case 'int32':
      writer.tag(number, WireType.Varint).int32(Number(value));
      return;
    case 'uint32':
      writer.tag(number, WireType.Varint).uint32(Number(value));
      return;
    case 'int64':
    case 'uint64':
      writer
        .tag(number, WireType.Varint)
        .int64(typeof value === 'bigint' ? value : BigInt(Math.trunc(Number(value))));
      return;
    case 'double':
      writer.tag(number, WireType.Bit64).double(Number(value));
      return;
    case 'float':
      writer.tag(number, WireType.Bit32).float(Number(value));
      return;
    default: {
      writer.tag(number, WireType.LengthDelimited).fork();
      const special = specialOf(type);
      const fields = special === undefined ? value : special.write(value);
      if (isJsonObject(fields)) writeMessage(writer, named(type), fields);
      writer.join();
    }
  }
}

function bytesOf(value: unknown): Uint8Array {
  return value instanceof Uint8Array ? value : Buffer.from(String(value), 'base64');
}
