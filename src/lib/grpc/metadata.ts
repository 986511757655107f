import type { Headers } from '../http2/index.js';
import type { Code, Metadata } from './types.js';
import { Code as Codes } from './types.js';

/** Reads the fields of a call out of headers or trailers; HTTP/2's own and gRPC's own fields are left out. */
export function metadataFromHeaders(headers: Headers): Metadata {
  const metadata = new Map<string, string | Buffer>();
  for (const name in headers) {
    if (name.startsWith(':') || reserved.has(name)) continue;
    const value = headers[name];
    if (value === undefined) continue;
    metadata.set(name, name.endsWith('-bin') ? bytesOf(value) : value);
  }
  return metadata;
}

/** Decodes a binary value; the parts of a name that occurred more than once are divided by commas. */
function bytesOf(value: string): Buffer {
  if (!value.includes(',')) return Buffer.from(value, 'base64');
  return Buffer.concat(value.split(',').map((part) => Buffer.from(part, 'base64')));
}

const reserved = new Set([
  'content-type',
  'te',
  'grpc-status',
  'grpc-message',
  'grpc-encoding',
  'grpc-accept-encoding',
  'grpc-timeout',
  'user-agent',
  'date',
]);

/** The fields of a call as headers. */
export function* metadataFields(metadata: Metadata): Generator<[name: string, value: string]> {
  for (const [name, value] of metadata) {
    yield [name, typeof value === 'string' ? value : value.toString('base64')];
  }
}

/**
 * Percent-encodes a status message as gRPC's HTTP/2 mapping asks: all but printable ASCII, and '%'. Blanks are encoded
 * as well when one is the first or last character, which HTTP/2 does not allow.
 */
export function encodeStatusMessage(message: string): string {
  if (/^(?! )[\x20-\x24\x26-\x7e]*(?<! )$/.test(message)) return message;
  const lowest = message.trim() === message ? 0x20 : 0x21;
  let encoded = '';
  for (const byte of Buffer.from(message, 'utf8')) {
    encoded +=
      byte >= lowest && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

/** The reverse of {@link encodeStatusMessage}; broken escapes stay as they are. */
export function decodeStatusMessage(encoded: string): string {
  if (!encoded.includes('%')) return encoded;
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

const timeoutUnitsMs: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1 / 1000,
  n: 1 / 1_000_000,
};

/** Milliseconds of a `grpc-timeout` field, or undefined when it is absent or malformed. */
export function parseTimeoutMs(field: string | undefined): number | undefined {
  if (field === undefined) return undefined;
  const match = /^(\d{1,8})([HMSmun])$/.exec(field);
  if (match === null) return undefined;
  const unit = timeoutUnitsMs[match[2] ?? ''];
  return unit === undefined ? undefined : Number(match[1]) * unit;
}

/** Returns the fault of a `grpc-timeout` field, in the words of Go's servers; undefined when it can be read. */
export function timeoutFault(field: string): string | undefined {
  if (/^\d{1,8}[HMSmun]$/.test(field)) return undefined;
  const quoted = JSON.stringify(field);
  if (field.length < 2) return `transport: timeout string is too short: ${quoted}`;
  if (field.length > 9) return `transport: timeout string is too long: ${quoted}`;
  if (!/[HMSmun]$/.test(field)) return `transport: timeout unit is not recognized: ${quoted}`;
  return `strconv.ParseUint: parsing ${JSON.stringify(field.slice(0, -1))}: invalid syntax`;
}

/** A `grpc-timeout` field for a duration; at most eight digits are allowed, so long ones go in seconds. */
export function formatTimeout(ms: number): string {
  const whole = Math.max(1, Math.ceil(ms));
  return whole < 100_000_000 ? `${whole}m` : `${Math.ceil(whole / 1000)}S`;
}

/** The code for an answer that was no gRPC answer at all (grpc/doc/http-grpc-status-mapping.md). */
export function codeFromHttpStatus(status: number): Code {
  switch (status) {
    case 400:
      return Codes.Internal;
    case 401:
      return Codes.Unauthenticated;
    case 403:
      return Codes.PermissionDenied;
    case 404:
      return Codes.Unimplemented;
    case 429:
    case 502:
    case 503:
    case 504:
      return Codes.Unavailable;
    default:
      return Codes.Unknown;
  }
}
