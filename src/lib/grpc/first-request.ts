import type { Socket } from 'node:net';
import {
  errorCode,
  flag,
  FrameParser,
  frameType,
  HpackDecoder,
  Http2Error,
  preface,
} from '../http2/index.js';
import type { BytePool } from '../byte-pool.js';
import type { FrameHead } from '../http2/index.js';

/** The protocol that a connection carries, and the bytes that were read from it, as its engine must see them. */
export interface FirstRequest {
  readonly isGrpc: boolean;
  readonly seen: Buffer;
}

/**
 * Bytes that may be held until the first request is known and node:http2 may have it: a block of headers, and frames
 * before it.
 */
const heldBytesMax = 96 * 1024;
/** Answers to pings that a client has not read. */
const unreadBytesMax = 64 * 1024;
const emptySettings = Buffer.from([0, 0, 0, frameType.settings, 0, 0, 0, 0, 0]);
const frameHeadBytes = 9;
/** The cost of a held frame beyond its bytes. */
const frameWeightBytes = 128;

/**
 * Looks at an HTTP/2 connection until its first request shows whether it carries gRPC, which has an engine of its own
 * (`../http2`), or other HTTP, which `node:http2` serves.
 *
 * Go's gRPC clients say nothing before they have the server's SETTINGS, so an empty one is sent when the client has
 * sent its own and no request. The engine that goes on sends its own later, which is allowed; but `node:http2` does not
 * expect the acknowledgement of ours, so that is taken out, and the connection is not handed to it before it has come.
 * Pings that come meanwhile are answered here. A connection that breaks the rules so early goes to our engine, which
 * answers with the error.
 */
export class FirstRequestFinder {
  readonly #socket: Socket;
  readonly #pool: BytePool;
  readonly #parser = new FrameParser(this);
  readonly #frames: Buffer[] = [];
  readonly #blocks: Buffer[] = [];
  #heldBytes = 0;
  #isGrpc: boolean | undefined;
  #settings: 'unsent' | 'sent' | 'acknowledged' = 'unsent';
  /** Writes that are not over. */
  #writing = 0;
  #onWritten: (() => void) | undefined;

  /** @param pool what all connections that are looked at hold */
  constructor(socket: Socket, pool: BytePool) {
    this.#socket = socket;
    this.#pool = pool;
  }

  /** Gives back what was held. Called once, when this connection is looked at no more. */
  release(): void {
    this.#pool.give(this.#heldBytes);
    this.#heldBytes = 0;
  }

  /**
   * Takes what came after the preface.
   * @returns what was found, once; undefined while it is not known. The socket is destroyed when it makes no sense.
   */
  take(chunk: Buffer): FirstRequest | undefined {
    try {
      this.#parser.push(chunk);
    } catch (error) {
      if (!(error instanceof Http2Error)) throw error;
      this.#socket.destroy();
      return undefined;
    }
    const isGrpc = this.#isGrpc;
    if (isGrpc === true || (isGrpc === false && this.#settings !== 'sent')) {
      this.#parser.stop();
      const seen = Buffer.concat([preface, ...this.#frames, this.#parser.rest]);
      return { isGrpc, seen };
    }
    if (this.#socket.writableLength > unreadBytesMax) this.#socket.destroy();
    else if (this.#settings === 'unsent' && this.#frames.length > 0) {
      this.#settings = 'sent';
      this.#write(emptySettings);
    }
    return undefined;
  }

  /**
   * Calls `then` when nothing of ours is being written any more. `node:http2` may have a socket only then: it writes at
   * once, and a TLS socket that is writing ends the process (node's `TLSWrap::DoWrite`: assertion `!current_write_`).
   */
  whenWritten(then: () => void): void {
    if (this.#writing === 0) then();
    else this.#onWritten = then;
  }

  #write(bytes: Buffer): void {
    this.#writing++;
    this.#socket.write(bytes, () => {
      this.#writing--;
      if (this.#writing === 0) this.#onWritten?.();
    });
  }

  /** For the parser. */
  onFrame(head: FrameHead, bytes: Buffer, start: number, end: number): void {
    const { type, flags } = head;
    const isAnswer = (flags & flag.ack) !== 0;
    if (type === frameType.settings && isAnswer && this.#settings === 'sent') {
      this.#settings = 'acknowledged';
      return;
    }
    // A copy: what is held must not keep alive all that came with it.
    const frame = Buffer.from(bytes.subarray(start - frameHeadBytes, end));
    if (type === frameType.ping && !isAnswer && this.#frames.length > 0 && end - start === 8) {
      frame[4] = flag.ack;
      this.#write(frame);
      return;
    }
    this.#frames.push(frame);
    // The rest of a chunk whose connection goes to our engine is handed over at once.
    if (this.#isGrpc === true) return;
    const weight = frame.length + frameWeightBytes;
    if (this.#heldBytes + weight > heldBytesMax || !this.#pool.take(weight)) {
      throw new Http2Error(errorCode.enhanceYourCalm, 'too much before the first request');
    }
    this.#heldBytes += weight;
    if (this.#isGrpc !== undefined) return;
    if (this.#frames.length === 1 ? type !== frameType.settings : breaksRules(type)) {
      this.#isGrpc = true;
      return;
    }
    if (type === frameType.headers || type === frameType.continuation) {
      this.#onFields(head, bytes, start, end);
    }
  }

  #onFields({ type, flags }: FrameHead, bytes: Buffer, start: number, end: number): void {
    const isFirst = type === frameType.headers;
    this.#blocks.push(isFirst ? fieldsOf(flags, bytes, start, end) : bytes.subarray(start, end));
    if ((flags & flag.endHeaders) === 0) return;
    const headers = new HpackDecoder().decode(Buffer.concat(this.#blocks));
    this.#isGrpc =
      headers === undefined || (headers['content-type']?.startsWith('application/grpc') ?? false);
  }
}

/** Tells whether a frame is of a type that no client sends before its first request. */
function breaksRules(type: number): boolean {
  return (
    type === frameType.data ||
    type === frameType.rstStream ||
    type === frameType.pushPromise ||
    type === frameType.goaway
  );
}

/** The part of the header block that a HEADERS frame carries, without padding and priority. */
function fieldsOf(flags: number, bytes: Buffer, start: number, end: number): Buffer {
  const isPadded = (flags & flag.padded) !== 0;
  const from = start + (isPadded ? 1 : 0) + ((flags & flag.priority) !== 0 ? 5 : 0);
  const to = end - (isPadded ? (bytes[start] ?? 0) : 0);
  return bytes.subarray(from, Math.max(from, to));
}
