/**
 * Bounds of the memory and descriptors that peers without credentials can make the API server and the store hold: each
 * attack runs against the real processes, which are measured, while a well-behaved client is served beside it. Bytes
 * are asserted, against the limits file; the times of the client are printed.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import * as http from 'node:http';
import * as https from 'node:https';
import type * as net from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { delay, systemClock } from '../../src/lib/clock.js';
import { flag, frameType, preface } from '../../src/lib/http2/constants.js';
import { encodeFields } from '../../src/lib/http2/hpack-encoder.js';
import { frame, RawPeer, settingsFrame } from '../../src/lib/http2/testkit/raw-peer.js';
import {
  connectionLimits,
  http1Limits,
  listenerLimits,
  unknownPeer,
} from '../../src/lib/net-limits.js';
import { canRun } from '../cluster/apiserver-harness.js';
import { waitFor } from '../cluster/etcd-processes.js';
import { connect, heldBy, startTargets } from './targets.js';
import type { Target, Targets } from './targets.js';

const clock = systemClock({ unref: true });
const megabyte = 1024 * 1024;
/** Garbage, buffers of sockets, and what a connection weighs beside what is counted. */
const slackBytes = 150 * megabyte;
const h2 = { ALPNProtocols: ['h2'] };
let targets: Targets | undefined;

beforeAll(async () => {
  if (canRun) targets = await startTargets();
}, 60_000);

afterAll(async () => {
  await targets?.stop();
});

function target(name: string): Target {
  const found = targets?.all.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
}

/** Asks for something every few milliseconds until it is stopped. @returns the 99th percentile of the answers' times */
function behave(ask: () => Promise<void>): () => Promise<number> {
  const times: number[] = [];
  const over = new AbortController();
  const asking = (async () => {
    while (!over.signal.aborted) {
      const startMs = clock.monotonicMs();
      await ask();
      times.push(clock.monotonicMs() - startMs);
      await delay(clock, 5);
    }
  })();
  return async () => {
    over.abort();
    await asking;
    times.sort((a, b) => a - b);
    return times[Math.floor(times.length * 0.99)] ?? 0;
  };
}

function get(request: http.ClientRequest): Promise<void> {
  return new Promise((resolve, reject) => {
    request.once('error', reject);
    request.once('response', (response) => {
      response.resume();
      response.once('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`answered ${response.statusCode ?? 0}`));
      });
    });
    request.end();
  });
}

/** A client with a certificate at the API server, or one of the store. */
function goodClient(name: string): () => Promise<void> {
  const { port } = target(name);
  if (name === 'store') {
    const agent = new http.Agent({ keepAlive: true });
    return () => get(http.request({ host: '127.0.0.1', port, path: '/health', agent }));
  }
  const read = (file: string): Buffer => readFileSync(join(targets?.harness.pki ?? '', file));
  const keys = { ca: read('ca.crt'), cert: read('admin.crt'), key: read('admin.key') };
  const agent = new https.Agent({ ...keys, keepAlive: true });
  const url = targets?.harness.url ?? '';
  return () => get(https.request(`${url}/api/v1/namespaces`, { agent }));
}

