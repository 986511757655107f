/** Frames of HTTP/2 on their way out: what one turn makes leaves in one write. */
import type * as net from 'node:net';

export const frame = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
} as const;
export const flagEnd = 0x1;
export const flagAck = 0x1;
export const flagEndHeaders = 0x4;
export const flagPadded = 0x8;
export const frameHeaderBytes = 9;
/** gRPC's, before each message. */
export const messageHeaderBytes = 5;

const startBytes = 64 * 1024;

/** The fields of a frame's header beside the length. */
export interface FrameKind {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
}

export class FrameOut {
  readonly #socket: net.Socket;
  #out = Buffer.allocUnsafe(startBytes);
  #length = 0;
  #flushAsked = false;

  constructor(socket: net.Socket) {
    this.#socket = socket;
  }

  raw(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length);
    this.#out.set(bytes, at);
  }

  /** A frame with the payload `bytes[start..end)`. */
  frame(kind: FrameKind, bytes: Buffer, start = 0, end = bytes.length): void {
    const at = this.#begin(kind, end - start);
    bytes.copy(this.#out, at, start, end);
  }

  /** A DATA frame with one whole gRPC message. */
  message(bytes: Uint8Array, id: number, end: boolean): void {
    const kind = { type: frame.data, flags: end ? flagEnd : 0, id };
    const at = this.#begin(kind, messageHeaderBytes + bytes.length);
    writeMessageHeader(this.#out, at, bytes.length);
    this.#out.set(bytes, at + messageHeaderBytes);
  }

  windowUpdate(id: number, more: number): void {
    const at = this.#begin({ type: frame.windowUpdate, flags: 0, id }, 4);
    this.#out.writeUInt32BE(more, at);
  }

  /** A SETTINGS frame with one setting. */
  setting(setting: number, value: number): void {
    const at = this.#begin({ type: frame.settings, flags: 0, id: 0 }, 6);
    this.#out.writeUInt16BE(setting, at);
    this.#out.writeUInt32BE(value, at + 2);
  }

  /** Writes what there is; happens by itself at the end of the turn. */
  flush(): void {
    this.#flushAsked = false;
    if (this.#length === 0 || this.#socket.destroyed) return;
    const full = this.#out.subarray(0, this.#length);
    this.#length = 0;
    // Node writes at once what the socket takes; only if it keeps a part must the bytes stay as they are.
    this.#socket.write(full);
    if (this.#socket.writableLength > 0) this.#out = Buffer.allocUnsafe(this.#out.length);
  }

  /** @returns where the payload begins */
  #begin(kind: FrameKind, payloadBytes: number): number {
    const at = this.#reserve(frameHeaderBytes + payloadBytes);
    const out = this.#out;
    out.writeUIntBE(payloadBytes, at, 3);
    out[at + 3] = kind.type;
    out[at + 4] = kind.flags;
    out.writeUInt32BE(kind.id, at + 5);
    return at + frameHeaderBytes;
  }

  #reserve(length: number): number {
    const at = this.#length;
    if (at + length > this.#out.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#out.length * 2, at + length));
      this.#out.copy(larger, 0, 0, at);
      this.#out = larger;
    }
    this.#length = at + length;
    if (!this.#flushAsked) {
      this.#flushAsked = true;
      queueMicrotask(() => this.flush());
    }
    return at;
  }
}

/** Not compressed, so many bytes. */
export function writeMessageHeader(target: Buffer, at: number, length: number): void {
  target[at] = 0;
  target.writeUInt32BE(length, at + 1);
}
