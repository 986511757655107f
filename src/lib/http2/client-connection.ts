import type { Socket } from 'node:net';
import type { Clock } from '../clock.js';
import { Http2Connection, protocolError } from './connection.js';
import type { ConnectionEvents } from './connection.js';
import { errorCode, limits, preface, setting, windowBytesMax } from './constants.js';
import type { Headers } from './hpack-decoder.js';
import type { Http2Stream } from './stream.js';

/** Requests that may wait for the peer's limit of streams. */
const waitingMax = 100_000;

/** The client's end of a connection. */
export class ClientConnection extends Http2Connection {
  #nextId = 1;
  readonly #waiting: (() => void)[] = [];

  constructor(socket: Socket, events: ConnectionEvents, clock: Clock) {
    super(socket, events, clock);
    socket.write(preface);
    this.sendSettings([
      [setting.enablePush, 0],
      [setting.initialWindowSize, limits.streamWindowBytes],
      [setting.maxFrameSize, limits.frameBytes],
    ]);
    socket.resume();
  }

  /** New requests can be made. */
  get usable(): boolean {
    return !this.closed && !this.goingAway && this.#nextId < windowBytesMax;
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
    if (!this.usable || this.#waiting.length >= waitingMax) start(undefined);
    else if (this.streams.size < this.peerMaxStreams) start(this.#open());
    else this.#waiting.push(() => start(this.usable ? this.#open() : undefined));
  }

  #open(): Http2Stream {
    const stream = this.newStream(this.#nextId);
    this.#nextId += 2;
    return stream;
  }

  protected override streamGone(): void {
    while (this.#waiting.length > 0 && (!this.usable || this.streams.size < this.peerMaxStreams)) {
      this.#waiting.shift()?.();
    }
  }

  protected override onPeerSettings(): void {
    this.streamGone();
  }

  protected override onHeaderBlock(id: number, headers: Headers, endStream: boolean): void {
    const stream = this.streams.get(id);
    if (stream === undefined) {
      if (this.isIdle(id)) throw protocolError('an answer to no request');
      return;
    }
    // Informational answers say nothing to gRPC.
    const isFinal = !(headers[':status'] ?? '').startsWith('1');
    if (isFinal) stream.receivedHeaders(headers);
    if (endStream) stream.receivedEnd();
  }

  protected override onGoaway(lastId: number): void {
    for (const stream of this.streams.values()) {
      if (stream.id > lastId) stream.abandon(errorCode.refusedStream);
    }
    super.onGoaway(lastId);
    this.streamGone();
  }

  protected override isIdle(id: number): boolean {
    return id >= this.#nextId;
  }
}
