/**
 * The attacker, a process of its own run by fork with the name of an attack: it goes on at a bounded rate until it is
 * told to end. It says when it has begun.
 */
import { readFileSync } from 'node:fs';
import * as https from 'node:https';
import type * as net from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { delay, systemClock } from '../../../src/lib/clock.js';
import { errorCode, flag, frameType, preface } from '../../../src/lib/http2/constants.js';
import { encodeFields } from '../../../src/lib/http2/hpack-encoder.js';
import {
  frame,
  numberFrame,
  RawPeer,
  settingsFrame,
} from '../../../src/lib/http2/testkit/raw-peer.js';
import { ResourcesDefinition } from '../../../src/gen/apiserver.js';
import type { Client } from '../../../src/lib/grpc/index.js';
import { createGrpcChannel } from '../../../src/lib/grpc/index.js';
import { silentLogger } from '../../../src/lib/log.js';
import { fixedTls } from '../../../src/lib/pki/tls-source.js';
import { connect } from '../targets.js';
import type { ServerAddress } from './behaving-client.js';

const clock = systemClock();
const h2 = { ALPNProtocols: ['h2'] };
const megabyte = 1024 * 1024;
const part = Buffer.alloc(16_384);
/** The interval of a repeated attack. */
const turnMs = 20;

interface Site {
  readonly rest: number;
  readonly grpc: number;
  readonly address: ServerAddress;
}

/** Resolves when the attack stands; what is done again and again it hands to {@link repeat}. */
type Attack = (site: Site) => Promise<void>;

/** Does something every {@link turnMs}, also when it failed the last time. */
function repeat(act: () => Promise<void> | void): void {
  const acting = async (): Promise<never> => {
    for (;;) {
      try {
        await act();
      } catch {
        // Refused: that is what the server is to do.
      }
      await delay(clock, turnMs);
    }
  };
  void acting();
}

function many<T>(count: number, make: () => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, make));
}

function call(id: number, path: string, more: readonly (readonly [string, string])[] = []): Buffer {
  const block = encodeFields([
    [':method', 'POST'],
    [':scheme', 'https'],
    [':path', path],
    [':authority', 'a'],
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
    ...more,
  ]);
  return frame(frameType.headers, flag.endHeaders, id, block);
}

function plainGet(id: number): Buffer {
  const block = encodeFields([
    [':method', 'GET'],
    [':scheme', 'https'],
    [':path', '/version'],
    [':authority', 'a'],
  ]);
  return frame(frameType.headers, flag.endHeaders | flag.endStream, id, block);
}

const create = '/trireme.api.v1.Resources/Create';

async function http2Peer(port: number): Promise<RawPeer> {
  const peer = new RawPeer(await connect(port, h2));
  peer.send(preface, settingsFrame());
  return peer;
}

/**
 * Unfinished messages on all streams of some connections, one after the other, without an end: 40 MB a second together,
 * since more is a matter of the line, whoever reads it.
 */
function hold(port: number, connections: number): void {
  const head = Buffer.from([0, 0, 0x2f, 0xff, 0xff]);
  const held: { socket: net.Socket; id: number }[] = [];
  let next = 0;
  repeat(async () => {
    const at = next++ % connections;
    let one = held[at];
    if (one === undefined || one.socket.destroyed || one.id > 500) {
      one?.socket.destroy();
      one = { socket: (await http2Peer(port)).socket, id: 1 };
      held[at] = one;
    }
    const { socket, id } = one;
    if (socket.writableNeedDrain) return;
    const parts = Array.from({ length: 50 }, () => frame(frameType.data, 0, id, part));
    socket.write(Buffer.concat([call(id, create), frame(frameType.data, 0, id, head), ...parts]));
    one.id += 2;
  });
}

/** Frames at a bounded rate, on a connection that is made anew when the server has cut it. */
function frames(
  port: number,
  opening: () => Buffer,
  each: (round: number) => Buffer,
  reads: boolean,
): void {
  let socket: net.Socket | undefined;
  let round = 0;
  repeat(async () => {
    if (socket === undefined || socket.destroyed) {
      socket = await connect(port, h2);
      if (reads) socket.resume();
      else socket.pause();
      socket.write(Buffer.concat([preface, settingsFrame(), opening()]));
      round = 0;
    }
    if (!socket.writableNeedDrain) socket.write(each(round++));
  });
}

/** Streams that are opened and broken off. */
function resets(path: (id: number) => Buffer): (round: number) => Buffer {
  return (round) => {
    const parts: Buffer[] = [];
    for (let count = 0; count < 50; count++) {
      const id = 2 * (round * 50 + count) + 3;
      parts.push(path(id), numberFrame(frameType.rstStream, id, errorCode.cancel));
    }
    return Buffer.concat(parts);
  };
}

