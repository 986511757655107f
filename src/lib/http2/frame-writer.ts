import type { Socket } from 'node:net';
import { frameHeadBytes, frameType, limits } from './constants.js';
import { givePiece, pieceBytes, takePiece } from './piece-pool.js';

/** The size of the buffer that a connection gathers frames in; a larger amount goes into a piece of the pool. */
const ownBytes = 4 * 1024;
/** A piece that holds less is copied: a peer that reads nothing must not hold much more memory than was sent. */
const lentBytesMin = pieceBytes / 2;

/** A piece that is full, or nearly. */
interface Filled {
  readonly piece: Buffer;
  readonly used: number;
}

/**
 * Gathers the frames of one turn of the event loop, of all streams, into one write. Says when the socket holds so much
 * that streams should keep theirs.
 */
export class FrameWriter {
  /** Headers or data were written. For the reader to clear. */
  hasServed = false;
  /** Header blocks and messages that were written whole, so far. */
  servedCount = 0;
  readonly #socket: Socket;
  readonly #onDrain: () => void;
  readonly #own: Buffer = Buffer.allocUnsafeSlow(ownBytes);
  /** {@link #own}, or a piece. */
  #scratch: Buffer = this.#own;
  #used = 0;
  /** The full pieces before the scratch. */
  #filled: Filled[] = [];
  #filledBytes = 0;
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
    if (!this.#full && this.#used + this.#filledBytes >= limits.socketBytesHigh) this.#full = true;
    return this.#full;
  }

  /** Bytes that have not left the process. */
  get waitingBytes(): number {
    return this.#socket.writableLength + this.#used + this.#filledBytes;
  }

  /** Nothing is written any more. */
  close(): void {
    this.#closed = true;
    this.#drop();
  }

  /** A frame with its payload, which is copied. */
  frame(type: number, flags: number, streamId: number, payload: Uint8Array): void {
    this.head(type, flags, streamId, payload.length);
    this.append(payload);
  }

  /** The head of a frame, whose `length` bytes of payload follow by {@link append} in the same turn. */
  head(type: number, flags: number, streamId: number, length: number): void {
    if (type <= frameType.headers) this.hasServed = true;
    if (type === frameType.headers) this.servedCount++;
    const at = this.#reserve(frameHeadBytes);
    const scratch = this.#scratch;
    scratch[at] = length >>> 16;
    scratch[at + 1] = length >>> 8;
    scratch[at + 2] = length;
    scratch[at + 3] = type;
    scratch[at + 4] = flags;
    scratch.writeUInt32BE(streamId, at + 5);
  }

  /** A part of a frame's payload, which is copied. */
  append(bytes: Uint8Array): void {
    let rest = bytes;
    while (this.#used + rest.length > pieceBytes) {
      const room = pieceBytes - this.#used;
      const at = this.#reserve(room);
      this.#scratch.set(rest.subarray(0, room), at);
      rest = rest.subarray(room);
      this.#setAside();
    }
    const at = this.#reserve(rest.length);
    this.#scratch.set(rest, at);
  }

  /**
   * A DATA frame that holds one gRPC message with its five bytes of prefix.
   * @param parts the message, cut anywhere; they are copied
   * @param format the first byte of the prefix: 1 for a compressed message
   */
  message(flags: number, streamId: number, parts: readonly Uint8Array[], format = 0): void {
    let length = 0;
    for (const part of parts) length += part.length;
    this.servedCount++;
    this.head(frameType.data, flags, streamId, 5 + length);
    const at = this.#reserve(5);
    this.#scratch[at] = format;
    this.#scratch.writeUInt32BE(length, at + 1);
    for (const part of parts) this.append(part);
  }

  /** A frame whose payload is one 32-bit number. */
  number(type: number, streamId: number, value: number): void {
    this.head(type, 0, streamId, 4);
    const at = this.#reserve(4);
    this.#scratch.writeUInt32BE(value, at);
  }

  /** Hands everything to the socket. */
  flush(): void {
    this.#scheduled = false;
    if (this.#closed) {
      this.#drop();
      return;
    }
    if (this.#used === 0 && this.#filled.length === 0) return;
    const socket = this.#socket;
    const filled = this.#filled;
    if (filled.length === 0) this.#writeScratch();
    else {
      this.#filled = [];
      this.#filledBytes = 0;
      socket.cork();
      for (const { piece, used } of filled) this.#lend(piece, used);
      this.#writeScratch();
      socket.uncork();
    }
    const wasFull = this.#full;
    this.#full = socket.writableNeedDrain && socket.writableLength >= limits.socketBytesHigh;
    if (wasFull && !this.#full) this.#onDrain();
  }

  #writeScratch(): void {
    const scratch = this.#scratch;
    const used = this.#used;
    this.#scratch = this.#own;
    this.#used = 0;
    if (used >= lentBytesMin) {
      this.#lend(scratch, used);
      return;
    }
    if (used > 0) this.#socket.write(Buffer.from(scratch.subarray(0, used)));
    if (scratch !== this.#own) givePiece(scratch);
  }

  /** The piece is the socket's until it has sent it. */
  #lend(piece: Buffer, used: number): void {
    this.#socket.write(piece.subarray(0, used), (error) => {
      // A socket that failed may not have let go of it.
      if (error === undefined || error === null) givePiece(piece);
    });
  }

  #drop(): void {
    for (const { piece } of this.#filled) givePiece(piece);
    this.#filled = [];
    this.#filledBytes = 0;
    if (this.#scratch !== this.#own) givePiece(this.#scratch);
    this.#scratch = this.#own;
    this.#used = 0;
  }

  #setAside(): void {
    this.#filled.push({ piece: this.#scratch, used: this.#used });
    this.#filledBytes += this.#used;
    this.#scratch = takePiece();
    this.#used = 0;
  }

  /** Room for `bytes` more in the scratch, at most a piece. @returns where it begins */
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
    if (this.#used + bytes > pieceBytes) {
      this.#setAside();
      return;
    }
    const piece = takePiece();
    this.#scratch.copy(piece, 0, 0, this.#used);
    this.#scratch = piece;
  }
}