interface Attack {
  readonly at: 'API server' | 'API server gRPC' | 'store';
  /** The bytes that the process may hold during the attack, beside the slack. */
  readonly heldBytes: number;
  /** @returns sockets that are open; they are destroyed afterwards */
  readonly run: (port: number) => Promise<net.Socket[]>;
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

const watch = '/trireme.api.v1.Resources/Watch';
const create = '/trireme.api.v1.Resources/Create';
const part = Buffer.alloc(16_384);

/** Writes as long as the peer takes it, at most so much, and not for ever. @returns whether all of it was taken */
async function flood(socket: net.Socket, bytes: Buffer, times: number): Promise<boolean> {
  for (let count = 0; count < times && !socket.destroyed; count++) {
    if (socket.write(bytes)) continue;
    const untilMs = clock.monotonicMs() + 300;
    while (socket.writableNeedDrain && !socket.destroyed && clock.monotonicMs() < untilMs) {
      await delay(clock, 2);
    }
    if (socket.writableNeedDrain) return false;
  }
  return true;
}

/**
 * A peer that took nothing of so many streams in a row, of a megabyte each and for twelve seconds, reads no more: the
 * rest would only lie in our own memory. They are more than twice what a connection may hold.
 */
const untakenMax = 40;

/** A connection of gRPC whose peer says so much on each of many streams. */
async function streams(
  port: number,
  path: string,
  bytes: number,
  secure: boolean,
): Promise<net.Socket> {
  const socket = await connect(port, secure ? h2 : undefined);
  const peer = new RawPeer(socket);
  peer.send(preface, settingsFrame());
  const head = Buffer.from([0, 0, 0x2f, 0xff, 0xff]);
  let untaken = 0;
  for (let id = 1; id < 2 * unknownPeer.streams && untaken < untakenMax; id += 2) {
    if (socket.destroyed) break;
    socket.write(Buffer.concat([call(id, path), frame(frameType.data, 0, id, head)]));
    const parts = Array.from({ length: Math.floor(bytes / part.length) }, () =>
      frame(frameType.data, 0, id, part),
    );
    untaken = (await flood(socket, Buffer.concat(parts), 1)) ? 0 : untaken + 1;
  }
  return socket;
}

const attacks: readonly (readonly [name: string, attack: Attack])[] = [
  [
    'unfinished messages on all streams of one gRPC connection',
    {
      at: 'API server gRPC',
      heldBytes: unknownPeer.receivedBytes,
      run: async (port) => [await streams(port, create, megabyte - 65_536, true)],
    },
  ],
  [
    'unfinished messages on all streams of six gRPC connections',
    {
      at: 'API server gRPC',
      heldBytes: listenerLimits.unknownPeersBytes,
      run: (port) =>
        Promise.all(
          Array.from({ length: 6 }, () => streams(port, create, megabyte - 65_536, true)),
        ),
    },
  ],
  [
    'messages that inflate, and that nobody reads',
    {
      at: 'API server gRPC',
      heldBytes: listenerLimits.unknownPeersBytes,
      run: async (port) => {
        const socket = await connect(port, h2);
        new RawPeer(socket).send(preface, settingsFrame());
        const bomb = gzipSync(Buffer.alloc(2 * megabyte));
        const message = Buffer.concat([Buffer.from([1, 0, 0, 0, 0]), bomb]);
        message.writeUInt32BE(bomb.length, 1);
        for (let id = 1; id < 120; id += 2) {
          socket.write(call(id, watch, [['grpc-encoding', 'gzip']]));
          await flood(socket, frame(frameType.data, 0, id, message), 3);
        }
        return [socket];
      },
    },
  ],
  [
    'connections without a request, as many as one address may have and more',
    {
      at: 'API server',
      heldBytes: 500 * 64 * 1024,
      run: (port) => Promise.all(Array.from({ length: 500 }, () => connect(port, undefined))),
    },
  ],
  [
    'heads of HTTP/1.1 that do not end',
    {
      at: 'API server',
      heldBytes: 200 * (http1Limits.headBytes + 65_536),
      run: async (port) => {
        const sockets = await Promise.all(Array.from({ length: 200 }, () => connect(port, {})));
        const field = `a: ${'b'.repeat(1000)}\r\n`.repeat(50);
        for (const socket of sockets) socket.write(`GET / HTTP/1.1\r\nHost: a\r\n${field}`);
        return sockets;
      },
    },
  ],
  [
    'requests of HTTP/1.1 that do not wait for answers, which nobody reads',
    {
      at: 'store',
      heldBytes: 10 * http1Limits.pipelined * 65_536,
      run: async (port) => {
        const sockets = await Promise.all(
          Array.from({ length: 10 }, () => connect(port, undefined)),
        );
        const requests = Buffer.from('GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(10));
        for (const socket of sockets) {
          socket.pause();
          await flood(socket, requests, 50);
        }
        return sockets;
      },
    },
  ],
  [
    'pings whose answers nobody reads',
    {
      at: 'store',
      heldBytes: 5 * 8 * megabyte,
      run: async (port) => {
        const sockets = await Promise.all(
          Array.from({ length: 5 }, () => connect(port, undefined)),
        );
        const pings = Buffer.concat(
          Array.from({ length: 500 }, () => frame(frameType.ping, 0, 0, Buffer.alloc(8))),
        );
        for (const socket of sockets) {
          socket.pause();
          socket.write(
            Buffer.concat([preface, settingsFrame(), call(1, '/etcdserverpb.KV/Range')]),
          );
          await flood(socket, pings, 200);
        }
        return sockets;
      },
    },
  ],
];

(canRun ? describe : describe.skip)('without credentials', () => {
  test.each(attacks)(
    '%s',
    async (name, { at, heldBytes, run }) => {
      const { pid, port } = target(at);
      const ask = goodClient(at === 'store' ? 'store' : 'API server');
      await ask();
      const quiet = behave(ask);
      await delay(clock, 500);
      const quietMs = await quiet();
      const before = heldBy(pid);
      let mostBytes = 0;
      const stopWatching = new AbortController();
      const watching = (async () => {
        while (!stopWatching.signal.aborted) {
          mostBytes = Math.max(mostBytes, heldBy(pid).residentBytes);
          await delay(clock, 10);
        }
      })();
      const beside = behave(ask);
      const sockets = await run(port);
      const besideMs = await beside();
      stopWatching.abort();
      await watching;
      for (const socket of sockets) socket.destroy();
      await waitFor(
        'the descriptors are back',
        () => heldBy(pid).descriptors <= before.descriptors + 3,
      );
      await ask();
      const grown = mostBytes - before.residentBytes;
      process.stdout.write(
        `${name}: ${Math.round(grown / megabyte)} MiB more; p99 of the other client ` +
          `${quietMs.toFixed(1)} ms, beside it ${besideMs.toFixed(1)} ms\n`,
      );
      expect(grown).toBeLessThan(heldBytes + slackBytes);
    },
    120_000,
  );

  test('one address gets no more connections than its bound, and another client its answer', async () => {
    const { pid, port, probe } = target('store');
    const before = heldBy(pid);
    const asked = connectionLimits.perAddress + 100;
    const sockets: net.Socket[] = [];
    for (let count = 0; count < asked; count += 100) {
      const more = await Promise.all(
        Array.from({ length: 100 }, () => connect(port, undefined).catch(() => undefined)),
      );
      sockets.push(...more.filter((socket) => socket !== undefined));
    }
    await waitFor(
      'the bound',
      () => heldBy(pid).descriptors - before.descriptors <= connectionLimits.perAddress,
    );
    for (const socket of sockets) socket.destroy();
    await waitFor(
      'the descriptors are back',
      () => heldBy(pid).descriptors <= before.descriptors + 3,
    );
    await probe();
  }, 60_000);
});
