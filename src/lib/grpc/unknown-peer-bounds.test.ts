/** The limits of a caller without a certificate, where others show one. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Socket } from 'node:net';
import * as tls from 'node:tls';
import { gzipSync } from 'node:zlib';
import { ManualClock, systemClock } from '../clock.js';
import { flag, frameType, preface } from '../http2/constants.js';
import { encodeFields } from '../http2/hpack-encoder.js';
import {
  frame,
  grpcMessage,
  numberFrame,
  RawPeer,
  settingsFrame,
  until,
} from '../http2/testkit/raw-peer.js';
import { silentLogger } from '../log.js';
import { listenerLimits, unknownPeer } from '../net-limits.js';
import { createCertificateAuthority, issueCertificate } from '../pki/certificates.js';
import { fixedTls } from '../pki/tls-source.js';
import { EchoDefinition, echoHandlers } from './testkit/echo-service.js';
import type { GrpcServer } from './server.js';
import { createGrpcServer } from './server.js';
import type { CallContext } from './types.js';
import { dropSilentReaders } from './silent-readers.js';

const megabyte = 1024 * 1024;
let clock: ManualClock;
let server: GrpcServer;
let peer: RawPeer;
/** Another connection without a certificate. */
let open: () => RawPeer;
let nextId: number;

beforeEach(async () => {
  clock = new ManualClock();
  const ca = await createCertificateAuthority({ commonName: 'ca', clock: systemClock() });
  const subject = { commonName: 'server', hosts: ['127.0.0.1'], usages: ['server'] as const };
  const pair = await issueCertificate({ ca, subject, clock: systemClock() });
  server = createGrpcServer({
    log: silentLogger,
    clock,
    tls: fixedTls({ ...pair, ca: ca.cert, requestClientCert: 'optional' }),
  });
  // A handler that reads nothing, until its caller goes.
  const both = (_: unknown, { signal }: CallContext): Promise<void> =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
  server.addService(EchoDefinition, { ...echoHandlers(), both });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  const options = { host: '127.0.0.1', port, ca: ca.cert, servername: '', ALPNProtocols: ['h2'] };
  open = () => {
    const opened = new RawPeer(tls.connect(options));
    // The window takes answers of any size.
    opened.send(preface, settingsFrame(), numberFrame(frameType.windowUpdate, 0, 16 * megabyte));
    return opened;
  };
  peer = open();
  nextId = 1;
});

afterEach(async () => {
  peer.socket.destroy();
  const closed = server.close();
  clock.advance(1);
  await closed;
});

/** Opens a call. @param message undefined: its body does not come @returns its stream */
function call(method: string, message: Buffer | undefined): number {
  const id = nextId;
  nextId += 2;
  const block = encodeFields([
    [':method', 'POST'],
    [':scheme', 'https'],
    [':path', `/trireme.test.Echo/${method}`],
    [':authority', 'a'],
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
    ['grpc-encoding', 'gzip'],
  ]);
  peer.send(frame(frameType.headers, flag.endHeaders, id, block));
  if (message !== undefined) peer.send(frame(frameType.data, flag.endStream, id, message));
  return id;
}

/** @returns true when the call was refused in its head or answered with an error, and false when it got a message */
async function isRefused(id: number): Promise<boolean> {
  await until(() => peer.hasEnded(id), 'an answer');
  return peer.dataBytes(id) === 0;
}

function bomb(): Buffer {
  const message = grpcMessage(gzipSync(Buffer.alloc(4 * megabyte)));
  message[0] = 1;
  return message;
}

test.each(['Unary', 'Upload'])(
  'messages of %s that inflate are taken up to a bound, which time lifts',
  async (method) => {
    const message = bomb();
    const { burstBytes, bytesPerSecond } = listenerLimits.unknownPeersInflate;
    for (let bytes = 0; bytes < burstBytes; bytes += 4 * megabyte) {
      expect(await isRefused(call(method, message))).toBe(false);
    }
    expect(await isRefused(call(method, message))).toBe(true);
    expect(await isRefused(call(method, grpcMessage(Buffer.from('plain'))))).toBe(false);
    clock.advance(1000);
    for (let bytes = 0; bytes < bytesPerSecond; bytes += 4 * megabyte) {
      expect(await isRefused(call(method, message))).toBe(false);
    }
    expect(await isRefused(call(method, message))).toBe(true);
  },
);

test('what inflated messages hold that nobody reads counts for their connection', async () => {
  const message = grpcMessage(gzipSync(Buffer.alloc(megabyte)));
  message[0] = 1;
  const most = unknownPeer.receivedBytes / megabyte;
  const ids = Array.from({ length: most + 4 }, () => {
    const id = call('Both', undefined);
    peer.send(frame(frameType.data, 0, id, message));
    return id;
  });
  expect(await isRefused(call('Unary', grpcMessage(Buffer.from('x'))))).toBe(false);
  await until(() => peer.hasEnded(ids.at(-1) ?? 0), 'the last is refused');
  const held = ids.filter((id) => !peer.hasEnded(id));
  expect(held.length).toBeGreaterThan(1);
  expect(held.length).toBeLessThanOrEqual(most);
});

