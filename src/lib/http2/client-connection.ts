import type { Socket } from 'node:net';
import type { Clock } from '../clock.js';
import { Http2Connection } from './connection.js';
import type { ConnectionEvents } from './connection.js';
import { errorCode, limits, preface, setting, streamIdMax } from './constants.js';
import { protocolError } from './errors.js';
import type { Headers } from './hpack-decoder.js';
import type { PeerSettings } from './control-frames.js';
import type { Http2Stream } from './stream.js';

/** Requests that may wait for the peer's limit of streams. */
const waitingMax = 100_000;

/** The client's end of a connection. */
export class ClientConnection extends Http2Connection {
  #nextId = 1;
  #waiting: (() => void)[] = [];
  /** Index of the first waiting call; those before it have had their turn. */
  #firstWaiting = 0;
  #isStarting = false;

  constructor(socket: Socket, events: ConnectionEvents, clock: Clock) {
    super(socket, events, clock, {
      receivedBytes: limits.answeredBytesMax,
      unreadBytes: limits.clientUnreadBytes,
      allowsOuterBlanks: true,
    });
    socket.write(preface);
    this.sendSettings([
      [setting.enablePush, 0],
      [setting.initialWindowSize, limits.streamWindowBytes],
      [setting.maxFrameSize, limits.frameBytes],
      [setting.maxHeaderListSize, limits.headerListBytes],
    ]);
    socket.resume();
  }

  /** New requests can be made. */
  get usable(): boolean {
    return !this.closed && !this.goingAway && this.#nextId <= streamIdMax;
  }

  /** A request would have its stream at once. */
  get hasRoom(): boolean {
    return this.usable && this.streams.size < this.peerMaxStreams;
  }

  /**
   * Opens a stream, now or when the peer's limit allows it.
   * @param start gets the stream, to which it sends the request; `undefined` when there will be none: nothing was sent
   */
  request(start: (stream: Http2Stream | undefined) => void): void {
    const waitingCount = this.#waiting.length - this.#firstWaiting;
    if (!this.usable || waitingCount >= waitingMax) start(undefined);
    else if (this.streams.size < this.peerMaxStreams) start(this.#open());
    else this.#waiting.push(() => start(this.usable ? this.#open() : undefined));
  }

  #open(): Http2Stream {
    const stream = this.newStream(this.#nextId, false);
    this.#nextId += 2;
    return stream;
  }

  protected override streamGone(): void {
    // A request that is not wanted any more ends at once, within the loop.
    if (this.#isStarting || this.#waiting.length === 0) return;
    this.#isStarting = true;
    while (
      this.#firstWaiting < this.#waiting.length &&
      (!this.usable || this.streams.size < this.peerMaxStreams)
    ) {
      this.#waiting[this.#firstWaiting++]?.();
    }
    this.#isStarting = false;
    if (this.#firstWaiting === this.#waiting.length || this.#firstWaiting >= 1024) {
      this.#waiting = this.#waiting.slice(this.#firstWaiting);
      this.#firstWaiting = 0;
    }
  }

  protected override onPeerSettings({ enablePush }: PeerSettings): void {
    if (enablePush === 1) throw protocolError('a server must not enable push');
    this.streamGone();
  }

  protected override onHeaderBlock(
    id: number,
    headers: Headers | undefined,
    endStream: boolean,
  ): void {
    const stream = this.streams.get(id);
    if (stream === undefined) {
      if (this.isIdle(id)) throw protocolError('an answer to no request');
      return;
    }
    if (stream.remoteEnded) {
      this.streamError(stream, errorCode.streamClosed);
      return;
    }
    if (headers === undefined || !isExpected(headers, endStream, stream.hasAnswer)) {
      this.streamError(stream, errorCode.protocolError);
      return;
    }
    // Informational answers say nothing to gRPC.
    if (!isInformational(headers)) {
      const length = stream.hasAnswer ? undefined : headers['content-length'];
      if (
        (length !== undefined && !stream.announces(length, endStream)) ||
        (endStream && !stream.isWhole)
      ) {
        this.streamError(stream, errorCode.protocolError);
        return;
      }
      stream.hasAnswer = true;
      stream.receivedHeaders(headers);
    }
    if (endStream) stream.receivedEnd();
  }

  protected override mayReceiveData(stream: Http2Stream): boolean {
    return stream.hasAnswer;
  }

  protected override onGoaway(lastId: number): void {
    // First, so that no stream takes the place of one that ends here.
    this.goingAway = true;
    for (const stream of this.streams.values()) {
      if (stream.id > lastId) stream.abandon(errorCode.refusedStream);
    }
    super.onGoaway(lastId);
    this.streamGone();
  }

  protected override isIdle(id: number): boolean {
    return id % 2 === 0 || id >= this.#nextId;
  }
}

/** Three digits (RFC 9110, section 15), and not 101, which HTTP/2 has no use for (RFC 9113, section 8.6). */
const validStatus = /^(?!101)[1-9]\d\d$/;

/** Headers with a status first, trailers with none last (RFC 9113, sections 8.1 and 8.3.2). */
function isExpected(headers: Headers, endStream: boolean, hasAnswer: boolean): boolean {
  let hasStatus = false;
  for (const name in headers) {
    if (!name.startsWith(':')) break;
    if (name !== ':status' || !validStatus.test(headers[name] ?? '')) return false;
    hasStatus = true;
  }
  if (hasAnswer) return endStream && !hasStatus;
  return hasStatus && !(endStream && isInformational(headers));
}

function isInformational(headers: Headers): boolean {
  return headers[':status']?.startsWith('1') ?? false;
}
