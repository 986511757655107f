import {
  defaultFrameBytes,
  errorCode,
  flag,
  frameType,
  limits,
  windowBytesMax,
} from './constants.js';
import type { FrameWriter } from './frame-writer.js';
import type { Headers } from './hpack-decoder.js';

/** The events of a stream, for its owner. After `onClosed` nothing comes any more. */
export interface StreamHandler {
  /** Answer headers, or trailers. */
  onHeaders(headers: Headers): void;
  /**
   * A view that may be kept. It may belong to a much larger buffer, of which others hold nothing: whoever waits for
   * more with it in his hands keeps a copy ({@link compact}). @param isLast nothing follows
   */
  onData(chunk: Buffer, isLast: boolean): void;
  /** The peer sends nothing more. */
  onEnd(): void;
  /** The stream takes more again after `write` returned false. */
  onWritable(): void;
  /**
   * The stream is over in both directions. @param code the code of a reset from either side, undefined after a regular
   * end and when the connection broke
   */
  onClosed(code: number | undefined): void;
}

/** The connection as its streams use it. */
export interface StreamHost {
  readonly writer: FrameWriter;
  /** The bytes that the peer still allows on the connection; streams count them down. */
  sendWindow: number;
  readonly peerFrameBytes: number;
  /** Must open the next header block, once. */
  tableUpdate: Buffer | undefined;
  /** The stream holds data that the connection's window or socket does not take now. */
  waits(stream: Http2Stream): void;
  /** Counts what streams hold, up or down. */
  holds(bytes: number): void;
  /**
   * Counts what streams have got and their owners have not taken.
   * @returns false when it would be too much: it is not counted
   */
  receives(bytes: number): boolean;
  /** Counts what received bytes cost, and what turned out to be none. */
  spends(bytes: number): void;
  /** The stream is over and must be forgotten. */
  streamClosed(stream: Http2Stream): void;
}

/** Bytes that a stream may hold before its owner is told to wait. */
const heldBytesHigh = 256 * 1024;
const prefixBytes = 5;

/** One stream of a connection (RFC 9113, section 5), in either role. */
export class Http2Stream {
  readonly id: number;
  /** For clients: the final status has come, trailers may follow. */
  hasAnswer = false;
  readonly #host: StreamHost;
  #handler: StreamHandler | undefined;
  #sendWindow: number;
  /** Bytes taken since the last window update. */
  #taken = 0;
  /** The bytes that the peer sent and the owner still holds, as far as we know. */
  #unread = 0;
  /** Of what the peer sent in parts: what it has cost so far. */
  #spent = 0;
  /** Bytes of the announced content-length that have not come yet. */
  #bytesLeft: number | undefined;
  #paused = false;
  /** The chunks that wait for a window, oldest first, from {@link #queueStart} on. */
  #queue: Uint8Array[] = [];
  #queueStart = 0;
  #queuedBytes = 0;
  /** Header block that ends the stream once the queue is empty; `null`: an empty DATA frame does. */
  #ending: Buffer | null | undefined;
  #localEnded = false;
  #remoteEnded = false;
  #closed = false;
  #mustNotify = false;
  #releases = false;
  /** The peer knows of the stream. */
  #known: boolean;

  /** @param isKnown false when the peer learns of the stream by the headers that we send */
  constructor(host: StreamHost, id: number, sendWindow: number, isKnown: boolean) {
    this.#host = host;
    this.id = id;
    this.#sendWindow = sendWindow;
    this.#known = isKnown;
  }

