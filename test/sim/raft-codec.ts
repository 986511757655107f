/**
 * Messages as bytes, for the simulated wire: as members send them; and values as JSON with marked strings for ids and
 * bytes.
 */
import { batchCodec } from '../../src/etcd/peer/batch-codec.js';
import { mustExist } from '../../src/lib/assert.js';
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

/** First byte of a message in the production codec; one with snapshot data, which that does not carry, is JSON. */
const wireMark = 1;

/** A message as it goes over the wire. */
export function encodeMessage(message: Message): Uint8Array {
  if (message.type === 'MsgSnap') return encodeValue(message);
  const bytes = batchCodec.encode([message]).finish();
  const marked = new Uint8Array(bytes.length + 1);
  marked[0] = wireMark;
  marked.set(bytes, 1);
  return marked;
}

/** Tells whether the message carries a snapshot. */
export function carriesSnapshot(bytes: Uint8Array): boolean {
  return bytes[0] !== wireMark;
}

/** A message as it comes from the wire. */
export function decodeMessage(bytes: Uint8Array): Message {
  if (bytes[0] !== wireMark) return decodeValue(bytes) as Message;
  // The decoder copies: a packet that comes twice shares nothing.
  return mustExist(batchCodec.decode(bytes.subarray(1))[0], 'message of a packet');
}
