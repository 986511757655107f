import { expect, test } from '@jest/globals';
import { Duplex } from 'node:stream';
import { unbatched } from './unbatched.js';

/** A socket that takes its time: each write is taken when the test says so. */
class SlowSocket extends Duplex {
  readonly taken: string[][] = [];
  #done: (() => void) | undefined;

  override _read(): void {
    // The test pushes.
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#take([chunk], done);
  }

  override _writev(chunks: { readonly chunk: Buffer }[], done: () => void): void {
    this.#take(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  #take(chunks: readonly Buffer[], done: () => void): void {
    this.taken.push(chunks.map(String));
    this.#done = done;
  }

  /** Ends the write that is under way. */
  async wrote(): Promise<void> {
    this.#done?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('what waits for a write goes by itself, chunk by chunk', async () => {
  const socket = new SlowSocket();
  const duplex = unbatched(socket);
  for (const text of ['one', 'two', 'three']) duplex.write(text);
  for (let n = 0; n < 3; n++) await socket.wrote();
  expect(socket.taken).toEqual([['one'], ['two'], ['three']]);
});

test('what comes is passed on, up to the end', async () => {
  const socket = new SlowSocket();
  const duplex = unbatched(socket);
  for (const text of ['a', 'b']) socket.push(text);
  socket.push(null);
  const parts: string[] = [];
  for await (const part of duplex) parts.push(String(part));
  expect(parts.join('')).toBe('ab');
});

test('a reader that is behind holds the socket up', async () => {
  const socket = new SlowSocket();
  const duplex = unbatched(socket);
  for (let n = 0; n < 4; n++) {
    socket.push(Buffer.alloc(64 * 1024));
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(duplex.readableLength).toBeLessThanOrEqual(128 * 1024);
  expect(socket.isPaused()).toBe(true);
});

test.each([
  ['the socket', (socket: Duplex) => socket],
  ['the stream', (_: Duplex, duplex: Duplex) => duplex],
])('both are gone when %s is', async (_, choose) => {
  const socket = new SlowSocket();
  const duplex = unbatched(socket);
  const closed = Promise.all(
    [socket, duplex].map((end) => new Promise((resolve) => end.once('close', resolve))),
  );
  choose(socket, duplex).destroy();
  await closed;
  expect([socket.destroyed, duplex.destroyed]).toEqual([true, true]);
});

test('an error of the socket is the stream’s', async () => {
  const socket = new SlowSocket();
  const duplex = unbatched(socket);
  const failed = new Promise((resolve) => duplex.once('error', resolve));
  socket.destroy(new Error('reset'));
  expect(await failed).toEqual(new Error('reset'));
});
