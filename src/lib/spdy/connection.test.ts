/** The memory that a client of SPDY that keeps to no rule can make the connection hold. */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Socket } from 'node:net';
import { constants, createDeflate } from 'node:zlib';
import { socketPair, until } from '../http2/testkit/raw-peer.js';
import { spdyLimits } from '../net-limits.js';
import type { SpdyStream } from './connection.js';
import { SpdyConnection } from './connection.js';
import { dictionary } from './dictionary.js';
import { HeaderWriter } from './headers.js';

const sockets: Socket[] = [];
const streams: SpdyStream[] = [];

afterEach(() => {
  streams.length = 0;
  for (const socket of sockets.splice(0)) socket.destroy();
});

async function start(reads = true): Promise<{ connection: SpdyConnection; client: Socket }> {
  const [client, there] = await socketPair();
  sockets.push(client, there);
  client.on('error', () => undefined);
  if (reads) client.resume();
  return { connection: new SpdyConnection(there, (stream) => streams.push(stream)), client };
}

function data(id: number, bytes: number): Buffer {
  const frame = Buffer.alloc(8 + bytes);
  frame.writeUInt32BE(id, 0);
  frame.writeUIntBE(bytes, 5, 3);
  return frame;
}

function control(type: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE((0x80030000 | type) >>> 0, 0);
  head.writeUIntBE(payload.length, 5, 3);
  return Buffer.concat([head, payload]);
}

async function opener(): Promise<(id: number) => Promise<Buffer>> {
  const writer = new HeaderWriter();
  return async (id) => {
    const ids = Buffer.alloc(10);
    ids.writeUInt32BE(id, 0);
    return control(1, Buffer.concat([ids, await writer.write(new Map([['streamtype', 'data']]))]));
  };
}

test('data that nobody takes close the connection', async () => {
  const { connection, client } = await start();
  const open = await opener();
  client.write(await open(1));
  await until(() => streams.length === 1, 'the stream');
  client.write(Buffer.concat(Array.from({ length: 16 }, () => data(1, 16_384))));
  await until(() => client.bytesWritten > 0 && client.writableLength === 0, 'the data');
  expect(connection.closed).toBe(false);
  for (let at = 0; at < 64 && !client.destroyed; at++) client.write(data(1, 32_768));
  await until(() => connection.closed, 'the end');
});

test('data that were early reach the handler that comes, and count no more', async () => {
  const { connection, client } = await start();
  const open = await opener();
  client.write(await open(1));
  await until(() => streams.length === 1, 'the stream');
  let taken = 0;
  client.write(data(1, spdyLimits.earlyBytes));
  streams[0]?.onData((bytes) => (taken += bytes.length));
  client.write(Buffer.concat(Array.from({ length: 20 }, () => data(1, 32_768))));
  await until(() => taken === spdyLimits.earlyBytes + 20 * 32_768, 'all data');
  expect(connection.closed).toBe(false);
});

test('a header block that inflates without end closes the connection', async () => {
  const { connection, client } = await start();
  const deflate = createDeflate({ dictionary, flush: constants.Z_SYNC_FLUSH });
  const parts: Buffer[] = [Buffer.alloc(10)];
  deflate.on('data', (chunk: Buffer) => parts.push(chunk));
  await new Promise<void>((resolve) => {
    deflate.write(Buffer.alloc(400 * 1024 * 1024), () => resolve());
  });
  parts[0]?.writeUInt32BE(1, 0);
  const before = process.memoryUsage().rss;
  client.write(control(1, Buffer.concat(parts).subarray(0, 900_000)));
  await until(() => connection.closed, 'the end');
  expect(streams).toHaveLength(0);
  expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
});

test('a stream beyond the bound is refused, until another one is over', async () => {
  const { connection, client } = await start(false);
  const answers: Buffer[] = [];
  client.on('data', (chunk: Buffer) => answers.push(chunk));
  const reset = (id: number, code: number): Buffer => {
    const payload = Buffer.alloc(8);
    payload.writeUInt32BE(id, 0);
    payload.writeUInt32BE(code, 4);
    return control(3, payload);
  };
  const open = await opener();
  const { streams: most } = spdyLimits;
  for (let count = 0; count <= most; count++) client.write(await open(2 * count + 1));
  const refused = reset(2 * most + 1, 5);
  await until(() => Buffer.concat(answers).includes(refused), 'the refusal');
  expect(streams).toHaveLength(most);
  client.write(reset(1, 5));
  client.write(await open(2 * most + 3));
  await until(() => streams.length === most + 1, 'the next stream');
  expect(connection.closed).toBe(false);
});

