/**
 * Against nghttp2, which node:http2 is built on: two implementations of HPACK and of frames must understand each other.
 */
import { afterEach, expect, test } from '@jest/globals';
import * as http2 from 'node:http2';
import * as net from 'node:net';
import { systemClock } from '../clock.js';
import { Prng } from '../prng.js';
import { ClientConnection } from './client-connection.js';
import { flag, frameType, setting } from './constants.js';
import type { Headers } from './hpack-decoder.js';
import { HpackDecoder } from './hpack-decoder.js';
import { encodeFields } from './hpack-encoder.js';
import { portOf, RawPeer, settingsFrame, socketPair, until } from './testkit/raw-peer.js';
import type { TestRequest } from './testkit/test-server.js';
import { requestBlock, serve } from './testkit/test-server.js';

const clock = systemClock({ unref: true });
const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** Names that occur again and again, values of all kinds: what tables and Huffman code are made for. */
function randomFields(prng: Prng): Record<string, string> {
  const fields: Record<string, string> = {};
  for (let count = prng.below(12); count > 0; count--) {
    const name = prng.chance({ numerator: 1, denominator: 4 })
      ? prng.pick(['accept', 'cache-control', 'user-agent', 'grpc-timeout', 'referer'])
      : `x-${prng.below(30)}${'n'.repeat(prng.below(20))}`;
    const length = prng.pick([0, 1, 5, 20, 130, 300]);
    const isText = prng.chance({ numerator: 3, denominator: 4 });
    fields[name] = Array.from({ length }, () =>
      String.fromCharCode(isText ? prng.between(0x21, 0x7e) : prng.between(0x80, 0xff)),
    ).join('');
  }
  return fields;
}

function withoutPseudo(headers: Headers | http2.IncomingHttpHeaders): Record<string, unknown> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith(':')));
}

async function connect(socket: net.Socket): Promise<http2.ClientHttp2Session> {
  const session = http2.connect('http://127.0.0.1', { createConnection: () => socket });
  session.on('error', () => undefined);
  cleanups.push(() => session.destroy());
  return session;
}

test.each([4096, 100, 0])(
  'their encoder with a table of %i bytes, our decoder',
  async (tableBytes) => {
    const prng = new Prng(tableBytes + 1);
    const [here, there] = await socketPair();
    const session = await connect(here);
    const peer = new RawPeer(there, { reads: false });
    peer.read(24);
    peer.send(settingsFrame([setting.headerTableSize, tableBytes]));
    await until(
      () => peer.frames.some((seen) => seen.type === frameType.settings && seen.flags === 1),
      'their settings',
    );
    const sent: Record<string, string>[] = [];
    for (let at = 0; at < 300; at++) {
      const fields = randomFields(prng);
      sent.push(fields);
      const sensitive = prng.chance({ numerator: 1, denominator: 5 }) ? Object.keys(fields) : [];
      session
        .request({ ...fields, [http2.sensitiveHeaders]: sensitive })
        .on('error', () => undefined);
    }
    await until(() => peer.count(frameType.headers) === sent.length, 'all requests');
    const decoder = new HpackDecoder();
    const isWhole = (flags: number): boolean => (flags & flag.endHeaders) !== 0;
    for (const [at, seen] of peer.of(frameType.headers).entries()) {
      expect(isWhole(seen.flags)).toBe(true);
      const priority = (seen.flags & flag.priority) === 0 ? 0 : 5;
      const headers = decoder.decode(seen.payload.subarray(priority));
      expect(withoutPseudo(headers ?? {})).toEqual(sent[at]);
    }
  },
);

