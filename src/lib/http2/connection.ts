import type { Socket } from 'node:net';
import type { Clock } from '../clock.js';
import {
  defaultFrameBytes,
  defaultTableBytes,
  defaultWindowBytes,
  errorCode,
  flag,
  frameType,
  limits,
  setting,
  windowBytesMax,
} from './constants.js';
import { Http2Error } from './errors.js';
import { FrameParser } from './frame-parser.js';
import type { FrameHead } from './frame-parser.js';
import { FrameWriter } from './frame-writer.js';
import { HpackDecoder } from './hpack-decoder.js';
import type { Headers } from './hpack-decoder.js';
import { noTable } from './hpack-encoder.js';
import { Http2Stream } from './stream.js';
import type { StreamHost } from './stream.js';

/** What whoever owns a connection is told. */
export interface ConnectionEvents {
  /** Once. All streams have been told before. @param error undefined when both sides ended in order */
  onClosed(error: Error | undefined): void;
  /** The peer will take no more streams. */
  onGoaway?(): void;
}

const noBytes = Buffer.alloc(0);

/** What both roles share: frames, settings, windows, pings, the end (RFC 9113). */
export abstract class Http2Connection implements StreamHost {
  readonly socket: Socket;
  readonly writer: FrameWriter;
  sendWindow = defaultWindowBytes;
  peerFrameBytes = defaultFrameBytes;
  tableUpdate: Buffer | undefined;
  protected readonly streams = new Map<number, Http2Stream>();
  protected peerWindowBytes = defaultWindowBytes;
  protected peerMaxStreams = Infinity;
  /** The highest id that the peer has opened. */
  protected lastPeerStream = 0;
  protected goingAway = false;
  protected readonly decoder = new HpackDecoder();
  readonly #parser: FrameParser;
  readonly #events: ConnectionEvents;
  readonly #clock: Clock;
  readonly #waiting = new Set<Http2Stream>();
  readonly #pings: (() => void)[] = [];
  #taken = 0;
  /** A header block that goes on in CONTINUATION frames. */
  #open: { id: number; flags: number; parts: Buffer[]; bytes: number } | undefined;
  #sawSettings = false;
  #emptyFrames = 0;
  #resetsLeft: number = limits.resetBurst;
  #resetsAtMs = 0;
  #closed = false;

