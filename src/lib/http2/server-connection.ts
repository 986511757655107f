import type { Socket } from 'node:net';
import type { ByteBudget } from '../byte-budget.js';
import type { BytePool } from '../byte-pool.js';
import type { Clock } from '../clock.js';
import { streamBytes } from '../net-limits.js';
import type { PeerLimits } from '../net-limits.js';
import { Http2Connection } from './connection.js';
import type { ConnectionEvents } from './connection.js';
import { errorCode, frameType, limits, preface, setting } from './constants.js';
import { Http2Error, protocolError } from './errors.js';
import { FrameBudget } from './frame-budget.js';
import type { Headers } from './hpack-decoder.js';
import { Heartbeat, PingPolice } from './keep-alive.js';
import type { KeepAliveOptions } from './keep-alive.js';
import type { Http2Stream } from './stream.js';

/** The bounds of a client's connection, and who answers its streams. */
export interface ServerOptions {
  readonly clock: Clock;
  /** The limits of the peer. */
  readonly limits: PeerLimits;
  /** The memory that the peers of a listener share. */
  readonly pool?: BytePool;
  /** The budget of time for their bytes. */
  readonly budget?: ByteBudget;
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
  /** A stream was opened since the last look. */
  #wasBusy = false;
  /** Has all that a request must have, and no length. */
  #lastInOrder: Headers | undefined;
  #cancelIdle: () => void = () => undefined;

  constructor(socket: Socket, options: ServerOptions, events: ConnectionEvents) {
    let stopHeartbeat: () => void = () => undefined;
    const onClosed = (error: Error | undefined): void => {
      stopHeartbeat();
      this.#cancelIdle();
      events.onClosed(error);
    };
    super(socket, { ...events, onClosed }, options.clock, {
      receivedBytes: options.limits.receivedBytes,
      unreadBytes: options.limits.unreadBytes,
      allowsOuterBlanks: false,
      ...(options.pool === undefined ? {} : { pool: options.pool }),
      ...(options.budget === undefined ? {} : { budget: options.budget }),
    });
    this.#options = options;
    this.#resets = new FrameBudget(options.clock, options.limits.resets);
    this.#watchIdle();
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
      [setting.maxConcurrentStreams, this.#options.limits.streams],
      [setting.initialWindowSize, limits.streamWindowBytes],
      [setting.maxFrameSize, limits.frameBytes],
      [setting.maxHeaderListSize, limits.headerListBytes],
    ]);
    this.receive(seen);
    this.socket.resume();
  }

  /** Ends the connection after one to two times its bound without a stream. */
  #watchIdle(): void {
    const { idleMs } = this.#options.limits;
    if (idleMs === undefined) return;
    this.#cancelIdle = this.#options.clock.schedule(idleMs, () => {
      if (!this.#wasBusy && this.streamCount === 0) {
        this.close();
        return;
      }
      this.#wasBusy = false;
      this.#watchIdle();
    });
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
    else if (!endStream || headers === undefined || hasPseudoField(headers) || !stream.isWhole) {
      this.streamError(stream, errorCode.protocolError);
    } else stream.receivedEnd();
  }

  #onRequest(id: number, headers: Headers | undefined, endStream: boolean): void {
    const { limits: bounds, pool } = this.#options;
    const hasRoom = !this.goingAway && this.streams.size < bounds.streams;
    if (!hasRoom || pool?.take(streamBytes) === false) {
      // After GOAWAY the last stream that was taken stays the last.
      if (!this.goingAway) this.lastPeerStream = id;
      this.onBroken();
      this.writer.number(frameType.rstStream, id, errorCode.refusedStream);
      return;
    }
    this.lastPeerStream = id;
    this.#wasBusy = true;
    const stream = this.newStream(id, true);
    if (headers === undefined || !this.#isInOrder(stream, headers, endStream)) {
      this.streamError(stream, errorCode.protocolError);
      return;
    }
    this.#options.onRequest(stream, headers);
    if (endStream) stream.receivedEnd();
  }

  #isInOrder(stream: Http2Stream, headers: Headers, isOver: boolean): boolean {
    // Blocks that are the same are decoded to one object: most requests of a client are looked at once.
    if (headers === this.#lastInOrder) return true;
    if (!isRequest(headers)) return false;
    const length = headers['content-length'];
    if (length !== undefined) return stream.announces(length, isOver);
    this.#lastInOrder = headers;
    return true;
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

  protected override streamGone(): void {
    this.#options.pool?.give(streamBytes);
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

/**
 * Just the pseudo header fields that a request must and may have, and one idea of whom it is for (RFC 9113, section
 * 8.3.1).
 */
function isRequest(headers: Headers): boolean {
  if (!headers[':method'] || !headers[':scheme'] || !headers[':path']) return false;
  // With them it is malformed, and without them not served (section 8.5).
  if (headers[':method'] === 'CONNECT') return false;
  const { host, ':authority': authority } = headers;
  if (authority?.includes('@') === true) return false;
  if (host !== undefined && authority !== undefined) {
    if (host.toLowerCase() !== authority.toLowerCase()) return false;
  }
  for (const name in headers) {
    if (!name.startsWith(':')) break;
    if (!requestFields.has(name)) return false;
  }
  return true;
}

/** Looks for a pseudo-header field; these stand before all others. */
function hasPseudoField(headers: Headers): boolean {
  for (const name in headers) return name.startsWith(':');
  return false;
}
