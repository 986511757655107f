import { afterEach, expect, test } from '@jest/globals';
import * as http2 from 'node:http2';
import type * as net from 'node:net';
import { systemClock } from './clock.js';
import { flag, frameType as type, preface } from './http2/constants.js';
import { encodeFields } from './http2/hpack-encoder.js';
import { frame, RawPeer, settingsFrame, socketPair, until } from './http2/testkit/raw-peer.js';
import { superviseSession } from './http2-sessions.js';

const clock = systemClock({ unref: true });
const limits = { firstBytesMs: 50, idleMs: 100 };
const sockets: net.Socket[] = [];

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

async function start(answers: boolean): Promise<RawPeer> {
  const [here, there] = await socketPair();
  sockets.push(here, there);
  const server = http2.createServer();
  server.on('session', (session) => superviseSession(session, clock, limits));
  server.on('stream', (stream) => {
    stream.on('error', () => undefined);
    stream.respond({ ':status': 200 });
    if (answers) stream.end('hello');
  });
  server.emit('connection', there);
  const peer = new RawPeer(here);
  peer.send(preface, settingsFrame());
  return peer;
}

function request(id: number): Buffer {
  const block = encodeFields([
    [':method', 'GET'],
    [':scheme', 'http'],
    [':path', '/'],
    [':authority', 'a'],
  ]);
  return frame(type.headers, flag.endHeaders | flag.endStream, id, block);
}

test('a session without a request ends in order', async () => {
  const peer = await start(true);
  await until(() => peer.closed, 'the end');
  expect(peer.goawayCode).toBe(0);
});

test('a session whose requests are over ends in order', async () => {
  const peer = await start(true);
  peer.send(request(1));
  await until(() => peer.hasEnded(1), 'the answer');
  await until(() => peer.closed, 'the end');
  expect(peer.goawayCode).toBe(0);
});

test('a session that broke the protocol and says no more ends', async () => {
  const peer = await start(true);
  peer.send(frame(type.ping, 0, 0, [0]));
  await until(() => peer.closed, 'the end');
});

test('a session with a silent stream stays when its peer answers pings', async () => {
  const peer = await start(false);
  peer.send(request(1));
  await until(() => peer.count(type.headers, 1) === 1, 'the answer');
  for (let round = 0; round < 3; round++) {
    await until(() => peer.of(type.ping).length > round, 'a ping');
    peer.send(frame(type.ping, flag.ack, 0, peer.of(type.ping)[round]?.payload));
  }
  expect(peer.closed).toBe(false);
});