  constructor(socket: Socket, events: ConnectionEvents, clock: Clock) {
    this.socket = socket;
    this.#events = events;
    this.#clock = clock;
    this.#parser = new FrameParser(this);
    this.writer = new FrameWriter(socket, () => this.#pumpWaiting());
    socket.on('data', (chunk: Buffer) => this.receive(chunk));
    socket.on('error', (error) => this.#over(error));
    socket.on('end', () => this.#over(undefined));
    socket.on('close', () => this.#over(undefined));
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Streams that are not over. */
  get streamCount(): number {
    return this.streams.size;
  }

  /** Bytes from the socket. */
  receive(chunk: Buffer): void {
    if (this.#closed) return;
    try {
      this.#parser.push(chunk);
    } catch (error) {
      if (!(error instanceof Http2Error)) throw error;
      this.fail(error);
    }
  }

  /** Ends the connection at once, with a reason for the peer. */
  fail(error: Http2Error): void {
    this.#sendGoaway(error.code, error.message);
    this.#end(error);
  }

  /** No new streams; the connection ends when those under way are over. */
  close(): void {
    if (this.goingAway || this.#closed) return;
    this.goingAway = true;
    this.#sendGoaway(errorCode.noError, '');
    if (this.streams.size === 0) this.#end(undefined);
  }

  /** Ends at once, with all streams. */
  destroy(error?: Error): void {
    this.#over(error);
    this.socket.destroy();
  }

  /** Asks for a sign of life. */
  ping(answered: () => void): void {
    this.#pings.push(answered);
    this.writer.frame(frameType.ping, 0, 0, Buffer.alloc(8));
  }

  waits(stream: Http2Stream): void {
    this.#waiting.add(stream);
  }

  streamClosed(stream: Http2Stream): void {
    this.streams.delete(stream.id);
    this.#waiting.delete(stream);
    this.streamGone();
    if (this.goingAway && this.streams.size === 0) this.#end(undefined);
  }

  onFrame(head: FrameHead, bytes: Buffer, start: number, end: number): void {
    const { type, streamId } = head;
    if (
      this.#open !== undefined &&
      (type !== frameType.continuation || streamId !== this.#open.id)
    ) {
      throw protocolError('a header block is interrupted');
    }
    if (!this.#sawSettings && (type !== frameType.settings || (head.flags & flag.ack) !== 0)) {
      throw protocolError('the first frame is not SETTINGS');
    }
    switch (type) {
      case frameType.data:
        this.#onData(head, bytes, start, end);
        return;
      case frameType.headers:
        this.#onHeaders(head, bytes, start, end);
        return;
      case frameType.continuation:
        this.#onContinuation(head, bytes, start, end);
        return;
      case frameType.rstStream:
        this.#onReset(head, bytes, start, end);
        return;
      case frameType.settings:
        this.#onSettings(head, bytes, start, end);
        return;
      case frameType.ping:
        this.#onPing(head, bytes, start, end);
        return;
      case frameType.goaway:
        if (end - start < 8 || streamId !== 0) throw frameSizeError('GOAWAY');
        this.onGoaway(bytes.readUInt32BE(start) & windowBytesMax);
        return;
      case frameType.windowUpdate:
        this.#onWindowUpdate(head, bytes, start, end);
        return;
      case frameType.pushPromise:
        throw protocolError('PUSH_PROMISE is not allowed');
      default:
      // PRIORITY, and what later versions may bring.
    }
  }

  /** A whole header block of a stream. */
  protected abstract onHeaderBlock(id: number, headers: Headers, endStream: boolean): void;

  /** The peer takes no streams above `lastId`. */
  protected onGoaway(_lastId: number): void {
    this.goingAway = true;
    this.#events.onGoaway?.();
    if (this.streams.size === 0) this.#end(undefined);
  }

  /** True for ids that have not been used yet. */
  protected abstract isIdle(id: number): boolean;

  /** After a stream was forgotten. */
  protected streamGone(): void {
    // Nothing waits for one by default.
  }

  /** The peer has announced its limits. */
  protected onPeerSettings(): void {
    // Servers have nothing that waits for them.
  }

  protected newStream(id: number): Http2Stream {
    const stream = new Http2Stream(this, id, this.peerWindowBytes);
    this.streams.set(id, stream);
    return stream;
  }

  /** Our settings and the larger window of the connection. */
  protected sendSettings(settings: readonly (readonly [id: number, value: number])[]): void {
    const payload = Buffer.alloc(6 * settings.length);
    settings.forEach(([id, value], at) => {
      payload.writeUInt16BE(id, 6 * at);
      payload.writeUInt32BE(value, 6 * at + 2);
    });
    this.writer.frame(frameType.settings, 0, 0, payload);
    const more = limits.connectionWindowBytes - defaultWindowBytes;
    this.writer.number(frameType.windowUpdate, 0, more);
  }

  #onData(head: FrameHead, bytes: Buffer, start: number, end: number): void {
    const { streamId, flags } = head;
    const flowBytes = end - start;
    const isPadded = (flags & flag.padded) !== 0;
    const from = isPadded ? start + 1 : start;
    const to = isPadded ? paddedEnd(bytes, start, end) : end;
    const ends = (flags & flag.endStream) !== 0;
    if (flowBytes === 0 && !ends && ++this.#emptyFrames > limits.emptyFrames) {
      throw new Http2Error(errorCode.enhanceYourCalm, 'too many empty frames');
    }
    if (flowBytes > 0) {
      this.#emptyFrames = 0;
      this.#taken += flowBytes;
      if (this.#taken >= limits.connectionWindowBytes / 2) {
        this.writer.number(frameType.windowUpdate, 0, this.#taken);
        this.#taken = 0;
      }
    }
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      if (streamId === 0 || this.isIdle(streamId)) throw protocolError('DATA on an idle stream');
      return;
    }
    if (stream.remoteEnded) {
      stream.reset(errorCode.streamClosed);
      return;
    }
    if (!stream.received(bytes, from, to, flowBytes)) {
      stream.reset(errorCode.flowControlError);
    } else if (ends) stream.receivedEnd();
  }

  #onHeaders(head: FrameHead, bytes: Buffer, start: number, end: number): void {
    const isPadded = (head.flags & flag.padded) !== 0;
    let from = isPadded ? start + 1 : start;
    const to = isPadded ? paddedEnd(bytes, start, end) : end;
    if ((head.flags & flag.priority) !== 0) from += 5;
    if (from > to) throw frameSizeError('HEADERS');
    if (head.streamId === 0) throw protocolError('HEADERS on stream 0');
    const part = bytes.subarray(from, to);
    if ((head.flags & flag.endHeaders) !== 0) {
      this.#onBlock(head.streamId, head.flags, part);
    } else {
      this.#open = { id: head.streamId, flags: head.flags, parts: [part], bytes: part.length };
    }
  }

  #onContinuation(head: FrameHead, bytes: Buffer, start: number, end: number): void {
    const open = this.#open;
    if (open === undefined) throw protocolError('CONTINUATION without HEADERS');
    open.parts.push(bytes.subarray(start, end));
    open.bytes += end - start;
    if (open.bytes > limits.headerBlockBytes || open.parts.length > 64) {
      throw new Http2Error(errorCode.enhanceYourCalm, 'the header block is too long');
    }
    if ((head.flags & flag.endHeaders) === 0) return;
    this.#open = undefined;
    this.#onBlock(open.id, open.flags, Buffer.concat(open.parts, open.bytes));
  }

  #onBlock(id: number, flags: number, block: Buffer): void {
    this.onHeaderBlock(id, this.decoder.decode(block), (flags & flag.endStream) !== 0);
  }

  #onReset({ streamId }: FrameHead, bytes: Buffer, start: number, end: number): void {
    if (end - start !== 4) throw frameSizeError('RST_STREAM');
    if (streamId === 0 || this.isIdle(streamId))
      throw protocolError('RST_STREAM on an idle stream');
    this.#countReset();
    this.streams.get(streamId)?.abandon(bytes.readUInt32BE(start));
  }

  /** A peer that opens and resets streams without end makes us work for nothing. */
  #countReset(): void {
    const nowMs = this.#clock.monotonicMs();
    const earned = ((nowMs - this.#resetsAtMs) / 1000) * limits.resetsPerSecond;
    this.#resetsLeft = Math.min(limits.resetBurst, this.#resetsLeft + earned) - 1;
    this.#resetsAtMs = nowMs;
    if (this.#resetsLeft < 0) throw new Http2Error(errorCode.enhanceYourCalm, 'too many resets');
  }

  #onSettings({ flags, streamId }: FrameHead, bytes: Buffer, start: number, end: number): void {
    if (streamId !== 0) throw protocolError('SETTINGS on a stream');
    if ((flags & flag.ack) !== 0) {
      if (end !== start) throw frameSizeError('SETTINGS');
      return;
    }
    if ((end - start) % 6 !== 0) throw frameSizeError('SETTINGS');
    this.#sawSettings = true;
    for (let at = start; at < end; at += 6) {
      const value = bytes.readUInt32BE(at + 2);
      switch (bytes.readUInt16BE(at)) {
        case setting.headerTableSize:
          // We use no table; a decoder whose table shrinks wants to be told.
          if (value < defaultTableBytes) this.tableUpdate = noTable;
          break;
        case setting.maxConcurrentStreams:
          this.peerMaxStreams = value;
          break;
        case setting.initialWindowSize:
          this.#onInitialWindow(value);
          break;
        case setting.maxFrameSize:
          if (value < defaultFrameBytes || value > 2 ** 24 - 1) {
            throw protocolError('SETTINGS_MAX_FRAME_SIZE is out of range');
          }
          this.peerFrameBytes = value;
          break;
        default:
      }
    }
    this.#answer(frameType.settings, noBytes);
    this.onPeerSettings();
  }

  #onInitialWindow(value: number): void {
    if (value > windowBytesMax) {
      throw new Http2Error(errorCode.flowControlError, 'SETTINGS_INITIAL_WINDOW_SIZE is too large');
    }
    const change = value - this.peerWindowBytes;
    this.peerWindowBytes = value;
    for (const stream of this.streams.values()) {
      if (!stream.allow(change)) {
        throw new Http2Error(errorCode.flowControlError, 'a window is too large');
      }
    }
  }

  #onPing({ flags, streamId }: FrameHead, bytes: Buffer, start: number, end: number): void {
    if (streamId !== 0) throw protocolError('PING on a stream');
    if (end - start !== 8) throw frameSizeError('PING');
    if ((flags & flag.ack) === 0) this.#answer(frameType.ping, bytes.subarray(start, end));
    else this.#pings.shift()?.();
  }

  /** A peer that makes us answer and reads nothing is cut off. */
  #answer(type: number, payload: Buffer): void {
    this.writer.frame(type, flag.ack, 0, payload);
    if (this.writer.waitingBytes > limits.socketBytesMax) {
      throw new Http2Error(errorCode.enhanceYourCalm, 'answers are not read');
    }
  }

  #onWindowUpdate({ streamId }: FrameHead, bytes: Buffer, start: number, end: number): void {
    if (end - start !== 4) throw frameSizeError('WINDOW_UPDATE');
    const more = bytes.readUInt32BE(start) & windowBytesMax;
    if (streamId === 0) {
      if (more === 0) throw protocolError('a window update of 0');
      this.sendWindow += more;
      if (this.sendWindow > windowBytesMax) {
        throw new Http2Error(errorCode.flowControlError, 'the window is too large');
      }
      this.#pumpWaiting();
      return;
    }
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      if (this.isIdle(streamId)) throw protocolError('WINDOW_UPDATE on an idle stream');
      return;
    }
    if (more === 0) stream.reset(errorCode.protocolError);
    else if (!stream.allow(more)) stream.reset(errorCode.flowControlError);
  }

  /** Each stream in turn sends what it can; who is stopped again goes to the end of the row. */
  #pumpWaiting(): void {
    // Who waits again joins the row anew and must not be met twice.
    const waiting = [...this.#waiting];
    for (const stream of waiting) {
      if (this.writer.full || this.sendWindow <= 0) return;
      this.#waiting.delete(stream);
      stream.pump();
    }
  }

  #sendGoaway(code: number, message: string): void {
    const debug = Buffer.from(message, 'latin1');
    const payload = Buffer.alloc(8 + debug.length);
    payload.writeUInt32BE(this.lastPeerStream, 0);
    payload.writeUInt32BE(code, 4);
    debug.copy(payload, 8);
    this.writer.frame(frameType.goaway, 0, 0, payload);
  }

  /** Sends what is written, then closes. */
  #end(error: Error | undefined): void {
    if (this.#closed) return;
    this.writer.flush();
    this.#over(error);
    this.socket.end();
    // A peer that keeps its half open is not waited for.
    this.#clock.schedule(1000, () => this.socket.destroy());
  }

  #over(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#parser.stop();
    for (const stream of this.streams.values()) stream.abandon(undefined);
    this.writer.close();
    if (!this.socket.destroyed && error === undefined && this.socket.readableEnded)
      this.socket.end();
    this.#events.onClosed(error);
  }
}

/** Where the payload of a padded frame ends. */
function paddedEnd(bytes: Buffer, start: number, end: number): number {
  const padding = bytes[start];
  if (start === end || padding === undefined || start + 1 + padding > end) {
    throw protocolError('too much padding');
  }
  return end - padding;
}

export function protocolError(message: string): Http2Error {
  return new Http2Error(errorCode.protocolError, message);
}

function frameSizeError(type: string): Http2Error {
  return new Http2Error(errorCode.frameSizeError, `${type} has a wrong length`);
}