test.each(['with the last message', 'by a frame of its own'])(
  'messages that nobody reads count for their connection when their stream has ended %s',
  async (end) => {
    const message = grpcMessage(Buffer.alloc(65_000));
    const most = Math.floor(unknownPeer.receivedBytes / (2 * message.length));
    const ids = Array.from({ length: most + 20 }, () => {
      const id = call('Both', undefined);
      const isOwn = end === 'by a frame of its own';
      peer.send(frame(frameType.data, 0, id, message));
      peer.send(frame(frameType.data, isOwn ? 0 : flag.endStream, id, message));
      if (isOwn) peer.send(frame(frameType.data, flag.endStream, id, Buffer.alloc(0)));
      return id;
    });
    expect(ids.length).toBeLessThan(unknownPeer.streams);
    const isOver = (id: number): boolean => peer.hasEnded(id) || peer.resetCode(id) !== undefined;
    await until(() => isOver(ids.at(-1) ?? 0), 'the last is refused');
    expect(ids.filter((id) => !isOver(id))).toEqual(ids.slice(0, most));
  },
);

const part = Buffer.alloc(16_384);

/** A message of a megabyte in parts, without the last. */
function parts(id: number): void {
  const head = Buffer.from([0, 0, 16, 0, 0]);
  peer.send(frame(frameType.data, 0, id, head));
  for (let count = 0; count < 63; count++) peer.send(frame(frameType.data, 0, id, part));
}

test('messages in parts that come to nothing are read at a pace, and other connections at once', async () => {
  const { burstBytes } = listenerLimits.unknownPeersParts;
  for (let sent = 0; sent < burstBytes + 6 * megabyte; sent += megabyte) {
    parts(call('Unary', undefined));
  }
  const last = call('Unary', grpcMessage(Buffer.from('x')));
  await until(() => server.traffic().receivedBytes >= burstBytes, 'the burst');
  const held = peer;
  peer = open();
  expect(await isRefused(call('Unary', grpcMessage(Buffer.from('x'))))).toBe(false);
  expect(held.hasEnded(last)).toBe(false);
  expect(server.traffic().receivedBytes).toBeLessThan(burstBytes + 3 * megabyte);
  await until(() => {
    clock.advance(100);
    return held.hasEnded(last);
  }, 'the rest');
  held.socket.destroy();
});

test('messages in parts whose calls go well cost nothing', async () => {
  const { burstBytes } = listenerLimits.unknownPeersParts;
  for (let sent = 0; sent < burstBytes + 6 * megabyte; sent += megabyte) {
    const id = call('Upload', undefined);
    parts(id);
    peer.send(frame(frameType.data, flag.endStream, id, part));
    expect(await isRefused(id)).toBe(false);
  }
});

test('messages that inflate to too much cost as much', async () => {
  const message = grpcMessage(gzipSync(Buffer.alloc(4 * megabyte + 1)));
  message[0] = 1;
  for (
    let bytes = 0;
    bytes < listenerLimits.unknownPeersInflate.burstBytes;
    bytes += 4 * megabyte
  ) {
    expect(await isRefused(call('Unary', message))).toBe(true);
  }
  const small = grpcMessage(gzipSync(Buffer.from('small')));
  small[0] = 1;
  expect(await isRefused(call('Unary', small))).toBe(true);
});

test('a request that does not end is answered after its time', async () => {
  const first = call('Unary', undefined);
  expect(await isRefused(call('Unary', grpcMessage(Buffer.from('x'))))).toBe(false);
  clock.advance(unknownPeer.requestMs - 1);
  expect(await isRefused(call('Unary', grpcMessage(Buffer.from('x'))))).toBe(false);
  expect(peer.hasEnded(first)).toBe(false);
  clock.advance(1);
  expect(await isRefused(first)).toBe(true);
});

test('a connection ends whose peer takes nothing for long, and not one that takes a little', () => {
  const full = {
    writableLength: listenerLimits.unreadBytes,
    bytesWritten: listenerLimits.unreadBytes,
  };
  const ended: string[] = [];
  const socket = (name: string): typeof full & { destroy(): Socket } => ({
    ...full,
    destroy() {
      ended.push(name);
      return new Socket();
    },
  });
  const [silent, slow] = [socket('silent'), socket('slow')];
  const stop = dropSilentReaders(new Set([silent, slow]), clock);
  const { checkEveryMs, unreadMs } = listenerLimits;
  for (let ms = 0; ms < unreadMs; ms += checkEveryMs) {
    clock.advance(checkEveryMs);
    slow.bytesWritten++;
  }
  expect(ended).toEqual([]);
  clock.advance(checkEveryMs);
  expect(ended).toEqual(['silent']);
  stop();
});
