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
  windowBytesMax,
} from './constants.js';
import { goawayPayload, readSettings, settingsPayload } from './control-frames.js';
import type { PeerSettings } from './control-frames.js';
import { frameSizeError, Http2Error, protocolError } from './errors.js';
import { FloodGuard } from './flood-guard.js';
import { FrameParser } from './frame-parser.js';
import type { FrameHead } from './frame-parser.js';
import { FrameWriter } from './frame-writer.js';
import { HeaderBlocks, paddedEnd } from './header-blocks.js';
import type { HeaderBlock } from './header-blocks.js';
import { HpackDecoder } from './hpack-decoder.js';
import type { Headers } from './hpack-decoder.js';
import { noTable } from './hpack-encoder.js';
import { endSocket } from '../linger.js';
import { ReceiveAccount } from './receive-account.js';
import type { ConnectionBounds } from './receive-account.js';
import { Http2Stream } from './stream.js';
import type { StreamHost } from './stream.js';

/** The events of a connection, for its owner. */
export interface ConnectionEvents {
  /** Once. All streams have been told before. @param error undefined when both sides ended in order */
  onClosed(error: Error | undefined): void;
  /** The peer will take no more streams. */
  onGoaway?(): void;
}

const noBytes = Buffer.alloc(0);

/** The part of a connection that both roles share: frames, settings, windows, pings, the end (RFC 9113). */
export abstract class Http2Connection implements StreamHost {
  readonly socket: Socket;
  readonly writer: FrameWriter;
  sendWindow = defaultWindowBytes;
  peerFrameBytes = defaultFrameBytes;
  tableUpdate: Buffer | undefined;
  protected readonly streams = new Map<number, Http2Stream>();
  protected peerWindowBytes = defaultWindowBytes;
  protected peerMaxStreams: number = limits.earlyStreams;
  /** The highest id that the peer has opened. */
  protected lastPeerStream = 0;
  protected goingAway = false;
  protected readonly decoder: HpackDecoder;
  readonly #parser: FrameParser;
  readonly #events: ConnectionEvents;
  readonly #clock: Clock;
  readonly #waiting = new Set<Http2Stream>();
  readonly #pings: (() => void)[] = [];
  readonly #floods: FloodGuard;
  readonly #bounds: ConnectionBounds;
  readonly #received: ReceiveAccount;
  #taken = 0;
  #heldBytes = 0;
  /** All windows of the connection that the peer has given. */
  #allowedBytes = defaultWindowBytes;
  readonly #blocks = new HeaderBlocks();
  #sawSettings = false;
  #closed = false;
  /** It is not read, since its peer and others have cost too much. */
  #isHeldUp = false;

