import type { Socket } from 'node:net';
import type { Clock } from '../clock.js';
import { Http2Connection, protocolError } from './connection.js';
import type { ConnectionEvents } from './connection.js';
import { errorCode, frameType, limits, preface, setting } from './constants.js';
import type { Headers } from './hpack-decoder.js';
import type { Http2Stream } from './stream.js';

export interface ServerOptions {
  readonly clock: Clock;
  /** Streams under way at once. */
  readonly maxConcurrentStreams: number;
  /** A request has begun. It must give the stream a handler at once. */
  readonly onRequest: (stream: Http2Stream, headers: Headers) => void;
}

/** The server's end of a connection. */
export class ServerConnection extends Http2Connection {
  readonly #options: ServerOptions;
  #prefaceLeft = preface;

  constructor(socket: Socket, options: ServerOptions, events: ConnectionEvents) {
    super(socket, events, options.clock);
    this.#options = options;
  }

  /** Begins to serve. @param seen what was read from the socket already, the preface included */
  start(seen: Buffer): void {
    this.sendSettings([
      [setting.maxConcurrentStreams, this.#options.maxConcurrentStreams],
      [setting.initialWindowSize, limits.streamWindowBytes],
      [setting.maxFrameSize, limits.frameBytes],
    ]);
    this.receive(seen);
    this.socket.resume();
  }

  override receive(chunk: Buffer): void {
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

  protected override onHeaderBlock(id: number, headers: Headers, endStream: boolean): void {
    const known = this.streams.get(id);
    if (known !== undefined) {
      if (!endStream) throw protocolError('a second header block that is no trailer');
      known.receivedEnd();
      return;
    }
    if (id % 2 === 0) throw protocolError('a client opened a stream with an even number');
    // Trailers of a stream that was reset meanwhile.
    if (id <= this.lastPeerStream) return;
    if (this.goingAway || this.streams.size >= this.#options.maxConcurrentStreams) {
      if (!this.goingAway) this.lastPeerStream = id;
      this.writer.number(frameType.rstStream, id, errorCode.refusedStream);
      return;
    }
    this.lastPeerStream = id;
    const stream = this.newStream(id);
    if (headers[':path'] === undefined || headers[':method'] === undefined) {
      stream.reset(errorCode.protocolError);
      return;
    }
    this.#options.onRequest(stream, headers);
    if (endStream) stream.receivedEnd();
  }

  protected override isIdle(id: number): boolean {
    return id > this.lastPeerStream && !this.goingAway;
  }
}
