import type { Socket } from 'node:net';
import { flag, FrameParser, frameType, HpackDecoder, Http2Error, preface } from '../http2/index.js';
import type { FrameHead } from '../http2/index.js';

/** What a connection turned out to carry, and what was read from it, as the one who goes on must see it. */
export interface FirstRequest {
  readonly isGrpc: boolean;
  readonly seen: Buffer;
}

/** Bytes that may come before the first request is known: settings, window updates, and its header block. */
const seenBytesMax = 256 * 1024;
const emptySettings = Buffer.from([0, 0, 0, frameType.settings, 0, 0, 0, 0, 0]);
const frameHeadBytes = 9;

/**
 * Looks at an HTTP/2 connection until its first request shows whether it carries gRPC, which has an engine of its own (`../http2`), or
 * other HTTP, which `node:http2` serves.
 *
 * Go's gRPC clients say nothing before they have the server's SETTINGS, so an empty one is sent when the client has sent its own
 * and no request. Whoever goes on sends its own later, which is allowed; but it does not expect the acknowledgement of ours, so that
 * is taken out, and the connection is not handed on before it has come. Pings that come meanwhile are answered here.
 */
export class FirstRequestFinder {
  readonly #socket: Socket;
  readonly #parser = new FrameParser(this);
  readonly #frames: Buffer[] = [];
  readonly #blocks: Buffer[] = [];
  #seenBytes = 0;
  #isGrpc: boolean | undefined;
  #settings: 'unsent' | 'sent' | 'acknowledged' = 'unsent';

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /**
   * Takes what came after the preface.
   * @returns what was found, once; undefined while it is not known. The socket is destroyed when it makes no sense.
   */
  take(chunk: Buffer): FirstRequest | undefined {
    this.#seenBytes += chunk.length;
    try {
      this.#parser.push(chunk);
    } catch (error) {
      if (!(error instanceof Http2Error)) throw error;
      this.#socket.destroy();
      return undefined;
    }
    if (this.#isGrpc !== undefined && this.#settings !== 'sent') {
      this.#parser.stop();
      const seen = Buffer.concat([preface, ...this.#frames, this.#parser.rest]);
      return { isGrpc: this.#isGrpc, seen };
    }
    if (this.#seenBytes > seenBytesMax) {
      this.#socket.destroy();
    } else if (this.#settings === 'unsent' && this.#frames.length > 0) {
      this.#settings = 'sent';
      this.#socket.write(emptySettings);
    }
    return undefined;
  }

  /** For the parser. */
  onFrame({ type, flags }: FrameHead, bytes: Buffer, start: number, end: number): void {
    const isAnswer = (flags & flag.ack) !== 0;
    if (type === frameType.settings && isAnswer) {
      this.#settings = 'acknowledged';
      return;
    }
    const frame = bytes.subarray(start - frameHeadBytes, end);
    if (type === frameType.ping && !isAnswer) {
      const pong = Buffer.from(frame);
      pong[4] = flag.ack;
      this.#socket.write(pong);
      return;
    }
    this.#frames.push(frame);
    const isHeaders = type === frameType.headers;
    if (this.#isGrpc !== undefined || (!isHeaders && type !== frameType.continuation)) return;
    this.#blocks.push(isHeaders ? fieldsOf(flags, bytes, start, end) : bytes.subarray(start, end));
    if ((flags & flag.endHeaders) === 0) return;
    const headers = new HpackDecoder().decode(Buffer.concat(this.#blocks));
    this.#isGrpc = headers['content-type']?.startsWith('application/grpc') ?? false;
  }
}

/** The part of the header block that a HEADERS frame carries, without padding and priority. */
function fieldsOf(flags: number, bytes: Buffer, start: number, end: number): Buffer {
  const isPadded = (flags & flag.padded) !== 0;
  const from = start + (isPadded ? 1 : 0) + ((flags & flag.priority) !== 0 ? 5 : 0);
  const to = end - (isPadded ? (bytes[start] ?? 0) : 0);
  return bytes.subarray(from, Math.max(from, to));
}
