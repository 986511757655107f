/**
 * One end of SPDY/3.1, as far as Kubernetes uses it for exec, attach and port-forward: streams opened by the client,
 * header blocks, data, half-close, reset, ping, go-away. The server's end is told of streams; the client's end opens
 * them and lets the server open none. Like their library (moby/spdystream) it keeps no per-stream windows; TCP's own
 * flow control, and `pause`, hold a fast sender.
 * @see SPDY Protocol draft 3.1
 */
import type { Duplex } from 'node:stream';
import { assert } from '../assert.js';
import type { Clock } from '../clock.js';
import { systemClock } from '../clock.js';
import { endSocket } from '../linger.js';
import { spdyLimits } from '../net-limits.js';
import type { SpdyHeaders } from './headers.js';
import { HeaderReader, HeaderWriter } from './headers.js';

const frameType = { synStream: 1, synReply: 2, rstStream: 3, ping: 6, goAway: 7 } as const;
const flagFin = 1;
const version = 3;
const frameHeadBytes = 8;
/** Status of RST_STREAM that ends a whole connection. */
const protocolError = 1;
const cancelled = 5;

/** One stream. The other end is "the client" of what follows for a server, and the server for a client. */
export interface SpdyStream {
  readonly id: number;
  readonly headers: SpdyHeaders;
  /** The first value of a header, or ''. */
  header(name: string): string;
  onData(handler: (data: Buffer) => void): void;
  /** The client sends no more. */
  onEnd(handler: () => void): void;
  /** Both sides have ended, or the stream was reset, or the connection is gone. */
  onClose(handler: () => void): void;
  /** False: wait for the connection's {@link SpdyConnection.drained}. */
  write(data: Uint8Array): boolean;
  /** We send no more. */
  end(): void;
  reset(): void;
}

/** Pings of a server have even numbers, a client's odd ones. */
const ownPingIds = { server: 2, client: 1 } as const;

/** One SPDY/3.1 connection, as either end of exec, attach and port-forward needs it. */
export class SpdyConnection {
  readonly #socket: Duplex;
  readonly #clock: Clock;
  /** Undefined at the client's end. */
  readonly #onStream: ((stream: SpdyStream) => void) | undefined;
  readonly #ownPingId: number;
  readonly #reader = new HeaderReader();
  readonly #writer = new HeaderWriter();
  readonly #streams = new Map<number, Stream>();
  readonly #closeHandlers: (() => void)[] = [];
  #buffered: Buffer = Buffer.alloc(0);
  #busy = false;
  #isFull = false;
  #isHeld = false;
  #lastId = 0;
  #earlyBytes = 0;
  #closed = false;
  #finishing = false;
  #isOver = false;
  #waiting: (() => void)[] = [];

