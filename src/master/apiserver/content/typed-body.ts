/** A body as an object of a kind. Pure: it is read on the event loop or by the thread, as its cost asks. */
import type { DecodableKind } from '../../../api/kind.js';
import { isJsonObject, textOf } from '../../../api/object.js';
import { DecodeError } from '../../../api/schema/decode.js';
import type { ParsedBody } from '../../../api/schema/json-text.js';
import { inTextOrder, parseJsonBody } from '../../../api/schema/json-text.js';
import { parseYamlBody } from '../../../api/schema/yaml-text.js';
import { assertNever } from '../../../lib/assert.js';
import type { Decoded } from '../../../api/strategy.js';
import { decodeObject } from '../../../api/strategy.js';
import { decodeProtobuf } from '../protobuf/decode.js';

/** The format of a body. */
export type BodyFormat = 'json' | 'yaml' | 'protobuf';

/** The kind that a body names; empty texts for parts that it does not name. */
export interface TypeMeta {
  /** False for a list or a scalar. */
  readonly isObject: boolean;
  readonly apiVersion: string;
  readonly kind: string;
}

/** A body that could be parsed. Who cares for its type looks at that first. */
export interface TypedBody {
  readonly type: TypeMeta;
  /** The object, with its unknown and duplicate fields named; or why there is none. */
  readonly decoded: Decoded | DecodeError;
}

/**
 * Parses a body.
 * @param strict whether duplicate fields of JSON are looked for
 * @throws DecodeError; StatusError BadRequest for protobuf of no kind that is known
 */
export function parseBody(format: BodyFormat, bytes: Buffer, strict: boolean): ParsedBody {
  switch (format) {
    case 'json':
      return parseJsonBody(bytes.toString(), strict);
    case 'yaml':
      return parseYamlBody(bytes.toString());
    case 'protobuf':
      return { value: decodeProtobuf(bytes), duplicates: [] };
    default:
      return assertNever(format, 'format');
  }
}

/** Decodes a parsed body. Fields of a newer client in protobuf are passed over: a message has no strict reading. */
export function typedBody(
  kind: DecodableKind,
  { value, duplicates, text: source }: ParsedBody,
  format: BodyFormat,
): TypedBody {
  const isObject = isJsonObject(value);
  const text = (name: string): string => (isObject ? textOf(value, name) : '');
  const type = { isObject, apiVersion: text('apiVersion'), kind: text('kind') };
  try {
    const { object, problems } = decodeObject(kind, value);
    if (format === 'protobuf') return { type, decoded: { object, problems: [] } };
    if (duplicates.length === 0) return { type, decoded: { object, problems } };
    // A custom object and YAML are read twice: first for what is there twice, then for what is unknown.
    const all =
      source === undefined || kind.custom
        ? [...duplicates, ...problems]
        : inTextOrder(source, duplicates, problems);
    return { type, decoded: { object, problems: all } };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { type, decoded: error };
  }
}