function bombs({ grpc }: Site): void {
  const bomb = gzipSync(Buffer.alloc(4 * megabyte - 16));
  const message = Buffer.concat([Buffer.from([1, 0, 0, 0, 0]), bomb]);
  message.writeUInt32BE(bomb.length, 1);
  const one = (id: number): Buffer =>
    Buffer.concat([
      call(id, create, [['grpc-encoding', 'gzip']]),
      frame(frameType.data, flag.endStream, id, message),
    ]);
  const opening = (): Buffer => Buffer.alloc(0);
  frames(
    grpc,
    opening,
    (round) => Buffer.concat(Array.from({ length: 10 }, (_, at) => one(2 * (round * 10 + at) + 1))),
    true,
  );
}

function asUser({ address }: Site): (path: string, type: string, body: string) => Promise<void> {
  const read = (file: string): Buffer => readFileSync(join(address.pki, file));
  const keys = { ca: read('ca.crt'), cert: read('admin.crt'), key: read('admin.key') };
  const agent = new https.Agent({ ...keys, keepAlive: true, maxSockets: 4 });
  return (path, type, body) =>
    new Promise((resolve, reject) => {
      const headers = { 'content-type': type };
      const method = type.includes('patch') ? 'PATCH' : 'POST';
      const request = https.request(`${address.url}${path}`, { agent, method, headers }, (got) => {
        got.resume();
        got.once('end', resolve);
      });
      request.once('error', reject);
      request.end(body);
    });
}

const maps = '/api/v1/namespaces/default/configmaps?dryRun=All';

/** Bodies of some 200 KB whose reading costs much. */
function hostileBodies(): readonly (readonly [path: string, type: string, body: string])[] {
  const keys = Array.from({ length: 20_000 }, (_, at) => `k${at}: v`).join('\n');
  const aliases = Array.from({ length: 9 }, (_, at) =>
    at === 0 ? 'a0: &a0 [x,x,x,x,x,x,x,x,x]' : `a${at}: &a${at} [${`*a${at - 1},`.repeat(9)}]`,
  ).join('\n');
  const copies = Array.from({ length: 10_000 }, (_, at) => ({
    op: 'copy',
    from: '/metadata',
    path: `/metadata/x${at}`,
  }));
  return [
    [maps, 'application/yaml', keys],
    [maps, 'application/yaml', aliases],
    [maps, 'application/yaml', '['.repeat(100_000)],
    [maps, 'application/yaml', `a: ${'- '.repeat(50_000)}`],
    [maps, 'application/json', '['.repeat(200_000)],
    [maps, 'application/json', `{"data":{${'"a":"b",'.repeat(25_000)}"c":"d"}}`],
    ['/api/v1/namespaces/default', 'application/json-patch+json', JSON.stringify(copies)],
  ];
}

/** The same by other ways than a plain object. */
function hostilePatches(): readonly (readonly [path: string, type: string, body: string])[] {
  const keys = Array.from({ length: 20_000 }, (_, at) => `"k${at}":[{}]`).join();
  const path = '/api/v1/namespaces/default?dryRun=All&fieldManager=m';
  const items = Array.from({ length: 20_000 }, (_, at) => `{"op":"test","path":"/k${at}"}`);
  return [
    [path, 'application/merge-patch+json', `{${keys}}`],
    [path, 'application/merge-patch+json', `{"metadata":{${keys}}}`],
    [path, 'application/strategic-merge-patch+json', `{"spec":{${keys}}}`],
    [path, 'application/json-patch+json', `[${items.join()}]`],
    [path, 'application/apply-patch+yaml', `{"apiVersion":"v1","kind":"Namespace",${keys}}`],
    [maps, 'application/vnd.kubernetes.protobuf', `k8s\0${'\x0a\x02\x08\x01'.repeat(50_000)}`],
  ];
}

const reference = { group: '', version: 'v1', namespace: '', name: '', subresource: '' };
const theNamespace = { ...reference, resource: 'namespaces', name: 'default' };
const aConfigMap = { ...reference, resource: 'configmaps', namespace: 'default' };

function resourcesOf({ pki, grpcPort }: ServerAddress): Client<typeof ResourcesDefinition> {
  const read = (file: string): string => readFileSync(join(pki, file), 'utf8');
  const keys = { ca: read('ca.crt'), cert: read('admin.crt'), key: read('admin.key') };
  const target = `127.0.0.1:${grpcPort}`;
  const channel = createGrpcChannel({ target, tls: fixedTls(keys), log: silentLogger });
  return channel.client(ResourcesDefinition);
}

const nothing = (): Buffer => Buffer.alloc(0);
const ping = frame(frameType.ping, 0, 0, Buffer.alloc(8));
const times = (count: number, bytes: Buffer): Buffer =>
  Buffer.concat(Array.from({ length: count }, () => bytes));

