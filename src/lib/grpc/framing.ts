import { gunzipSync } from 'node:zlib';
import { compact } from '../http2/index.js';
import type { ByteBudget } from '../byte-budget.js';
import { Code, GrpcError } from './types.js';

/** Flag byte and four bytes of length before each message (grpc/doc/PROTOCOL-HTTP2.md). */
const headerBytes = 5;

/** Parts of an unfinished message that are shorter are copied together: a buffer weighs more than a few bytes. */
const ownPartBytes = 1024;
const tailBytes = 16 * 1024;

/** A message that was cut. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  return parts.length === 1 && first !== undefined ? first : Buffer.concat(parts);
}

/** The message in a chunk that holds just one, whole, uncompressed and within the limit; else undefined. */
export function wholeMessage(chunk: Buffer, maxBytes: number): Buffer | undefined {
  if (chunk.length < headerBytes || chunk[0] !== 0) return undefined;
  const length = chunk.length - headerBytes;
  if (length > maxBytes || chunk.readUInt32BE(1) !== length) return undefined;
  return chunk.subarray(headerBytes);
}

/**
 * Cuts the bytes of one direction of a call into messages. A message that lies whole in one chunk is a view of it, else
 * its parts are copied together once.
 */
export class FrameReader {
  readonly #maxBytes: number;
  /** The call's messages may be compressed. */
  readonly #gzip: boolean;
  readonly #budget: ByteBudget | undefined;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  /** The last chunk's buffer, while short parts are copied into it. */
  #tail: Buffer | undefined;
  #tailUsed = 0;
  #inflatedBytes = 0;

  /**
   * @param maxBytes the longest message taken; a longer one is RESOURCE_EXHAUSTED.
   * @param encoding the call's `grpc-encoding`
   * @param budget what compressed messages may cost. Undefined: any number may come
   */
  constructor(maxBytes: number, encoding: string | undefined, budget?: ByteBudget) {
    this.#maxBytes = maxBytes;
    this.#budget = budget;
    this.#gzip = encoding === 'gzip';
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    if (this.#bytes > 0 && chunk.length < ownPartBytes) this.#append(chunk);
    else {
      this.#chunks.push(chunk);
      this.#tail = undefined;
    }
    this.#bytes += chunk.length;
  }

  #append(part: Buffer): void {
    let tail = this.#tail;
    if (tail === undefined || this.#tailUsed + part.length > tailBytes) {
      tail = Buffer.allocUnsafeSlow(tailBytes);
      this.#tail = tail;
      this.#tailUsed = 0;
      this.#chunks.push(tail);
    }
    tail.set(part, this.#tailUsed);
    this.#tailUsed += part.length;
    this.#chunks[this.#chunks.length - 1] = tail.subarray(0, this.#tailUsed);
  }

  /** Nothing more comes now: what is left must not keep alive all that came with it. */
  settle(): void {
    const last = this.#chunks.at(-1);
    if (last === undefined || this.#tail !== undefined) return;
    this.#chunks[this.#chunks.length - 1] = compact(last);
  }

  /** The bytes by which decompression lengthened the last message. */
  get inflatedBytes(): number {
    return this.#inflatedBytes;
  }

  /** True when bytes of an unfinished message are held. */
  get partial(): boolean {
    return this.#bytes > 0;
  }

  /** True once the head of the next message has come. */
  get begun(): boolean {
    return this.#bytes >= headerBytes;
  }

  /** Refuses a message as soon as its length is known. @throws GrpcError RESOURCE_EXHAUSTED */
  checkLength(): void {
    this.#nextLength();
  }

  /** The length that the next message states, once its head has come. */
  #nextLength(): number | undefined {
    if (this.#bytes < headerBytes) return undefined;
    let head = this.#chunks[0] as Buffer;
    if (head.length < headerBytes) head = this.#merge(headerBytes);
    const length = head.readUInt32BE(1);
    if (length > this.#maxBytes) {
      throw new GrpcError(
        Code.ResourceExhausted,
        `grpc: received message larger than max (${length} vs. ${this.#maxBytes})`,
      );
    }
    return length;
  }

  /**
   * The next whole message, or undefined until more bytes come.
   * @throws GrpcError for a message that is too long or wrongly compressed.
   */
  next(): Buffer | undefined {
    const length = this.#nextLength();
    if (length === undefined) return undefined;
    const frameBytes = headerBytes + length;
    if (this.#bytes < frameBytes) return undefined;
    let head = this.#chunks[0] as Buffer;
    if (head.length < frameBytes) head = this.#merge(frameBytes);
    if (head.length === frameBytes) this.#chunks.shift();
    else this.#chunks[0] = head.subarray(frameBytes);
    this.#tail = undefined;
    this.#bytes -= frameBytes;
    const message = head.subarray(headerBytes, frameBytes);
    this.#inflatedBytes = 0;
    if (head[0] === 0) return message;
    const inflated = this.#decompress(message, head[0] ?? 0);
    this.#inflatedBytes = Math.max(0, inflated.length - length);
    return inflated;
  }

  #merge(wanted: number): Buffer {
    const parts: Buffer[] = [];
    let bytes = 0;
    while (bytes < wanted) {
      const part = this.#chunks.shift();
      if (part === undefined) break;
      parts.push(part);
      bytes += part.length;
    }
    const merged = Buffer.concat(parts, bytes);
    this.#chunks.unshift(merged);
    this.#tail = undefined;
    return merged;
  }

  #decompress(message: Buffer, format: number): Buffer {
    if (format !== 1) {
      throw new GrpcError(Code.Internal, `grpc: received unexpected payload format ${format}`);
    }
    if (!this.#gzip) {
      const text = 'grpc: compressed flag set with identity or empty encoding';
      throw new GrpcError(Code.Internal, text);
    }
    if (this.#budget?.isSpent === true) {
      throw new GrpcError(Code.ResourceExhausted, 'grpc: too much is inflated for unknown peers');
    }
    try {
      const inflated = gunzipSync(message, { maxOutputLength: this.#maxBytes });
      this.#budget?.spend(inflated.length);
      return inflated;
    } catch (cause) {
      // It failed after any number of bytes.
      this.#budget?.spend(this.#maxBytes);
      if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
        const text = `grpc: received message after decompression larger than max (${this.#maxBytes})`;
        throw new GrpcError(Code.ResourceExhausted, text, { cause });
      }
      throw new GrpcError(Code.Internal, 'grpc: failed to decompress the received message', {
        cause,
      });
    }
  }
}