  constructor(socket: Socket, events: ConnectionEvents, clock: Clock, bounds: ConnectionBounds) {
    this.socket = socket;
    this.#events = events;
    this.#clock = clock;
    this.#bounds = bounds;
    this.#received = new ReceiveAccount(bounds);
    this.#floods = new FloodGuard(clock);
    this.decoder = new HpackDecoder(bounds);
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

  /** Bytes of messages that streams hold. */
  get heldBytes(): number {
    return this.#heldBytes + this.#received.bytes;
  }

  /** Bytes from the socket. */
  receive(chunk: Buffer): void {
    if (this.#closed) return;
    try {
      this.#parser.push(chunk);
      // Answers that no window limits: a peer that makes us write them and reads nothing is cut off.
      if (this.writer.waitingBytes > this.#bounds.unreadBytes) {
        throw new Http2Error(errorCode.enhanceYourCalm, 'answers are not read');
      }
    } catch (error) {
      if (!(error instanceof Http2Error)) throw error;
      this.fail(error);
    }
  }

  /** Ends the connection at once, with a reason for the peer. */
  fail(error: Http2Error): void {
    if (this.#closed) return;
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
    if (this.#closed) return;
    this.#pings.push(answered);
    this.writer.frame(frameType.ping, 0, 0, Buffer.alloc(8));
  }

  waits(stream: Http2Stream): void {
    this.#waiting.add(stream);
  }

  holds(bytes: number): void {
    this.#heldBytes += bytes;
    if (this.#heldBytes <= limits.heldBytesMax || bytes <= 0) return;
    this.fail(new Http2Error(errorCode.enhanceYourCalm, 'streams hold too much'));
  }

  receives(bytes: number): boolean {
    return this.#received.add(bytes);
  }

  spends(bytes: number): void {
    const { budget } = this.#bounds;
    if (budget === undefined) return;
    budget.spend(bytes);
    if (bytes <= 0 || this.#isHeldUp || !budget.isSpent) return;
    this.#isHeldUp = true;
    this.socket.pause();
    budget.whenEarned(() => {
      this.#isHeldUp = false;
      if (!this.#closed) this.socket.resume();
    });
  }

  streamClosed(stream: Http2Stream): void {
    this.streams.delete(stream.id);
    this.#waiting.delete(stream);
    this.streamGone();
    if (this.goingAway && this.streams.size === 0) this.#end(undefined);
  }

  onFrame(head: FrameHead, bytes: Buffer, start: number, end: number): void {
    const { type, streamId } = head;
    this.#blocks.checkOrder(head);
    if (!this.#sawSettings && (type !== frameType.settings || (head.flags & flag.ack) !== 0)) {
      throw protocolError('the first frame is not SETTINGS');
    }
    switch (type) {
      case frameType.data:
        this.#onData(head, bytes, start, end);
        return;
      case frameType.headers:
        this.#onBlock(this.#blocks.headers(head, bytes, start, end));
        return;
      case frameType.continuation:
        this.#onBlock(this.#blocks.continuation(head, bytes, start, end));
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
        if (streamId !== 0) throw protocolError('GOAWAY on a stream');
        if (end - start < 8) throw frameSizeError('GOAWAY');
        this.onGoaway(bytes.readUInt32BE(start) & windowBytesMax);
        return;
      case frameType.windowUpdate:
        this.#onWindowUpdate(head, bytes, start, end);
        return;
      case frameType.pushPromise:
        throw protocolError('PUSH_PROMISE is not allowed');
      case frameType.priority:
        if (streamId === 0) throw protocolError('PRIORITY on stream 0');
        if (end - start !== 5) throw frameSizeError('PRIORITY');
        break;
      default: // Settings of later versions are ignored.
    }
    this.#onControl();
  }

  /** A whole header block of a stream. @param headers undefined when they are malformed */
  protected abstract onHeaderBlock(
    id: number,
    headers: Headers | undefined,
    endStream: boolean,
  ): void;

  /** The peer takes no streams above `lastId`. */
  protected onGoaway(_lastId: number): void {
    this.goingAway = true;
    this.#events.onGoaway?.();
    if (this.streams.size === 0) this.#end(undefined);
  }

  /** True for ids that no stream has had yet, 0 included. */
  protected abstract isIdle(id: number): boolean;

  /** After a stream was forgotten. */
  protected streamGone(): void {
    // Nothing waits for one by default.
  }

  /** The peer has announced its limits. */
  protected onPeerSettings(_settings: PeerSettings): void {
    // Servers have nothing that waits for them.
  }

  /** The peer has pinged, and was answered. */
  protected onPinged(): void {
    // Servers are asked too often, clients are not.
  }

  /** A stream that was under way ends because of what the peer did. */
  protected onBroken(): void {
    // A server's resets are its own affair.
  }

  /** False when headers must come first. */
  protected mayReceiveData(_stream: Http2Stream): boolean {
    return true;
  }

  /** Resets a stream on which the peer broke the protocol. */
  protected streamError(stream: Http2Stream, code: number): void {
    this.onBroken();
    stream.reset(code);
  }

  protected newStream(id: number, isKnown: boolean): Http2Stream {
    const stream = new Http2Stream(this, id, this.peerWindowBytes, isKnown);
    this.streams.set(id, stream);
    return stream;
  }

  /** Our settings and the larger window of the connection. */
  protected sendSettings(settings: readonly (readonly [id: number, value: number])[]): void {
    this.writer.frame(frameType.settings, 0, 0, settingsPayload(settings));
    const more = limits.connectionWindowBytes - defaultWindowBytes;
    this.writer.number(frameType.windowUpdate, 0, more);
  }

  #onData(head: FrameHead, bytes: Buffer, start: number, end: number): void {
    const { streamId, flags } = head;
    const flowBytes = end - start;
    const isPadded = (flags & flag.padded) !== 0;
    const from = isPadded ? Math.min(start + 1, end) : start;
    const to = isPadded ? paddedEnd(bytes, start, from, end) : end;
    const ends = (flags & flag.endStream) !== 0;
    this.#floods.onData(flowBytes, ends);
    if (flowBytes > 0) {
      this.#taken += flowBytes;
      if (this.#taken >= limits.connectionWindowBytes / 2) {
        this.writer.number(frameType.windowUpdate, 0, this.#taken);
        this.#taken = 0;
      }
    }
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      if (this.isIdle(streamId)) throw protocolError('DATA on an idle stream');
      this.#onControl();
      this.spends(flowBytes);
      return;
    }
    if (stream.remoteEnded) {
      this.streamError(stream, errorCode.streamClosed);
      return;
    }
    if (!this.mayReceiveData(stream)) {
      this.streamError(stream, errorCode.protocolError);
      return;
    }
    const fault = stream.received(bytes.subarray(from, to), flowBytes, ends);
    if (fault !== undefined) this.streamError(stream, fault);
    else if (ends) stream.receivedEnd();
  }

  #onBlock(block: HeaderBlock | undefined): void {
    if (block === undefined) return;
    const headers = this.decoder.decode(block.fields);
    this.onHeaderBlock(block.id, headers, (block.flags & flag.endStream) !== 0);
  }

  #onReset({ streamId }: FrameHead, bytes: Buffer, start: number, end: number): void {
    if (end - start !== 4) throw frameSizeError('RST_STREAM');
    if (this.isIdle(streamId)) throw protocolError('RST_STREAM on an idle stream');
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      this.#onControl();
      return;
    }
    this.onBroken();
    stream.abandon(bytes.readUInt32BE(start));
  }

  #onSettings({ flags, streamId }: FrameHead, bytes: Buffer, start: number, end: number): void {
    if (streamId !== 0) throw protocolError('SETTINGS on a stream');
    if ((flags & flag.ack) !== 0) {
      if (end !== start) throw frameSizeError('SETTINGS');
      return;
    }
    if ((end - start) % 6 !== 0) throw frameSizeError('SETTINGS');
    if (!this.#sawSettings) this.peerMaxStreams = Infinity;
    this.#sawSettings = true;
    this.#floods.onSettings();
    const settings = readSettings(bytes, start, end);
    const { headerTableSize, maxConcurrentStreams, initialWindowSize, maxFrameSize } = settings;
    // We use no table; a decoder whose table shrinks wants to be told.
    if (headerTableSize !== undefined && headerTableSize < defaultTableBytes) {
      this.tableUpdate = noTable;
    }
    if (maxConcurrentStreams !== undefined) this.peerMaxStreams = maxConcurrentStreams;
    if (maxFrameSize !== undefined) this.peerFrameBytes = Math.min(maxFrameSize, limits.frameBytes);
    this.writer.frame(frameType.settings, flag.ack, 0, noBytes);
    if (initialWindowSize !== undefined) this.#onInitialWindow(initialWindowSize);
    this.onPeerSettings(settings);
  }

  /** A frame that carries nothing. */
  #onControl(): void {
    this.#floods.onControl(this.writer.servedCount, this.#allowedBytes - this.sendWindow);
  }

  #onInitialWindow(value: number): void {
    const change = value - this.peerWindowBytes;
    this.peerWindowBytes = value;
    if (change === 0) return;
    // A copy: a stream that ends may make room for one that has the new window already.
    for (const stream of Array.from(this.streams.values())) {
      if (!stream.allow(change)) {
        throw new Http2Error(errorCode.flowControlError, 'a window is too large');
      }
    }
  }

  #onPing({ flags, streamId }: FrameHead, bytes: Buffer, start: number, end: number): void {
    if (streamId !== 0) throw protocolError('PING on a stream');
    if (end - start !== 8) throw frameSizeError('PING');
    this.#onControl();
    if ((flags & flag.ack) !== 0) {
      this.#pings.shift()?.();
      return;
    }
    this.writer.frame(frameType.ping, flag.ack, 0, bytes.subarray(start, end));
    this.onPinged();
  }