/** By what they do; rates are those of one process beside the server on a small machine. */
export const attacks: Readonly<Record<string, Attack>> = {
  'gRPC: one connection holds bytes, 40 MB/s': async ({ grpc }) => hold(grpc, 1),
  'gRPC: six connections hold bytes, 40 MB/s': async ({ grpc }) => hold(grpc, 6),
  'gRPC: gzip bombs of 4 MiB, at most 500/s': async (site) => bombs(site),
  'REST: 1,000 idle connections': async ({ rest }) => {
    await many(1000, () => connect(rest, undefined));
  },
  'REST: 200 slow heads, a byte each 20 ms': async ({ rest }) => {
    const sockets = await many(200, () => connect(rest, {}));
    for (const socket of sockets) socket.write('GET / HTTP/1.1\r\nHost: a\r\na: ');
    repeat(() => {
      for (const socket of sockets) if (!socket.destroyed) socket.write('b');
    });
  },
  'REST: pipelining, 10 connections, 1,000/s, unread': async ({ rest }) => {
    const requests = times(2, Buffer.from('GET /version HTTP/1.1\r\nHost: a\r\n\r\n'));
    for (let count = 0; count < 10; count++) {
      let socket: net.Socket | undefined;
      repeat(async () => {
        if (socket === undefined || socket.destroyed) socket = (await connect(rest, {})).pause();
        if (!socket.writableNeedDrain) socket.write(requests);
      });
    }
    return Promise.resolve();
  },
  'gRPC: pings, 25,000/s, unread': async ({ grpc }) =>
    frames(
      grpc,
      () => call(1, create),
      () => times(500, ping),
      false,
    ),
  'gRPC: settings, 5,000/s': async ({ grpc }) =>
    frames(
      grpc,
      () => call(1, create),
      () => times(100, settingsFrame([3, 100])),
      true,
    ),
  'gRPC: rapid reset, 2,500/s': async ({ grpc }) =>
    frames(
      grpc,
      nothing,
      resets((id) => call(id, create)),
      true,
    ),
  'REST/2: pings, 25,000/s, unread': async ({ rest }) =>
    frames(
      rest,
      () => plainGet(1),
      () => times(500, ping),
      false,
    ),
  'REST/2: settings, 5,000/s': async ({ rest }) =>
    frames(
      rest,
      () => plainGet(1),
      () => times(100, settingsFrame([3, 100])),
      true,
    ),
  'REST/2: rapid reset, 2,500/s': async ({ rest }) => frames(rest, nothing, resets(plainGet), true),
  'TLS handshakes, 50/s': async ({ rest }) =>
    repeat(async () => {
      (await connect(rest, {})).destroy();
    }),
  'REST: hostile bodies of a user, 10/s': async (site) => {
    const send = asUser(site);
    const bodies = hostileBodies();
    let next = 0;
    repeat(async () => {
      const [path, type, body] = bodies[next++ % bodies.length] ?? ['', '', ''];
      await send(path, type, body);
      await delay(clock, 80);
    });
    return Promise.resolve();
  },
  'REST: hostile patches and protobuf of a user, 10/s': async (site) => {
    const send = asUser(site);
    const bodies = hostilePatches();
    let next = 0;
    repeat(async () => {
      const [path, type, body] = bodies[next++ % bodies.length] ?? ['', '', ''];
      await send(path, type, body);
      await delay(clock, 80);
    });
    return Promise.resolve();
  },
  'gRPC: hostile bodies of a user, 10/s': async ({ address }) => {
    const api = resourcesOf(address);
    const bodies = hostileBodies();
    let next = 0;
    repeat(async () => {
      const [, type, body] = bodies[next++ % bodies.length] ?? ['', '', ''];
      const options = { dryRun: true, fieldManager: 'm', fieldValidation: 'Warn' };
      const bytes = Buffer.from(body);
      const sent = type.includes('patch')
        ? api.patch({ ref: theNamespace, patch: bytes, patchType: type, force: false, options })
        : api.create({ ref: aConfigMap, object: bytes, options });
      await sent.catch(() => undefined);
      await delay(clock, 80);
    });
    return Promise.resolve();
  },
  'REST: 220 bodies that stall': async ({ rest, address }) => {
    const read = (file: string): Buffer => readFileSync(join(address.pki, file));
    const keys = { cert: read('admin.crt'), key: read('admin.key') };
    const sockets = await many(220, () => connect(rest, keys));
    const head = `POST ${maps} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n`;
    for (const socket of sockets) socket.write(`${head}Content-Length: 1000\r\n\r\n{`);
  },
};

if (process.send !== undefined) {
  const [name = '', address = '{}'] = process.argv.slice(2);
  const where = JSON.parse(address) as ServerAddress;
  const attack = attacks[name];
  if (attack === undefined) throw new Error(`no attack ${name}`);
  process.on('disconnect', () => process.exit(0));
  await attack({ rest: Number(new URL(where.url).port), grpc: where.grpcPort, address: where });
  process.send('stands');
}
