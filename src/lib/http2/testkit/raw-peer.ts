/** For tests: an end of a connection that says just what it is told to, and keeps what it hears. */
import * as net from 'node:net';
import { systemClock } from '../../clock.js';
import { flag, frameHeadBytes, frameType } from '../constants.js';
import type { FrameHead } from '../frame-parser.js';
import { FrameParser } from '../frame-parser.js';

export interface SeenFrame extends Readonly<FrameHead> {
  readonly payload: Buffer;
}

const waitMs = 20_000;
const clock = systemClock({ unref: true });

/** Encodes a frame. @param length the length in its head. @default the true one */
export function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array | readonly number[] = [],
  length = payload.length,
): Buffer {
  const bytes = Buffer.alloc(frameHeadBytes + payload.length);
  bytes.writeUIntBE(length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(streamId, 5);
  bytes.set(payload, frameHeadBytes);
  return bytes;
}

export function settingsFrame(
  ...settings: readonly (readonly [id: number, value: number])[]
): Buffer {
  const payload = Buffer.alloc(6 * settings.length);
  settings.forEach(([id, value], at) => {
    payload.writeUInt16BE(id, 6 * at);
    payload.writeUInt32BE(value, 6 * at + 2);
  });
  return frame(frameType.settings, 0, 0, payload);
}

/** A frame whose payload is one number. */
export function numberFrame(type: number, streamId: number, value: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(value);
  return frame(type, 0, streamId, payload);
}

/** A gRPC message as the payload of DATA frames. */
export function grpcMessage(bytes: Uint8Array): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([prefix, bytes]);
}

/** Both ends of a TCP connection. */
export async function socketPair(): Promise<[here: net.Socket, there: net.Socket]> {
  const server = net.createServer({ noDelay: true });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const accepted = new Promise<net.Socket>((resolve) => server.once('connection', resolve));
  const here = net.connect({ port: portOf(server), host: '127.0.0.1', noDelay: true });
  const there = await accepted;
  server.close();
  return [here, there];
}

export function portOf(server: net.Server): number {
  return (server.address() as net.AddressInfo).port;
}

/** Waits until `isTrue`; fails loudly when that takes too long. */
export async function until(isTrue: () => boolean, what: string): Promise<void> {
  const untilMs = clock.monotonicMs() + waitMs;
  while (!isTrue()) {
    if (clock.monotonicMs() > untilMs) throw new Error(`${what}: not in ${waitMs} ms`);
    await new Promise<void>((resolve) => clock.schedule(1, resolve));
  }
}

export class RawPeer {
  readonly socket: net.Socket;
  readonly frames: SeenFrame[] = [];
  closed = false;
  readonly #parser: FrameParser;

  /** @param options.reads false: what comes is left in the socket */
  constructor(socket: net.Socket, options: { readonly reads?: boolean } = {}) {
    this.socket = socket;
    this.#parser = new FrameParser({
      onFrame: (head, bytes, start, end) => {
        this.frames.push({ ...head, payload: Buffer.from(bytes.subarray(start, end)) });
      },
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
    });
    if (options.reads !== false) this.read();
  }

  /** Begins to read. @param skipBytes what comes before the first frame */
  read(skipBytes = 0): void {
    let left = skipBytes;
    this.socket.on('data', (chunk: Buffer) => {
      const skipped = Math.min(left, chunk.length);
      left -= skipped;
      if (skipped < chunk.length) this.#parser.push(chunk.subarray(skipped));
    });
  }

  send(...parts: readonly Uint8Array[]): void {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(parts));
  }

  count(type: number, streamId?: number): number {
    return this.of(type, streamId).length;
  }

  of(type: number, streamId?: number): SeenFrame[] {
    return this.frames.filter(
      (seen) => seen.type === type && (streamId === undefined || seen.streamId === streamId),
    );
  }

  /** Payload bytes of a stream's DATA frames. */
  dataBytes(streamId: number): number {
    return this.of(frameType.data, streamId).reduce((sum, seen) => sum + seen.payload.length, 0);
  }

  /** The stream's last frame from here has come. */
  hasEnded(streamId: number): boolean {
    return this.frames.some(
      (seen) =>
        seen.streamId === streamId &&
        (seen.type === frameType.data || seen.type === frameType.headers) &&
        (seen.flags & flag.endStream) !== 0,
    );
  }

  /** The code of the GOAWAY that came; undefined when none has. */
  get goawayCode(): number | undefined {
    return this.of(frameType.goaway)[0]?.payload.readUInt32BE(4);
  }

  resetCode(streamId: number): number | undefined {
    return this.of(frameType.rstStream, streamId)[0]?.payload.readUInt32BE(0);
  }
}
