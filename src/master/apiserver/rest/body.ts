import { DecodeError } from '../../../api/schema/decode.js';
import type { ParsedBody } from '../../../api/schema/json-text.js';
import { parseJsonBody } from '../../../api/schema/json-text.js';
import { parseYamlBody } from '../../../api/schema/yaml-text.js';
import { decodeProtobuf, isProtobuf } from '../protobuf/decode.js';
import { maxRequestBytes } from '../limits.js';
import { badRequest, tooLarge } from '../status.js';
import type { Exchange } from './exchange.js';
import { header } from './exchange.js';
import { bodyFormat } from './negotiate.js';

/** Reads a request's body. @throws StatusError 413 beyond the limit */
export async function readBody(exchange: Exchange): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  const announced = Number(header(exchange, 'content-length'));
  if (announced > maxRequestBytes) throw tooLarge(maxRequestBytes);
  for await (const chunk of exchange.request) {
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (size > maxRequestBytes) throw tooLarge(maxRequestBytes);
    chunks.push(bytes);
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
}

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
