/** Messages as bytes, for the simulated wire: JSON with marked strings for ids and bytes. Every string in a message is one of its own words. */
import type { Message } from '../../src/raft/index.js';

/** Plain bytes, no Buffer: JSON would see Buffer's own form instead of the bytes. */
export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** The bytes of any plain value with bigints and byte arrays in it. */
export function encodeValue(value: unknown): Uint8Array {
  const text = JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part === 'bigint') return `#${part}`;
    if (part instanceof Uint8Array) return `~${Buffer.from(part).toString('base64')}`;
    return part;
  });
  return bytesOf(text);
}

/** The value that `encodeValue` made bytes of; shares nothing with it. */
export function decodeValue(bytes: Uint8Array): unknown {
  return JSON.parse(Buffer.from(bytes).toString(), (_key, part: unknown) => {
    if (typeof part !== 'string') return part;
    if (part.startsWith('#')) return BigInt(part.slice(1));
    if (part.startsWith('~')) return new Uint8Array(Buffer.from(part.slice(1), 'base64'));
    return part;
  });
}

/** A message as it goes over the wire. */
export function encodeMessage(message: Message): Uint8Array {
  return encodeValue(message);
}

/** A message as it comes from the wire. */
export function decodeMessage(bytes: Uint8Array): Message {
  return decodeValue(bytes) as Message;
}