  set handler(handler: StreamHandler) {
    this.#handler = handler;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The peer has sent its last. */
  get remoteEnded(): boolean {
    return this.#remoteEnded;
  }

  /** Our last is sent, or waits behind what was written. */
  get localEnded(): boolean {
    return this.#localEnded || this.#ending !== undefined;
  }

  /** True while the owner should not write. */
  get full(): boolean {
    return this.#queuedBytes >= heldBytesHigh;
  }

  /** Headers in the form of an encoded block. */
  headers(block: Buffer, endStream: boolean): void {
    if (this.#closed || this.localEnded) return;
    this.#known = true;
    sendBlock(this.#host, this.id, block, endStream);
    if (endStream) this.#endedLocally();
  }

  /**
   * Sends a gRPC message.
   * @param parts the message, cut anywhere
   * @param format 1 when it is compressed
   * @returns false when the owner should wait for `onWritable`
   */
  message(parts: readonly Uint8Array[], format: 0 | 1 = 0): boolean {
    if (this.#closed || this.localEnded) return true;
    const bytes = prefixBytes + lengthOf(parts);
    if (this.#takes(bytes)) {
      this.#count(bytes);
      this.#host.writer.message(0, this.id, parts, format);
      return true;
    }
    this.#enqueue(parts, bytes, format);
    this.pump();
    if (!this.full) return true;
    this.#mustNotify = true;
    return false;
  }

  /**
   * Ends our direction as `end` does, and with it the stream: what the peer might still send is not wanted (RFC 9113,
   * section 8.1).
   */
  finish(trailers: Buffer): void {
    this.#releases = true;
    this.end(trailers);
  }

  /** Ends our direction behind all that was written. @param trailers a header block, or none */
  end(trailers?: Buffer): void {
    if (this.#closed || this.localEnded) return;
    this.#ending = trailers ?? null;
    if (this.#queuedBytes === 0) this.#sendEnding();
  }

  /** Sends a gRPC message that ends our direction. */
  endWith(message: Uint8Array): void {
    if (this.#closed || this.localEnded) return;
    if (this.#takes(prefixBytes + message.length)) {
      this.#count(prefixBytes + message.length);
      this.#host.writer.message(flag.endStream, this.id, [message]);
      this.#endedLocally();
      return;
    }
    this.message([message]);
    this.end();
  }

  /** Gives the stream up; the peer is told, unless it never heard of it. */
  reset(code: number): void {
    if (this.#closed) return;
    if (this.#known) this.#host.writer.number(frameType.rstStream, this.id, code);
    this.abandon(code);
  }

  /** Takes nothing more from the peer than what it may have under way. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#updateWindow();
  }

  /** The owner has given so many bytes of what it got away. */
  released(bytes: number): void {
    const released = Math.min(bytes, this.#unread);
    this.#host.receives(-released);
    this.#unread -= released;
  }

  /**
   * The owner holds more than was counted: it was compressed, or came last.
   * @returns false when that would be too much
   */
  keeps(bytes: number): boolean {
    if (this.#closed || !this.#host.receives(bytes)) return false;
    this.#unread += bytes;
    return true;
  }

  /** Gives back the cost of the peer's bytes: they were worth it. */
  forgive(): void {
    if (this.#spent > 0) this.#host.spends(-this.#spent);
    this.#spent = 0;
  }

  /** The owner holds nothing of what it got. */
  consumed(): void {
    if (this.#unread === 0) return;
    this.#host.receives(-this.#unread);
    this.#unread = 0;
  }

  /**
   * A part of the peer's data.
   * @param isLast nothing follows: it is not counted, since nearly every owner uses it at once; one that does not says
   * so by `keeps`
   * @returns the code to reset the stream with: the peer sent more than it was allowed or has announced
   */
  received(part: Buffer, flowBytes: number, isLast: boolean): number | undefined {
    this.#taken += flowBytes;
    if (this.#taken > limits.streamWindowBytes) return errorCode.flowControlError;
    if (this.#bytesLeft !== undefined) {
      this.#bytesLeft -= part.length;
      if (this.#bytesLeft < 0 || (isLast && this.#bytesLeft > 0)) return errorCode.protocolError;
    }
    if (!isLast) {
      this.#host.spends(flowBytes);
      this.#spent += flowBytes;
      if (!this.#host.receives(flowBytes)) return errorCode.enhanceYourCalm;
      this.#unread += flowBytes;
    }
    if (part.length > 0 && !this.#closed) this.#handler?.onData(part, isLast);
    this.#updateWindow();
    return undefined;
  }

  /**
   * The peer has announced how many bytes it sends (RFC 9113, section 8.1.1).
   * @param text the field's value, or several joined by commas
   * @returns false when it is no length, or another one than the stream can still have
   */
  announces(text: string, isOver: boolean): boolean {
    const [first = '', ...others] = text.split(/\s*,\s*/);
    if (!/^\d{1,15}$/.test(first) || others.some((other) => other !== first)) return false;
    this.#bytesLeft = Number(first);
    return !isOver || this.#bytesLeft === 0;
  }

  /** All bytes that the peer has announced have come. */
  get isWhole(): boolean {
    return this.#bytesLeft === undefined || this.#bytesLeft === 0;
  }

  receivedHeaders(headers: Headers): void {
    this.#handler?.onHeaders(headers);
  }

  receivedEnd(): void {
    if (this.#remoteEnded || this.#closed) return;
    this.#remoteEnded = true;
    this.#handler?.onEnd();
    this.#closeIfOver();
  }

  /** The peer allows more. @returns false when the window would overflow */
  allow(bytes: number): boolean {
    this.#sendWindow += bytes;
    if (this.#sendWindow > windowBytesMax) return false;
    if (this.#queuedBytes > 0) this.pump();
    return true;
  }

  /** Sends what windows and socket take. */
  pump(): void {
    const host = this.#host;
    while (this.#queuedBytes > 0) {
      const room = Math.min(this.#sendWindow, host.sendWindow, host.peerFrameBytes);
      if (room <= 0 || host.writer.full) {
        if (this.#sendWindow > 0) host.waits(this);
        break;
      }
      const bytes = Math.min(room, this.#queuedBytes);
      const isLast = bytes === this.#queuedBytes && this.#ending === null;
      host.writer.head(frameType.data, isLast ? flag.endStream : 0, this.id, bytes);
      this.#sendQueued(bytes);
      if (isLast) this.#endedLocally();
    }
    if (this.#queuedBytes === 0 && this.#ending !== undefined) this.#sendEnding();
    if (this.#mustNotify && !this.#closed && this.#queuedBytes < heldBytesHigh / 2) {
      this.#mustNotify = false;
      this.#handler?.onWritable();
    }
  }

  /** Over without a word to the peer: it has reset the stream, or the connection is gone. */
  abandon(code: number | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.consumed();
    this.#host.holds(-this.#queuedBytes);
    this.#queue = [];
    this.#queueStart = 0;
    this.#queuedBytes = 0;
    this.#host.streamClosed(this);
    this.#handler?.onClosed(code);
  }

  #enqueue(parts: readonly Uint8Array[], bytes: number, format: 0 | 1): void {
    const prefix = Buffer.allocUnsafe(prefixBytes);
    prefix[0] = format;
    prefix.writeUInt32BE(bytes - prefixBytes, 1);
    this.#queue.push(prefix);
    for (const part of parts) if (part.length > 0) this.#queue.push(part);
    this.#queuedBytes += bytes;
    this.#host.holds(bytes);
  }

  /** Writes the next bytes of the queue as a frame's payload. */
  #sendQueued(bytes: number): void {
    const queue = this.#queue;
    const { writer } = this.#host;
    let left = bytes;
    while (left > 0) {
      const first = queue[this.#queueStart];
      if (first === undefined) break;
      if (first.length > left) {
        writer.append(first.subarray(0, left));
        queue[this.#queueStart] = first.subarray(left);
        break;
      }
      writer.append(first);
      left -= first.length;
      this.#queueStart += 1;
    }
    this.#queuedBytes -= bytes;
    if (this.#queueStart * 2 >= queue.length) {
      this.#queue = queue.slice(this.#queueStart);
      this.#queueStart = 0;
    }
    this.#count(bytes);
    this.#host.holds(-bytes);
  }

  #takes(bytes: number): boolean {
    const host = this.#host;
    return (
      this.#queuedBytes === 0 &&
      bytes <= this.#sendWindow &&
      bytes <= host.sendWindow &&
      bytes <= host.peerFrameBytes &&
      !host.writer.full
    );
  }

  #count(bytes: number): void {
    this.#sendWindow -= bytes;
    this.#host.sendWindow -= bytes;
  }

  #sendEnding(): void {
    const ending = this.#ending;
    if (this.#localEnded || ending === undefined) return;
    if (ending === null) this.#host.writer.frame(frameType.data, flag.endStream, this.id, noBytes);
    else sendBlock(this.#host, this.id, ending, true);
    this.#endedLocally();
  }

  #endedLocally(): void {
    this.#localEnded = true;
    if (this.#releases && !this.#remoteEnded) this.reset(errorCode.noError);
    else this.#closeIfOver();
  }

  #closeIfOver(): void {
    if (this.#localEnded && this.#remoteEnded) this.abandon(undefined);
  }

  #updateWindow(): void {
    if (this.#paused || this.#remoteEnded || this.#closed) return;
    if (this.#taken < limits.streamWindowBytes / 2) return;
    this.#host.writer.number(frameType.windowUpdate, this.id, this.#taken);
    this.#taken = 0;
  }
}

const noBytes = new Uint8Array(0);

/** The bytes, copied when most of the buffer that they belong to is not theirs. */
export function compact(bytes: Buffer): Buffer {
  return bytes.length * 4 >= bytes.buffer.byteLength ? bytes : Buffer.from(bytes);
}

function lengthOf(parts: readonly Uint8Array[]): number {
  let length = 0;
  for (const part of parts) length += part.length;
  return length;
}

/** A header block, in as many frames as the peer's limit asks for. */
function sendBlock(host: StreamHost, id: number, fields: Buffer, endStream: boolean): void {
  const end = endStream ? flag.endStream : 0;
  let block = fields;
  if (host.tableUpdate !== undefined) {
    block = Buffer.concat([host.tableUpdate, fields]);
    host.tableUpdate = undefined;
  }
  if (block.length <= defaultFrameBytes) {
    host.writer.frame(frameType.headers, flag.endHeaders | end, id, block);
    return;
  }
  for (let at = 0; at < block.length; at += defaultFrameBytes) {
    const part = block.subarray(at, at + defaultFrameBytes);
    const last = at + defaultFrameBytes >= block.length ? flag.endHeaders : 0;
    if (at === 0) host.writer.frame(frameType.headers, end | last, id, part);
    else host.writer.frame(frameType.continuation, last, id, part);
  }
}
