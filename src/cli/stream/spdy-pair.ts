/**
 * The client's end of SPDY/3.1, as far as one forwarded connection needs it: a stream for its data and one on which the
 * server says what went wrong. Bytes go in and out; who carries them is the caller's affair.
 * @see SPDY Protocol draft 3.1
 */
import { HeaderWriter } from '../../lib/spdy/headers.js';

const frameType = { synStream: 1, rstStream: 3, ping: 6 } as const;
const flagFin = 1;
const controlBit = 0x8000_0000;
const version = 3;
const headBytes = 8;
/** Of a control frame that is read: a reset's stream and status, or a ping's number. */
const controlBytesKept = 8;
/** The server's words. */
const errorBytesMax = 64 * 1024;
/** Streams of a client have odd numbers, which grow. */
const streams = { error: 1, data: 3 } as const;

/** What comes of the bytes that are received. */
export interface SpdyPairEvents {
  /** Bytes for the server, in order. */
  readonly send: (bytes: Buffer) => void;
  readonly data: (bytes: Buffer) => void;
  /** The pod sends no more. */
  readonly end: () => void;
  /** The pod's side was broken off. */
  readonly reset: () => void;
  /** The server's words for what went wrong; told once, and never empty. */
  readonly failed: (text: string) => void;
}

interface Frame {
  /** Undefined for data. */
  readonly control: number | undefined;
  readonly stream: number;
  readonly isLast: boolean;
  /** Of the payload, so much has not come yet. */
  left: number;
}

/** One pair of streams. */
export class SpdyPair {
  readonly #events: SpdyPairEvents;
  #head: Buffer = Buffer.alloc(0);
  #frame: Frame | undefined;
  #control: Buffer = Buffer.alloc(0);
  #words: Buffer = Buffer.alloc(0);

  constructor(events: SpdyPairEvents) {
    this.#events = events;
  }

  /** Asks for a connection to a port of the pod. Comes first. */
  async open(port: number): Promise<void> {
    const writer = new HeaderWriter();
    try {
      for (const type of ['error', 'data'] as const) {
        const headers = { streamtype: type, port: String(port), requestid: '0' };
        const block = await writer.write(new Map(Object.entries(headers)));
        const ids = Buffer.alloc(10);
        ids.writeUInt32BE(streams[type], 0);
        this.#events.send(controlFrame(frameType.synStream, Buffer.concat([ids, block])));
        // We have nothing to say on it.
        if (type === 'error') this.#events.send(dataFrame(streams.error, Buffer.alloc(0), true));
      }
    } finally {
      writer.close();
    }
  }

  write(bytes: Buffer): void {
    this.#events.send(dataFrame(streams.data, bytes, false));
  }

  /** We send no more. */
  end(): void {
    this.#events.send(dataFrame(streams.data, Buffer.alloc(0), true));
  }

  /** Takes bytes of the server, cut anywhere. Nothing but the head of a frame is kept. */
  receive(bytes: Buffer): void {
    let rest = bytes;
    while (rest.length > 0) {
      if (this.#frame === undefined) {
        const missing = headBytes - this.#head.length;
        this.#head = Buffer.concat([this.#head, rest.subarray(0, missing)]);
        rest = rest.subarray(missing);
        if (this.#head.length < headBytes) return;
        this.#frame = frameOf(this.#head);
        this.#head = Buffer.alloc(0);
      }
      const frame = this.#frame;
      const part = rest.subarray(0, frame.left);
      rest = rest.subarray(part.length);
      frame.left -= part.length;
      this.#take(frame, part);
      if (frame.left > 0) continue;
      this.#frame = undefined;
      this.#finish(frame);
    }
  }

  #take({ control, stream }: Frame, part: Buffer): void {
    if (part.length === 0) return;
    if (control !== undefined) this.#control = appended(this.#control, part, controlBytesKept);
    else if (stream === streams.data) this.#events.data(part);
    else if (stream === streams.error) this.#words = appended(this.#words, part, errorBytesMax);
  }

  #finish({ control, stream, isLast }: Frame): void {
    const payload = this.#control;
    this.#control = Buffer.alloc(0);
    if (control === undefined) {
      if (isLast) this.#ended(stream);
    } else if (control === frameType.ping && payload.length >= 4) {
      // A server's has an even number, and comes back as it is.
      if (payload.readUInt32BE(0) % 2 === 0) this.#events.send(controlFrame(control, payload));
    } else if (control === frameType.rstStream && payload.length >= 4) {
      if (payload.readUInt32BE(0) === streams.data) this.#events.reset();
    } else if (isLast && payload.length >= 4) this.#ended(payload.readUInt32BE(0));
  }

  #ended(stream: number): void {
    if (stream === streams.data) this.#events.end();
    else if (stream === streams.error && this.#words.length > 0) {
      this.#events.failed(this.#words.toString('utf8'));
      this.#words = Buffer.alloc(0);
    }
  }
}

function appended(bytes: Buffer, part: Buffer, bytesMax: number): Buffer {
  return Buffer.concat([bytes, part.subarray(0, Math.max(0, bytesMax - bytes.length))]);
}

function frameOf(head: Buffer): Frame {
  const first = head.readUInt32BE(0);
  const isControl = first >= controlBit;
  return {
    control: isControl ? first & 0xffff : undefined,
    stream: isControl ? 0 : first,
    isLast: (head.readUInt8(4) & flagFin) !== 0,
    left: head.readUIntBE(5, 3),
  };
}

function controlFrame(type: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt32BE(controlBit + version * 0x1_0000 + type, 0);
  head.writeUIntBE(payload.length, 5, 3);
  return Buffer.concat([head, payload]);
}

function dataFrame(stream: number, payload: Buffer, isLast: boolean): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt32BE(stream, 0);
  head.writeUInt8(isLast ? flagFin : 0, 4);
  head.writeUIntBE(payload.length, 5, 3);
  return Buffer.concat([head, payload]);
}
