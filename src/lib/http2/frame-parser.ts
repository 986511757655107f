import { errorCode, frameHeadBytes, limits } from './constants.js';
import { Http2Error } from './errors.js';

/** Parts of one frame that are kept apart; a peer that sends it byte by byte would make us hold many small buffers. */
const partsMax = 256;

/** Is told each frame: its payload is `bytes[start..end)`, a view that may be kept. */
export interface FrameSink {
  onFrame(head: FrameHead, bytes: Buffer, start: number, end: number): void;
}

/** The fixed part of a frame. One object is used again and again. */
export interface FrameHead {
  type: number;
  flags: number;
  streamId: number;
}

/** Cuts what a socket delivers into frames (RFC 9113, section 4.1). Frames that lie in one chunk are not copied. */
export class FrameParser {
  readonly #sink: FrameSink;
  readonly #head: FrameHead = { type: 0, flags: 0, streamId: 0 };
  #chunks: Buffer[] = [];
  #held = 0;
  /** Bytes that must be there before anything can be done. */
  #needed = frameHeadBytes;
  #stopped = false;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Hands out no more frames, not even those of the chunk that is being cut. */
  stop(): void {
    this.#stopped = true;
  }

  /** The bytes of a frame that is not whole yet. */
  get rest(): Buffer {
    return Buffer.concat(this.#chunks, this.#held);
  }

  /** @throws Http2Error FRAME_SIZE_ERROR for a frame that is longer than we allow */
  push(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#held > 0) {
      this.#chunks.push(chunk);
      this.#held += chunk.length;
      if (this.#held < this.#needed) {
        if (this.#chunks.length >= partsMax) this.#chunks = [this.rest];
        return;
      }
      bytes = Buffer.concat(this.#chunks, this.#held);
      this.#chunks = [];
      this.#held = 0;
    }
    const rest = this.#cut(bytes);
    if (rest.length === 0) return;
    this.#chunks.push(rest);
    this.#held = rest.length;
  }

  /** Hands out all whole frames. @returns what is left */
  #cut(bytes: Buffer): Buffer {
    const head = this.#head;
    let at = 0;
    this.#needed = frameHeadBytes;
    while (!this.#stopped && bytes.length - at >= frameHeadBytes) {
      const length =
        ((bytes[at] as number) << 16) |
        ((bytes[at + 1] as number) << 8) |
        (bytes[at + 2] as number);
      if (length > limits.frameBytes) {
        throw new Http2Error(errorCode.frameSizeError, `a frame of ${length} bytes`);
      }
      const start = at + frameHeadBytes;
      const end = start + length;
      if (end > bytes.length) {
        this.#needed = frameHeadBytes + length;
        break;
      }
      head.type = bytes[at + 3] as number;
      head.flags = bytes[at + 4] as number;
      head.streamId = bytes.readUInt32BE(at + 5) & 0x7fffffff;
      at = end;
      this.#sink.onFrame(head, bytes, start, end);
    }
    return at === 0 ? bytes : bytes.subarray(at);
  }
}