  /** @param onStream is told of each stream that the client opens; undefined: this is the client's end */
  constructor(
    socket: Duplex,
    onStream: ((stream: SpdyStream) => void) | undefined,
    clock: Clock = systemClock({ unref: true }),
  ) {
    this.#socket = socket;
    this.#clock = clock;
    this.#onStream = onStream;
    this.#ownPingId = ownPingIds[onStream === undefined ? 'client' : 'server'];
    socket.on('data', (chunk: Buffer) => {
      if (this.#closed) return;
      this.#buffered = this.#buffered.length === 0 ? chunk : Buffer.concat([this.#buffered, chunk]);
      // A frame is being read, or another needs more: what comes meanwhile is bounded.
      this.#isFull = this.#buffered.length > spdyLimits.frameBytes;
      this.#flow();
      this.#readFrames().catch(() => this.close());
    });
    socket.on('drain', () => this.#wake());
    socket.on('error', () => this.close());
    socket.on('end', () => this.#endSoon());
    socket.on('close', () => this.#endSoon());
  }

  /**
   * Opens a stream, at the client's end; data may be sent at once. One after the other: header blocks share a context.
   * A stream of a connection that is closed is closed.
   */
  async open(headers: ReadonlyMap<string, string>): Promise<SpdyStream> {
    assert(this.#onStream === undefined, 'only a client opens streams');
    this.#lastId += this.#lastId === 0 ? 1 : 2;
    const id = this.#lastId;
    const names = [...headers].map(([name, value]): [string, string[]] => [name, [value]]);
    const stream = new Stream(id, new Map(names), this);
    this.#streams.set(id, stream);
    const block = this.#closed ? undefined : await this.#writer.write(headers);
    if (block === undefined || this.closed) {
      stream.handleClose();
      return stream;
    }
    const ids = Buffer.alloc(10);
    ids.writeUInt32BE(id, 0);
    this.#control(frameType.synStream, 0, Buffer.concat([ids, block]));
    return stream;
  }

  onClose(handler: () => void): void {
    if (this.#closed) handler();
    else this.#closeHandlers.push(handler);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Resolves when more may be written, or the connection is gone. */
  drained(): Promise<void> {
    if (this.#closed || !this.#socket.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Stops reading until {@link resume}: the other side is held by TCP. */
  pause(): void {
    this.#isHeld = true;
    this.#flow();
  }

  resume(): void {
    this.#isHeld = false;
    this.#flow();
  }

  #flow(): void {
    if (this.#closed || (!this.#isFull && !this.#isHeld)) this.#socket.resume();
    else this.#socket.pause();
  }

  /**
   * Counts data that no handler of its stream has taken, up or down. A client that sends much before it is heard is cut
   * off.
   */
  holdsEarly(bytes: number): void {
    this.#earlyBytes += bytes;
    if (this.#earlyBytes > spdyLimits.earlyBytes) this.close();
  }

  /** Asks the client for an answer, which it need not give: a connection that is gone shows it. */
  ping(): void {
    const id = Buffer.alloc(4);
    id.writeUInt32BE(this.#ownPingId, 0);
    this.#control(frameType.ping, 0, id);
  }

  /** All has been said: closes when the client does, or when every stream has ended on both sides. */
  finishSoon(): void {
    this.#finishing = true;
    if (this.#streams.size === 0) this.close();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const stream of this.#streams.values()) stream.handleClose();
    this.#streams.clear();
    this.#wake();
    this.#reader.close();
    this.#writer.close();
    for (const handler of this.#closeHandlers) handler();
    // Bytes that still come are read and thrown away, so that their end is seen.
    this.#buffered = Buffer.alloc(0);
    this.#flow();
    endSocket(this.#socket, this.#clock);
  }

  /** The other side has gone: what it sent before is still read. */
  #endSoon(): void {
    this.#isOver = true;
    if (!this.#busy) this.close();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Reads one frame after the other: header blocks must be inflated in order. */
  async #readFrames(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      while (!this.#closed && this.#buffered.length >= frameHeadBytes) {
        const end = frameHeadBytes + this.#buffered.readUIntBE(5, 3);
        if (end > spdyLimits.frameBytes) throw new Error('a SPDY frame is too long');
        if (this.#buffered.length < end) break;
        const head = this.#buffered.subarray(0, frameHeadBytes);
        const payload = this.#buffered.subarray(frameHeadBytes, end);
        this.#buffered = this.#buffered.subarray(end);
        await this.#handleFrame(head, payload);
      }
      this.#isFull = false;
      this.#flow();
    } catch {
      this.close();
    } finally {
      this.#busy = false;
      if (this.#isOver) this.close();
    }
  }

  async #handleFrame(head: Buffer, payload: Buffer): Promise<void> {
    const first = head.readUInt32BE(0);
    const flags = head[4] ?? 0;
    if (first < 0x80000000) {
      this.#streams.get(first)?.handleData(payload, (flags & flagFin) !== 0);
      return;
    }
    switch (first & 0xffff) {
      case frameType.synStream:
        if (this.#onStream === undefined) this.resetStream(payload.readUInt32BE(0) & 0x7fffffff);
        else await this.#handleSynStream(payload, flags, this.#onStream);
        break;
      case frameType.rstStream: {
        const stream = this.#streams.get(payload.readUInt32BE(0) & 0x7fffffff);
        stream?.handleClose();
        if (stream !== undefined) this.forget(stream.id);
        break;
      }
      case frameType.ping:
        // Ours comes back as an answer.
        if (payload.length < 4 || payload.readUInt32BE(0) !== this.#ownPingId) {
          this.#control(frameType.ping, 0, payload);
        }
        break;
      case frameType.goAway:
        break;
      default:
        // SETTINGS, HEADERS and WINDOW_UPDATE change nothing here, nor does a SYN_REPLY: nobody waits for it.
        break;
    }
  }

  async #handleSynStream(
    payload: Buffer,
    flags: number,
    onStream: (stream: SpdyStream) => void,
  ): Promise<void> {
    const id = payload.readUInt32BE(0) & 0x7fffffff;
    const headers = await this.#reader.read(payload.subarray(10));
    if (this.#closed) return;
    // Section 2.3.2: a client's ids are odd and grow; a stream that is there already gets an error of its own.
    if (id % 2 === 0 || id <= this.#lastId) {
      this.#streams.get(id)?.handleClose();
      this.resetStream(id, protocolError);
      return;
    }
    this.#lastId = id;
    if (this.#streams.size >= spdyLimits.streams) {
      this.resetStream(id);
      return;
    }
    const stream = new Stream(id, headers, this);
    this.#streams.set(id, stream);
    const block = await this.#writer.write(new Map());
    if (this.#closed) return;
    const reply = Buffer.alloc(4 + block.length);
    reply.writeUInt32BE(id, 0);
    block.copy(reply, 4);
    this.#control(frameType.synReply, 0, reply);
    onStream(stream);
    if ((flags & flagFin) !== 0) stream.handleData(Buffer.alloc(0), true);
  }

  #control(type: number, flags: number, payload: Buffer): void {
    const head = Buffer.alloc(8);
    head.writeUInt32BE((0x80000000 | (version << 16) | type) >>> 0, 0);
    head.writeUInt8(flags, 4);
    head.writeUIntBE(payload.length, 5, 3);
    this.#send(head, payload);
    if (this.#socket.writableLength > spdyLimits.unreadBytes) this.close();
  }

  #send(head: Buffer, payload: Uint8Array): boolean {
    if (this.#closed || !this.#socket.writable) return true;
    this.#socket.cork();
    this.#socket.write(head);
    const more = payload.length === 0 || this.#socket.write(payload);
    this.#socket.uncork();
    return more && !this.#socket.writableNeedDrain;
  }

  sendData(id: number, data: Uint8Array, fin: boolean): boolean {
    const head = Buffer.alloc(8);
    head.writeUInt32BE(id, 0);
    head.writeUInt8(fin ? flagFin : 0, 4);
    head.writeUIntBE(data.length, 5, 3);
    return this.#send(head, data);
  }

  resetStream(id: number, code = cancelled): void {
    const payload = Buffer.alloc(8);
    payload.writeUInt32BE(id, 0);
    payload.writeUInt32BE(code, 4);
    this.#control(frameType.rstStream, 0, payload);
    this.forget(id);
  }

  forget(id: number): void {
    this.#streams.delete(id);
    if (this.#finishing && this.#streams.size === 0) this.close();
  }
}

class Stream implements SpdyStream {
  readonly id: number;
  readonly headers: SpdyHeaders;
  readonly #connection: SpdyConnection;
  #early: Buffer[] = [];
  #dataHandler: ((data: Buffer) => void) | undefined;
  #endHandlers: (() => void)[] = [];
  #closeHandlers: (() => void)[] = [];
  #remoteEnded = false;
  #localEnded = false;
  #closed = false;

  constructor(id: number, headers: SpdyHeaders, connection: SpdyConnection) {
    this.id = id;
    this.headers = headers;
    this.#connection = connection;
  }

  header(name: string): string {
    return this.headers.get(name.toLowerCase())?.[0] ?? '';
  }

  onData(handler: (data: Buffer) => void): void {
    this.#dataHandler = handler;
    for (const data of this.#takeEarly()) handler(data);
  }

  onEnd(handler: () => void): void {
    if (this.#remoteEnded) handler();
    else this.#endHandlers.push(handler);
  }

  onClose(handler: () => void): void {
    if (this.#closed) handler();
    else this.#closeHandlers.push(handler);
  }

  write(data: Uint8Array): boolean {
    if (this.#localEnded || this.#closed) return true;
    return this.#connection.sendData(this.id, data, false);
  }

  end(): void {
    if (this.#localEnded || this.#closed) return;
    this.#localEnded = true;
    this.#connection.sendData(this.id, Buffer.alloc(0), true);
    this.#closeIfDone();
  }

  reset(): void {
    if (this.#closed) return;
    this.#connection.resetStream(this.id);
    this.handleClose();
  }

  handleData(data: Buffer, fin: boolean): void {
    if (this.#closed || this.#remoteEnded) return;
    if (data.length > 0) {
      if (this.#dataHandler === undefined) {
        // A copy: a short part must not keep alive all that came with it.
        this.#early.push(Buffer.from(data));
        this.#connection.holdsEarly(data.length);
      } else this.#dataHandler(data);
    }
    if (!fin || this.#remoteEnded) return;
    this.#remoteEnded = true;
    for (const handler of this.#endHandlers.splice(0)) handler();
    this.#closeIfDone();
  }

  handleClose(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#takeEarly();
    if (!this.#remoteEnded) {
      this.#remoteEnded = true;
      for (const handler of this.#endHandlers.splice(0)) handler();
    }
    for (const handler of this.#closeHandlers.splice(0)) handler();
  }

  #takeEarly(): Buffer[] {
    const early = this.#early.splice(0);
    this.#connection.holdsEarly(-early.reduce((sum, data) => sum + data.length, 0));
    return early;
  }

  #closeIfDone(): void {
    if (!this.#localEnded || !this.#remoteEnded) return;
    this.#connection.forget(this.id);
    this.handleClose();
  }
}
