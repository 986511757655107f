/** Frames are gathered in memory that goes from connection to connection, and never while a socket still reads it. */
import { expect, test } from '@jest/globals';
import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { frameHeadBytes, frameType } from './constants.js';
import { FrameWriter } from './frame-writer.js';
import { pieceBytes, takePiece } from './piece-pool.js';

/** A socket that sends when it is told to, and reads what it sends only then. */
class SlowSocket extends Writable {
  readonly #waiting: { readonly chunk: Buffer; readonly done: (error?: Error) => void }[] = [];
  #sent = Buffer.alloc(0);

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#waiting.push({ chunk, done });
  }

  /** The memory that the write under way reads. */
  get memory(): ArrayBufferLike | undefined {
    return this.#waiting[0]?.chunk.buffer;
  }

  async send(): Promise<Buffer> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      this.#sent = Buffer.concat([this.#sent, next.chunk]);
      next.done();
      await turn();
    }
    return this.#sent;
  }

  async fail(): Promise<void> {
    this.on('error', () => undefined);
    this.#waiting.shift()?.done(new Error('reset'));
    await turn();
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function connection(): { readonly socket: SlowSocket; readonly writer: FrameWriter } {
  const socket = new SlowSocket();
  return { socket, writer: new FrameWriter(socket as unknown as Socket, () => undefined) };
}

/** The payload, cut where frames and pieces are not. */
function partsOf(fill: number): Buffer[] {
  return [1, 7_000, pieceBytes - 3, 2 * pieceBytes + 5].map((length) => Buffer.alloc(length, fill));
}

function frameOf(fill: number): Buffer {
  const payload = Buffer.concat(partsOf(fill));
  const head = Buffer.alloc(frameHeadBytes + 5);
  head.writeUIntBE(5 + payload.length, 0, 3);
  head[3] = frameType.data;
  head.writeUInt32BE(3, 5);
  head.writeUInt32BE(payload.length, frameHeadBytes + 1);
  return Buffer.concat([head, payload]);
}

/** All pieces that wait for their next use. */
function drainPool(): ArrayBufferLike[] {
  return Array.from({ length: 64 }, () => takePiece().buffer);
}

test('what a socket has not sent stays as it is while others write', async () => {
  const [slow, other] = [connection(), connection()];
  slow.writer.message(0, 3, partsOf(1));
  await turn();
  for (const fill of [2, 3, 4]) {
    other.writer.message(0, 3, partsOf(fill));
    await turn();
    expect(await other.socket.send()).toHaveLength((fill - 1) * frameOf(fill).length);
  }
  // Not by `toEqual`: it would print every byte that differs.
  expect(frameOf(1).equals(await slow.socket.send())).toBe(true);
  expect(Buffer.concat([2, 3, 4].map(frameOf)).equals(await other.socket.send())).toBe(true);
});

test('memory that has been sent is used again', async () => {
  const { socket, writer } = connection();
  drainPool();
  writer.message(0, 3, partsOf(1));
  await turn();
  const { memory } = socket;
  await socket.send();
  expect(drainPool().some((piece) => piece === memory)).toBe(true);
});

test('memory of a write that failed is not: the socket may not have let go of it', async () => {
  const { socket, writer } = connection();
  drainPool();
  writer.message(0, 3, partsOf(1));
  await turn();
  const { memory } = socket;
  await socket.fail();
  expect(drainPool().some((piece) => piece === memory)).toBe(false);
});
