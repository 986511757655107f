import type { Socket } from 'node:net';
import { frameHeadBytes, frameType, limits } from './constants.js';

const scratchBytes = 64 * 1024;
/** Payloads from this size on are handed to the socket as they are; smaller ones are copied together. */
const copiedBytesMax = 8 * 1024;

/**
 * Gathers the frames of one turn of the event loop, of all streams, into one write. Says when the socket holds so much that
 * streams should keep theirs.
 */
export class FrameWriter {
  /** Headers or data were written. For the reader to clear. */
  hasServed = false;
  /** Header blocks and messages that were written whole, so far. */
  servedCount = 0;
  readonly #socket: Socket;
  readonly #onDrain: () => void;
  #scratch: Buffer = Buffer.allocUnsafeSlow(4096);
  #used = 0;
  /** What stands before the scratch, when a large payload came between. */
  #parts: Buffer[] = [];
  #partsBytes = 0;
  #scheduled = false;
  #closed = false;
  #full = false;
  readonly #flush = (): void => this.flush();

  /** @param onDrain called when there is room again after {@link full} was true */
  constructor(socket: Socket, onDrain: () => void) {
    this.#socket = socket;
    this.#onDrain = onDrain;
    socket.on('drain', () => {
      if (this.#closed) return;
      this.#full = false;
      this.#onDrain();
    });
  }

  /** Much waits that the peer has not taken. */
  get full(): boolean {
    if (!this.#full && this.#used + this.#partsBytes >= limits.socketBytesHigh) this.#full = true;
    return this.#full;
  }

  /** Bytes that have not left the process. */
  get waitingBytes(): number {
    return this.#socket.writableLength + this.#used + this.#partsBytes;
  }

  /** Nothing is written any more. */
  close(): void {
    this.#closed = true;
    this.#drop();
  }

  /** A frame with its payload. */
  frame(type: number, flags: number, streamId: number, payload: Uint8Array): void {
    if (type <= frameType.headers) this.hasServed = true;
    if (type === frameType.headers) this.servedCount++;
    if (payload.length >= copiedBytesMax) {
      this.#head(type, flags, streamId, payload.length);
      this.#large(payload);
      return;
    }
    const at = this.#reserve(frameHeadBytes + payload.length);
    this.#writeHead(at, type, flags, streamId, payload.length);
    this.#scratch.set(payload, at + frameHeadBytes);
  }

  /**
   * A DATA frame that holds one gRPC message with its five bytes of prefix.
   * @param format the first of them: 1 for a compressed message
   */
  message(flags: number, streamId: number, message: Uint8Array, format = 0): void {
    this.hasServed = true;
    this.servedCount++;
    const length = 5 + message.length;
    const isLarge = message.length >= copiedBytesMax;
    const at = this.#reserve(frameHeadBytes + (isLarge ? 5 : length));
    this.#writeHead(at, frameType.data, flags, streamId, length);
    const scratch = this.#scratch;
    const prefix = at + frameHeadBytes;
    scratch[prefix] = format;
    scratch.writeUInt32BE(message.length, prefix + 1);
    if (isLarge) this.#large(message);
    else scratch.set(message, prefix + 5);
  }

  /** A frame whose payload is one 32-bit number. */
  number(type: number, streamId: number, value: number): void {
    const at = this.#reserve(frameHeadBytes + 4);
    this.#writeHead(at, type, 0, streamId, 4);
    this.#scratch.writeUInt32BE(value, at + frameHeadBytes);
  }

  /** Hands everything to the socket. */
  flush(): void {
    this.#scheduled = false;
    if (this.#closed) {
      this.#drop();
      return;
    }
    if (this.#used === 0 && this.#parts.length === 0) return;
    const socket = this.#socket;
    const rest = Buffer.from(this.#scratch.subarray(0, this.#used));
    this.#used = 0;
    if (this.#parts.length === 0) {
      socket.write(rest);
    } else {
      socket.cork();
      for (const part of this.#parts) socket.write(part);
      this.#parts = [];
      this.#partsBytes = 0;
      if (rest.length > 0) socket.write(rest);
      socket.uncork();
    }
    const wasFull = this.#full;
    this.#full = socket.writableNeedDrain && socket.writableLength >= limits.socketBytesHigh;
    if (wasFull && !this.#full) this.#onDrain();
  }

  #drop(): void {
    this.#parts = [];
    this.#partsBytes = 0;
    this.#used = 0;
  }

  #head(type: number, flags: number, streamId: number, length: number): void {
    this.#writeHead(this.#reserve(frameHeadBytes), type, flags, streamId, length);
  }

  #large(payload: Uint8Array): void {
    this.#setAside();
    this.#parts.push(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength));
    this.#partsBytes += payload.byteLength;
  }

  #setAside(): void {
    this.#parts.push(Buffer.from(this.#scratch.subarray(0, this.#used)));
    this.#partsBytes += this.#used;
    this.#used = 0;
  }

  /** Room for `bytes` more in the scratch. @returns where it begins */
  #reserve(bytes: number): number {
    if (!this.#scheduled) {
      this.#scheduled = true;
      process.nextTick(this.#flush);
    }
    if (this.#used + bytes > this.#scratch.length) this.#grow(bytes);
    const at = this.#used;
    this.#used += bytes;
    return at;
  }

  #grow(bytes: number): void {
    if (this.#used > 0 && this.#used + bytes > scratchBytes) this.#setAside();
    if (this.#used + bytes <= this.#scratch.length) return;
    const grown = Buffer.allocUnsafeSlow(
      Math.min(scratchBytes, Math.max(2 * this.#scratch.length, this.#used + bytes)),
    );
    this.#scratch.copy(grown, 0, 0, this.#used);
    this.#scratch = grown;
  }

  #writeHead(at: number, type: number, flags: number, streamId: number, length: number): void {
    const scratch = this.#scratch;
    scratch[at] = length >>> 16;
    scratch[at + 1] = length >>> 8;
    scratch[at + 2] = length;
    scratch[at + 3] = type;
    scratch[at + 4] = flags;
    scratch.writeUInt32BE(streamId, at + 5);
  }
}