test.each([4096, 100, 0])(
  'our encoder, their decoder with a table of %i bytes',
  async (tableBytes) => {
    const prng = new Prng(tableBytes + 1);
    const server = http2.createServer({ settings: { headerTableSize: tableBytes } });
    cleanups.push(() => server.close());
    const seen: http2.IncomingHttpHeaders[] = [];
    server.on('stream', (stream: http2.ServerHttp2Stream, headers) => {
      seen.push(headers);
      stream.on('error', () => undefined);
      stream.respond({ ':status': 200 }, { endStream: true });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const socket = net.connect(portOf(server), '127.0.0.1');
    const connection = new ClientConnection(socket, { onClosed: () => undefined }, clock);
    cleanups.push(() => connection.destroy());
    const sent: Record<string, string>[] = [];
    let ended = 0;
    for (let at = 0; at < 300; at++) {
      const fields = randomFields(prng);
      sent.push(fields);
      connection.request((stream) => {
        if (stream === undefined) throw new Error('no stream');
        stream.handler = {
          onHeaders: (headers) => expect(headers[':status']).toBe('200'),
          onData: () => undefined,
          onEnd: () => undefined,
          onWritable: () => undefined,
          onClosed: () => {
            ended += 1;
          },
        };
        stream.headers(requestBlock('/a', Object.entries(fields)), true);
      });
      // Now and then the other side has time to answer and to change its table.
      if (at % 50 === 0) await until(() => ended === sent.length, 'the answers');
    }
    await until(() => ended === sent.length, 'the answers');
    expect(seen.map((headers) => withoutPseudo(headers))).toEqual(sent);
  },
);

test('their client with changing tables and a large header block, our server', async () => {
  const prng = new Prng(9);
  const [here, there] = await socketPair();
  const server = serve(there);
  cleanups.push(() => server.connection.destroy());
  const session = await connect(here);
  const got: unknown[] = [];
  const requests = (): TestRequest[] => server.requests;
  const large = 'v'.repeat(40_000);
  for (let at = 0; at < 60; at++) {
    if (at % 10 === 5) session.settings({ headerTableSize: prng.pick([0, 50, 4096, 65_536]) });
    const fields = at === 30 ? { large } : randomFields(prng);
    const body = Buffer.alloc(prng.below(100_000), at);
    const stream = session.request({ ':method': 'POST', ':path': '/echo', ...fields });
    stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, 0]), body]));
    const chunks: Buffer[] = [];
    let status: unknown;
    stream.on('response', (headers) => {
      status = headers[':status'];
    });
    let trailer: unknown;
    stream.on('trailers', (headers) => {
      trailer = headers['grpc-status'];
    });
    await new Promise<void>((resolve, reject) => {
      stream.on('error', reject).on('close', resolve);
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    });
    expect(withoutPseudo(requests()[at]?.headers ?? {})).toEqual(fields);
    expect(Buffer.concat(chunks).subarray(5).equals(body)).toBe(true);
    got.push([status, trailer]);
  }
  expect(new Set(got.map(String))).toEqual(new Set(['200,0']));
});

test('our client and their server: bodies of all sizes, many at once', async () => {
  const prng = new Prng(3);
  const server = http2.createServer({
    settings: { maxConcurrentStreams: 100, initialWindowSize: 1000 },
  });
  cleanups.push(() => server.close());
  server.on('stream', (stream: http2.ServerHttp2Stream) => {
    stream.on('error', () => undefined);
    stream.respond({ ':status': 200 }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.pipe(stream);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const socket = net.connect(portOf(server), '127.0.0.1');
  const connection = new ClientConnection(socket, { onClosed: () => undefined }, clock);
  cleanups.push(() => connection.destroy());
  const calls = Array.from({ length: 200 }, () =>
    prng.pick([0, 1, 999, 1000, 16_384, 70_000, 300_000]),
  );
  const echoed = await Promise.all(
    calls.map(
      (size, at) =>
        new Promise<number>((resolve) => {
          connection.request((stream) => {
            let bytes = 0;
            if (stream === undefined) throw new Error('no stream');
            stream.handler = {
              onHeaders: () => undefined,
              onData: (chunk) => {
                bytes += chunk.length;
              },
              onEnd: () => undefined,
              onWritable: () => undefined,
              onClosed: (code) => resolve(code === undefined ? bytes : -1),
            };
            stream.headers(requestBlock('/a'), false);
            stream.endWith(Buffer.alloc(size, at));
          });
        }),
    ),
  );
  expect(echoed).toEqual(calls.map((size) => size + 5));
});

test('fields that repeat are joined', () => {
  const decoder = new HpackDecoder();
  const block = encodeFields([
    ['a', '1'],
    ['b', 'x'],
    ['a', '2'],
  ]);
  expect(decoder.decode(block)).toEqual({ a: '1,2', b: 'x' });
});