  #onWindowUpdate({ streamId }: FrameHead, bytes: Buffer, start: number, end: number): void {
    if (end - start !== 4) throw frameSizeError('WINDOW_UPDATE');
    this.#onControl();
    const more = bytes.readUInt32BE(start) & windowBytesMax;
    if (streamId === 0) {
      if (more === 0) throw protocolError('a window update of 0');
      this.sendWindow += more;
      this.#allowedBytes += more;
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
    if (more === 0) this.streamError(stream, errorCode.protocolError);
    else if (!stream.allow(more)) this.streamError(stream, errorCode.flowControlError);
  }

  /** Each stream in turn sends what it can; who is stopped again goes to the end of the row. */
  #pumpWaiting(): void {
    // A stream that must wait again goes to the end of the queue, and must not be met twice.
    let left = this.#waiting.size;
    for (const stream of this.#waiting) {
      if (left-- === 0 || this.writer.full || this.sendWindow <= 0) return;
      this.#waiting.delete(stream);
      stream.pump();
    }
  }

  #sendGoaway(code: number, text: string): void {
    const payload = goawayPayload(this.lastPeerStream, code, text);
    this.writer.frame(frameType.goaway, 0, 0, payload);
  }

  /** Sends what is written, then closes. */
  #end(error: Error | undefined): void {
    if (this.#closed) return;
    this.writer.flush();
    this.#over(error);
  }

  #over(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#parser.stop();
    for (const stream of this.streams.values()) stream.abandon(undefined);
    this.writer.close();
    endSocket(this.socket, this.#clock);
    this.#events.onClosed(error);
  }
}
