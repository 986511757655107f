import { DecodeError } from '../../../api/schema/decode.js';
import type { ParsedBody } from '../../../api/schema/json-text.js';
import { parseJsonBody } from '../../../api/schema/json-text.js';
import { parseYamlBody } from '../../../api/schema/yaml-text.js';
import { decodeProtobuf, isProtobuf } from '../protobuf/decode.js';
import { badRequest } from '../status.js';
import { bodyFormat } from './negotiate.js';

/** Parses a body of this content type. @throws StatusError BadRequest, UnsupportedMediaType */
export function parseBody(bytes: Buffer, contentType: string, strict: boolean): ParsedBody {
  try {
    return parseBytes(bytes, contentType, strict);
  } catch (error) {
    if (error instanceof DecodeError) throw badRequest(error.message);
    throw error;
  }
}

/** The same. @throws DecodeError for what cannot be read; StatusError UnsupportedMediaType */
export function parseBytes(bytes: Buffer, contentType: string, strict: boolean): ParsedBody {
  if (isProtobuf(contentType)) return { value: decodeProtobuf(bytes), duplicates: [] };
  const format = bodyFormat(contentType);
  const text = bytes.toString();
  return format === 'yaml' ? parseYamlBody(text) : parseJsonBody(text, strict);
}
