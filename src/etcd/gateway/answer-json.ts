/**
 * Answers as grpc-gateway writes them: from protobuf's encoding to JSON with the proto's own field names in its order,
 * 64-bit numbers as text, bytes in base64, absent fields left out.
 */
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { assertNever } from '../../lib/assert.js';
import type { FieldShape } from './message-shapes.js';
import { enumNumbersOf, fieldsOf, responseTypeOf } from './message-shapes.js';

interface Layout {
  readonly fields: readonly FieldShape[];
  readonly byNumber: ReadonlyMap<number, FieldShape>;
}

const layouts: ReadonlyMap<string, Layout> = new Map(
  Array.from(fieldsOf, ([type, fields]) => [
    type,
    { fields, byNumber: new Map(fields.map((field) => [field.number, field])) },
  ]),
);

/** The names of each enum's numbers. */
const enumNames: ReadonlyMap<string, ReadonlyMap<number, string>> = new Map(
  Array.from(enumNumbersOf, ([type, values]) => [
    type,
    new Map(Array.from(values, ([name, number]) => [number, name])),
  ]),
);

/**
 * Reads an answer.
 * @param method such as `etcdserverpb.KV/Range`
 * @param encoded the answer in protobuf's encoding
 * @returns what `JSON.stringify` is to write
 */
export function answerJson(method: string, encoded: Uint8Array): Readonly<Record<string, unknown>> {
  return messageJson(responseTypeOf[method] ?? '', new BinaryReader(encoded), encoded.length);
}

function messageJson(
  type: string,
  reader: BinaryReader,
  end: number,
): Readonly<Record<string, unknown>> {
  const found = new Map<FieldShape, unknown>();
  const layout = layouts.get(type);
  while (reader.pos < end) {
    const [number, wireType] = reader.tag();
    const field = layout?.byNumber.get(number);
    if (field === undefined) {
      reader.skip(wireType, number);
      continue;
    }
    const value = valueJson(field, reader);
    if (field.isRepeated !== true) {
      found.set(field, value);
      continue;
    }
    const list = (found.get(field) as unknown[] | undefined) ?? [];
    list.push(value);
    found.set(field, list);
  }
  const entries = (layout?.fields ?? [])
    .filter((field) => found.has(field) && isShown(field, found.get(field)))
    .map((field) => [field.name, found.get(field)]);
  return Object.fromEntries(entries) as Record<string, unknown>;
}

/** A value that a field has anyway is left out, but in a list and in a oneof, where it says which. */
function isShown({ kind, isRepeated, oneof }: FieldShape, value: unknown): boolean {
  if (isRepeated === true || oneof !== undefined || kind === 'message') return true;
  return value !== '' && value !== 0 && value !== '0' && value !== false;
}

function valueJson(field: FieldShape, reader: BinaryReader): unknown {
  switch (field.kind) {
    case 'message': {
      const length = reader.uint32();
      return messageJson(field.type ?? '', reader, reader.pos + length);
    }
    case 'enum': {
      const number = reader.int32();
      const name = enumNames.get(field.type ?? '')?.get(number);
      return number === 0 && field.isRepeated !== true && field.oneof === undefined
        ? 0
        : (name ?? number);
    }
    case 'bytes': {
      const { buffer, byteOffset, length } = reader.bytes();
      return Buffer.from(buffer, byteOffset, length).toString('base64');
    }
    case 'bool':
      return reader.bool();
    case 'string':
      return reader.string();
    case 'int32':
      return reader.int32();
    case 'uint32':
      return reader.uint32();
    case 'int64':
      return String(reader.int64());
    case 'uint64':
      return String(reader.uint64());
    default:
      return assertNever(field.kind, 'kind of a field');
  }
}
