/** The requests of clients of all sorts to a port that gRPC shares with plain HTTP. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import * as http2 from 'node:http2';
import * as net from 'node:net';
import { errorCode, flag, frameType as type, preface } from '../http2/constants.js';
import { encodeFields } from '../http2/hpack-encoder.js';
import { HpackDecoder } from '../http2/hpack-decoder.js';
import { frame, grpcMessage, RawPeer, settingsFrame, until } from '../http2/testkit/raw-peer.js';
import { silentLogger } from '../log.js';
import { Prng } from '../prng.js';
import { createGrpcChannel } from './channel.js';
import { EchoDefinition, echoHandlers } from './testkit/echo-service.js';
import type { GrpcServer } from './server.js';
import { createGrpcServer } from './server.js';

const { endHeaders, endStream, ack } = flag;
const seed = Number(process.env['FUZZ_SEED'] ?? 1);
const runs = Number(process.env['FUZZ_RUNS'] ?? 150);
const message = grpcMessage(Buffer.from('hello'));

function grpcRequest(id: number, path = '/trireme.test.Echo/Unary'): Buffer {
  const block = encodeFields([
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', path],
    [':authority', 'a'],
    ['content-type', 'application/grpc+proto'],
    ['te', 'trailers'],
  ]);
  return frame(type.headers, endHeaders, id, block);
}

function plainRequest(id: number): Buffer {
  const block = encodeFields([
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/version'],
    [':authority', 'a'],
  ]);
  return frame(type.headers, endHeaders | endStream, id, block);
}

function statusOf(peer: RawPeer, id: number): string | undefined {
  const block = peer.of(type.headers, id)[0]?.payload;
  return block === undefined ? undefined : new HpackDecoder().decode(block)?.[':status'];
}

describe('one port', () => {
  let server: GrpcServer;
  let port: number;
  const sockets: net.Socket[] = [];

  beforeEach(async () => {
    server = createGrpcServer({
      log: silentLogger,
      fallback: (request, response) => {
        response.writeHead(200);
        response.end(`plain ${request.httpVersion} ${request.url ?? ''}`);
      },
    });
    server.addService(EchoDefinition, echoHandlers());
    ({ port } = await server.listen({ host: '127.0.0.1', port: 0 }));
  });

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await server.close();
  });

  function connect(): RawPeer {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
    sockets.push(socket);
    return new RawPeer(socket);
  }

  async function pieces(peer: RawPeer, bytes: Buffer): Promise<void> {
    for (const byte of bytes) {
      peer.send(Buffer.from([byte]));
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  test('a client that waits for SETTINGS before it says anything', async () => {
    for (const isGrpc of [true, false]) {
      const peer = connect();
      peer.send(preface, settingsFrame());
      await until(() => peer.count(type.settings) > 0, 'settings');
      peer.send(frame(type.settings, ack, 0));
      if (isGrpc) peer.send(grpcRequest(1), frame(type.data, endStream, 1, message));
      else peer.send(plainRequest(1));
      await until(() => peer.hasEnded(1), 'the answer');
      expect(statusOf(peer, 1)).toBe('200');
      const text = isGrpc ? 'hello' : 'plain 2.0 /version';
      expect(peer.of(type.data, 1)[0]?.payload.toString()).toContain(text);
    }
  });

  test('requests that come byte by byte', async () => {
    const grpc = connect();
    const plain = connect();
    const data = frame(type.data, endStream, 1, message);
    await pieces(grpc, Buffer.concat([preface, settingsFrame(), grpcRequest(1), data]));
    await pieces(plain, Buffer.concat([preface, settingsFrame(), plainRequest(1)]));
    for (const peer of [grpc, plain]) {
      await until(() => peer.count(type.settings) > 0, 'settings');
      await pieces(peer, frame(type.settings, ack, 0));
      await until(() => peer.hasEnded(1), 'the answer');
    }
    const old = connect();
    let text = '';
    old.socket.removeAllListeners('data');
    old.socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    await pieces(
      old,
      Buffer.from(
        'PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\nGET /y HTTP/1.1\r\nHost: a\r\n\r\n',
      ),
    );
    await until(() => text.includes('/y'), 'the answer');
  });

  test('a connection that only pings, and asks at last', async () => {
    const body = frame(type.data, endStream, 1, message);
    for (const request of [Buffer.concat([grpcRequest(1), body]), plainRequest(1)]) {
      const peer = connect();
      peer.send(preface, settingsFrame());
      await until(() => peer.count(type.settings) > 0, 'settings');
      peer.send(frame(type.settings, ack, 0));
      for (let count = 0; count < 30_000; count += 1000) {
        peer.send(
          Buffer.concat(
            Array.from({ length: 1000 }, () => frame(type.ping, 0, 0, Buffer.alloc(8, 1))),
          ),
        );
        await until(() => peer.count(type.ping) === count + 1000, 'pongs');
      }
      peer.send(request);
      await until(() => peer.hasEnded(1), 'the answer');
    }
  });

  test('many large requests at once, before our SETTINGS are acknowledged', async () => {
    const peer = connect();
    const ids = Array.from({ length: 4000 }, (_, at) => 2 * at + 1);
    peer.send(preface, settingsFrame());
    await until(() => peer.count(type.settings) > 0, 'settings');
    const data = ids.map((id) =>
      Buffer.concat([grpcRequest(id), frame(type.data, endStream, id, message)]),
    );
    peer.send(...data);
    await until(() => peer.count(type.data) === ids.length || peer.closed, 'all answers');
    expect(peer.count(type.data)).toBe(ids.length);
  });

  test.each([
    ['a request before SETTINGS', grpcRequest(1)],
    ['DATA before a request', Buffer.concat([settingsFrame(), frame(type.data, 0, 1, [1])])],
    [
      'a reset before a request',
      Buffer.concat([settingsFrame(), frame(type.rstStream, 0, 1, [0, 0, 0, 0])]),
    ],
    ['a wrong setting', Buffer.concat([settingsFrame([2, 7]), grpcRequest(1)])],
  ])('%s ends the connection with a word', async (_name, bytes) => {
    const peer = connect();
    peer.send(preface, bytes);
    await until(() => peer.closed, 'the end');
    expect(peer.goawayCode).toBe(errorCode.protocolError);
  });

  test('a plain request on a connection of gRPC is sent elsewhere, and gRPC goes on', async () => {
    const peer = connect();
    peer.send(preface, settingsFrame(), grpcRequest(1), frame(type.data, endStream, 1, message));
    peer.send(plainRequest(3), grpcRequest(5), frame(type.data, endStream, 5, message));
    await until(() => [1, 3, 5].every((id) => peer.hasEnded(id)), 'the answers');
    expect([1, 3, 5].map((id) => statusOf(peer, id))).toEqual(['200', '421', '200']);
  });

  test('calls of unknown methods from a client that reads nothing end with its connection', async () => {
    const socket = net.connect({ port, host: '127.0.0.1' });
    sockets.push(socket);
    const peer = new RawPeer(socket, { reads: false });
    peer.send(preface, settingsFrame());
    // Its name comes back in the answer.
    const call = grpcRequest(1, `/${'n'.repeat(4000)}/none`);
    for (let id = 1; !peer.closed; id += 2) {
      call.writeUInt32BE(id, 5);
      if (socket.write(Buffer.from(call))) continue;
      await until(() => socket.writableLength === 0 || peer.closed, 'room to write');
    }
    const channel = createGrpcChannel({ target: `127.0.0.1:${port}`, log: silentLogger });
    expect(Buffer.from(await channel.client(EchoDefinition).unary(message))).toEqual(message);
    channel.close();
  });

  test('closing does not wait for connections that have asked nothing', async () => {
    const peers = [connect(), connect(), connect()];
    peers[0]?.send(preface, settingsFrame());
    peers[1]?.send(preface.subarray(0, 5));
    await until(() => (peers[0]?.count(type.settings) ?? 0) > 0, 'settings');
    const session = http2.connect(`http://127.0.0.1:${port}`);
    await new Promise<void>((resolve) => {
      session.request({ ':path': '/a' }).on('close', resolve).resume();
    });
    const answer = await fetch(`http://127.0.0.1:${port}/`);
    await answer.text();
    // The grace is longer than this test may take.
    await server.close({ graceMs: 3_600_000 });
    session.destroy();
  });

  test('whatever comes over the wire, others are served', async () => {
    const channel = createGrpcChannel({ target: `127.0.0.1:${port}`, log: silentLogger });
    const client = channel.client(EchoDefinition);
    const recorded = [
      preface,
      settingsFrame([4, 100]),
      grpcRequest(1),
      frame(type.data, endStream, 1, message),
      grpcRequest(3, '/trireme.test.Echo/Both'),
      frame(type.data, 0, 3, message),
      plainRequest(5),
      grpcRequest(7, '/trireme.test.Echo/Download'),
      frame(type.data, endStream, 7, grpcMessage(Buffer.from('3 200'))),
      frame(type.settings, ack, 0),
      frame(type.data, endStream, 3, message),
    ];
    for (let run = seed; run < seed + runs; run++) {
      const prng = new Prng(run);
      const parts = prng.chance({ numerator: 1, denominator: 3 })
        ? recorded.slice(0, 2).concat(recorded[6] ?? [])
        : recorded;
      const bytes = Buffer.concat(parts);
      for (let count = prng.below(5); count > 0; count--) {
        bytes[prng.below(bytes.length)] = prng.below(256);
      }
      const peer = connect();
      const end = prng.below(2 * bytes.length);
      const middle = prng.below(bytes.length);
      peer.send(bytes.subarray(0, Math.min(middle, end)));
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (end > middle) peer.send(bytes.subarray(middle, end));
      if (prng.chance({ numerator: 1, denominator: 2 })) peer.socket.end();
      const answer = await client.unary(Buffer.from(`run ${run}`));
      expect(Buffer.from(answer).toString()).toBe(`run ${run}`);
      peer.socket.destroy();
    }
    channel.close();
  }, 3_600_000);
});