test.each([
  ['twice', [1, 1]],
  ['even', [2]],
  ['smaller than one before', [3, 1]],
])('a stream id that is %s is reset', async (_name, ids) => {
  const { connection, client } = await start(false);
  const seen: Buffer[] = [];
  client.on('data', (chunk: Buffer) => seen.push(chunk));
  const open = await opener();
  for (const id of ids) client.write(await open(id));
  const reset = Buffer.from([0x80, 3, 0, 3]);
  await until(() => Buffer.concat(seen).includes(reset), 'the reset');
  expect(connection.closed).toBe(false);
  expect(streams.length).toBe(ids.length - 1);
});

test('pings whose answers are not read close the connection', async () => {
  const { connection, client } = await start(false);
  const pings = Buffer.concat(Array.from({ length: 4096 }, () => control(6, Buffer.alloc(200))));
  while (!connection.closed && !client.destroyed) {
    if (client.write(pings)) continue;
    await until(() => client.writableLength === 0 || connection.closed, 'room to write');
  }
  expect(connection.closed).toBe(true);
});

describe('the client end', () => {
  async function both(): Promise<{ client: SpdyConnection; server: SpdyConnection }> {
    const [here, there] = await socketPair();
    sockets.push(here, there);
    const server = new SpdyConnection(there, (stream) => streams.push(stream));
    return { client: new SpdyConnection(here, undefined), server };
  }

  test('opens streams with their headers, sends and half-closes, and hears the other end', async () => {
    const { client } = await both();
    const sent = await client.open(new Map([['streamtype', 'stdin']]));
    const second = await client.open(new Map([['streamtype', 'stdout']]));
    await until(() => streams.length === 2, 'the streams');
    expect(streams.map((stream) => stream.header('streamType'))).toEqual(['stdin', 'stdout']);
    expect([sent.id, second.id]).toEqual([1, 3]);
    let heard = '';
    let isOver = false;
    streams[0]?.onData((data) => (heard += data.toString()));
    streams[0]?.onEnd(() => (isOver = true));
    sent.write(Buffer.from('words'));
    sent.end();
    await until(() => isOver, 'the end');
    expect(heard).toBe('words');
    let answer = '';
    second.onData((data) => (answer += data.toString()));
    streams[1]?.write(Buffer.from('answer'));
    await until(() => answer === 'answer', 'the answer');
  });

  test('what came before the end of the connection is heard, also after a pause', async () => {
    const { client, server } = await both();
    const stream = await client.open(new Map([['streamtype', 'stdout']]));
    await until(() => streams.length === 1, 'the stream');
    const order: string[] = [];
    client.pause();
    stream.onData((data) => order.push(data.toString()));
    stream.onEnd(() => order.push('end'));
    client.onClose(() => order.push('closed'));
    for (const word of ['a', 'b', 'c']) streams[0]?.write(Buffer.from(word));
    streams[0]?.end();
    server.close();
    await until(() => sockets.some((socket) => socket.writableEnded), 'the end of the server');
    client.resume();
    await until(() => order.includes('closed'), 'the end');
    expect(order).toEqual(['a', 'b', 'c', 'end', 'closed']);
  });

  test('a stream that the server opens is refused, and one of a closed connection is closed', async () => {
    const [here, there] = await socketPair();
    sockets.push(here, there);
    const client = new SpdyConnection(here, undefined);
    let answer: Buffer = Buffer.alloc(0);
    there.on('data', (bytes: Buffer) => (answer = Buffer.concat([answer, bytes])));
    const open = await opener();
    there.write(await open(2));
    await until(() => answer.length >= 16, 'the refusal');
    expect(answer.readUInt32BE(0)).toBe(0x80030003);
    expect(answer.readUInt32BE(8)).toBe(2);
    client.close();
    let isClosed = false;
    (await client.open(new Map())).onClose(() => (isClosed = true));
    expect(isClosed).toBe(true);
  });
});
