import type { Socket } from 'node:net';
import type { Clock } from '../clock.js';
import { Http2Connection } from './connection.js';
import type { ConnectionEvents } from './connection.js';
import { errorCode, frameType, limits, preface, setting } from './constants.js';
import { Http2Error, protocolError } from './errors.js';
import { FrameBudget } from './frame-budget.js';
import type { Headers } from './hpack-decoder.js';
import { Heartbeat, PingPolice } from './keep-alive.js';
import type { KeepAliveOptions } from './keep-alive.js';
import type { Http2Stream } from './stream.js';

export interface ServerOptions {
  readonly clock: Clock;
  /** Streams under way at once. */
  readonly maxConcurrentStreams: number;
  /** Without them a client may ping as it likes, and is never asked. */
  readonly keepAlive?: KeepAliveOptions | undefined;
  /** A request has begun. It must give the stream a handler at once. */
  readonly onRequest: (stream: Http2Stream, headers: Headers) => void;
}

/** The server's end of a connection. */
export class ServerConnection extends Http2Connection {
  readonly #options: ServerOptions;
  readonly #resets: FrameBudget;
  readonly #police: PingPolice | undefined;
  readonly #heartbeat: Heartbeat | undefined;
  #prefaceLeft = preface;

  constructor(socket: Socket, options: ServerOptions, events: ConnectionEvents) {
    let stopHeartbeat: () => void = () => undefined;
    const onClosed = (error: Error | undefined): void => {
      stopHeartbeat();
      events.onClosed(error);
    };
    super(socket, { ...events, onClosed }, options.clock);
    this.#options = options;
    this.#resets = new FrameBudget(options.clock, limits.resets);
    const { keepAlive } = options;
    if (keepAlive === undefined) return;
    this.#police = new PingPolice(keepAlive.minTimeMs);
    const heartbeat = new Heartbeat(options.clock, keepAlive, {
      ping: () => this.ping(() => undefined),
      giveUp: () => this.destroy(new Error('keep-alive ping not answered in time')),
    });
    this.#heartbeat = heartbeat;
    stopHeartbeat = () => heartbeat.stop();
  }

  /** Begins to serve. @param seen what was read from the socket already, the preface included */
  start(seen: Buffer): void {
    this.sendSettings([
      [setting.maxConcurrentStreams, this.#options.maxConcurrentStreams],
      [setting.initialWindowSize, limits.streamWindowBytes],
      [setting.maxFrameSize, limits.frameBytes],
      [setting.maxHeaderListSize, limits.headerListBytes],
    ]);
    this.receive(seen);
    this.socket.resume();
  }

  override receive(chunk: Buffer): void {
    this.#heartbeat?.heard();
    const left = this.#prefaceLeft.length;
    if (left === 0) {
      super.receive(chunk);
      return;
    }
    const length = Math.min(left, chunk.length);
    if (!chunk.subarray(0, length).equals(this.#prefaceLeft.subarray(0, length))) {
      this.fail(protocolError('the connection does not begin with the preface'));
      return;
    }
    this.#prefaceLeft = this.#prefaceLeft.subarray(length);
    if (chunk.length > length) super.receive(chunk.subarray(length));
  }

  protected override onHeaderBlock(
    id: number,
    headers: Headers | undefined,
    endStream: boolean,
  ): void {
    const known = this.streams.get(id);
    if (known !== undefined) this.#onTrailers(known, headers, endStream);
    else if (id % 2 === 0) throw protocolError('a client opened a stream with an even number');
    else if (id > this.lastPeerStream) this.#onRequest(id, headers, endStream);
    else if (!endStream) {
      throw new Http2Error(errorCode.streamClosed, 'headers on a stream that is over');
    }
    // Else trailers of a stream that was reset meanwhile.
  }

  #onTrailers(stream: Http2Stream, headers: Headers | undefined, endStream: boolean): void {
    if (stream.remoteEnded) this.streamError(stream, errorCode.streamClosed);
    else if (!endStream || headers === undefined || hasPseudoField(headers)) {
      this.streamError(stream, errorCode.protocolError);
    } else stream.receivedEnd();
  }

  #onRequest(id: number, headers: Headers | undefined, endStream: boolean): void {
    if (this.goingAway || this.streams.size >= this.#options.maxConcurrentStreams) {
      // After GOAWAY the last stream that was taken stays the last.
      if (!this.goingAway) this.lastPeerStream = id;
      this.writer.number(frameType.rstStream, id, errorCode.refusedStream);
      return;
    }
    this.lastPeerStream = id;
    const stream = this.newStream(id, true);
    if (headers === undefined || !isRequest(headers)) {
      this.streamError(stream, errorCode.protocolError);
      return;
    }
    this.#options.onRequest(stream, headers);
    if (endStream) stream.receivedEnd();
  }

  protected override onPinged(): void {
    const { writer } = this;
    const hasServed = writer.hasServed;
    writer.hasServed = false;
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#police?.allows(nowMs, this.streamCount > 0, hasServed) === false) {
      throw new Http2Error(errorCode.enhanceYourCalm, 'too_many_pings');
    }
  }

  /** A peer that opens streams and has them reset without end makes us work for nothing. */
  protected override onBroken(): void {
    if (!this.#resets.take()) throw new Http2Error(errorCode.enhanceYourCalm, 'too many resets');
  }

  protected override isIdle(id: number): boolean {
    return id % 2 === 0 || (id > this.lastPeerStream && !this.goingAway);
  }
}

const requestFields: ReadonlySet<string> = new Set([':method', ':scheme', ':path', ':authority']);

/** Just the pseudo header fields that a request must and may have (RFC 9113, section 8.3.1). */
function isRequest(headers: Headers): boolean {
  if (!headers[':method'] || !headers[':scheme'] || !headers[':path']) return false;
  for (const name in headers) {
    if (!name.startsWith(':')) break;
    if (!requestFields.has(name)) return false;
  }
  return true;
}

/** They stand before all others. */
function hasPseudoField(headers: Headers): boolean {
  for (const name in headers) return name.startsWith(':');
  return false;
}
