/** Checks a JSON request before its fields are read: the generated readers take almost anything. */
import { Code, GrpcError } from '../../lib/grpc/types.js';

/** Fields that hold bytes wherever they stand in a request. */
const bytesFields: ReadonlySet<string> = new Set(['key', 'rangeEnd', 'range_end', 'value']);
/** In these services a name is bytes, too; elsewhere it is text. */
const namesAreBytes = /^\/(v3lockpb|v3electionpb)\./;
/** Padded or not, in the standard alphabet or the one for URLs. */
const base64 = /^(?:[A-Za-z0-9+/]*|[A-Za-z0-9_-]*)={0,2}$/;

/** Whole numbers that a double may not hold; strings are passed over. */
const longNumbers = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d{16,}(?![\d.eE])/g;

/**
 * Parses a request. Numbers of 64 bits may come bare, as other gateways' clients send lease ids: they are read as text,
 * as if they stood in quotes, so that no digit is lost.
 * @throws GrpcError InvalidArgument
 */
export function parseRequestJson(text: string): unknown {
  if (text.trim() === '') return {};
  const kept = text.replace(longNumbers, (match) => (match.startsWith('"') ? match : `"${match}"`));
  try {
    return JSON.parse(kept);
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : 'bad JSON');
  }
}

function invalid(text: string): GrpcError {
  return new GrpcError(Code.InvalidArgument, text);
}

/**
 * Checks a request as it was parsed.
 * @param path the method, `/etcdserverpb.KV/Range`
 * @throws GrpcError InvalidArgument: no object, or a field of bytes that is no base64
 */
export function checkRequestJson(json: unknown, path: string): void {
  if (json === null) return;
  if (typeof json !== 'object' || Array.isArray(json)) {
    throw invalid(
      `a request is a JSON object, not ${Array.isArray(json) ? 'an array' : typeof json}`,
    );
  }
  checkFields(json, namesAreBytes.test(path));
}

function checkFields(value: object, nameIsBytes: boolean): void {
  for (const [name, field] of Object.entries(value)) {
    const isBytes = bytesFields.has(name) || (nameIsBytes && name === 'name');
    if (typeof field === 'object' && field !== null && !(isBytes && Array.isArray(field))) {
      checkFields(field as object, nameIsBytes);
    } else if (isBytes && field !== null) {
      checkBytes(name, field);
    }
  }
}

function checkBytes(name: string, field: unknown): void {
  if (typeof field !== 'string') throw invalid(`invalid value for bytes field ${name}`);
  const digits = field.replace(/=+$/, '').length;
  if (
    base64.test(field) &&
    digits % 4 !== 1 &&
    (field.length === digits || field.length % 4 === 0)
  ) {
    return;
  }
  throw invalid(`illegal base64 data in field ${name}`);
}

/** @throws GrpcError InvalidArgument for a number that is no whole number, which no message has a field for */
export function checkNumbers(message: unknown): void {
  if (typeof message === 'number') {
    if (!Number.isSafeInteger(message)) throw invalid('a number of the request is no whole number');
    return;
  }
  if (typeof message !== 'object' || message === null || ArrayBuffer.isView(message)) return;
  for (const field of Object.values(message)) checkNumbers(field);
}
