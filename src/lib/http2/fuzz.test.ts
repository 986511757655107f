/**
 * The input of a broken or hostile peer: recorded streams of both roles, mutated, cut, repeated and put in another
 * order, and frames that nobody recorded. Nothing may be thrown, every stream ends once, nothing stays held. By hand,
 * for longer: `FUZZ_SEED=100000 FUZZ_RUNS=1000000`.
 */
import { test } from '@jest/globals';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { ManualClock } from '../clock.js';
import { Prng } from '../prng.js';
import { ClientConnection } from './client-connection.js';
import type { Http2Connection } from './connection.js';
import { flag, frameType as type, limits, preface, setting } from './constants.js';
import { encodeFields } from './hpack-encoder.js';
import { frame, grpcMessage, numberFrame, settingsFrame } from './testkit/raw-peer.js';
import { answerBlock, notesIn, requestBlock, serve, trailerBlock } from './testkit/test-server.js';
import { mustEqual } from '../testkit/must-equal.js';

const seed = Number(process.env['FUZZ_SEED'] ?? 1);
const runs = Number(process.env['FUZZ_RUNS'] ?? 1000);
const { endHeaders, endStream, padded, ack } = flag;
const both = endHeaders | endStream;
const message = grpcMessage(Buffer.from('hello'));

/** A socket whose peer takes all at once, or nothing. */
function quietSocket(reads: boolean): Socket {
  const duplex = new Duplex({
    read: () => undefined,
    write: (_chunk, _encoding, done) => {
      if (reads) done();
    },
  });
  duplex.on('error', () => undefined);
  return duplex as Socket;
}

const fromClient: readonly Buffer[] = [
  settingsFrame([setting.initialWindowSize, 1000], [setting.headerTableSize, 100]),
  numberFrame(type.windowUpdate, 0, 1_000_000),
  frame(type.headers, endHeaders, 1, requestBlock('/echo')),
  frame(type.data, 0, 1, message),
  frame(type.headers, endStream, 3, requestBlock('/size/5000').subarray(0, 9)),
  frame(type.continuation, endHeaders, 3, requestBlock('/size/5000').subarray(9)),
  frame(type.data, padded | endStream, 1, [2, 7, 7, 0, 0]),
  numberFrame(type.windowUpdate, 3, 500),
  frame(type.ping, 0, 0, Buffer.alloc(8)),
  frame(type.settings, ack, 0),
  frame(
    type.headers,
    endHeaders,
    5,
    Buffer.concat([Buffer.from('400161016240026363023333', 'hex'), requestBlock('/hang')]),
  ),
  frame(type.headers, endHeaders, 7, requestBlock('/pause', [['a', 'b'.repeat(300)]])),
  frame(type.data, 0, 7, Buffer.alloc(3000)),
  settingsFrame([setting.initialWindowSize, 10]),
  numberFrame(type.rstStream, 5, 8),
  frame(type.headers, both, 7, encodeFields([['a', 'trailer']])),
  settingsFrame([setting.initialWindowSize, 100_000]),
  frame(type.priority, 0, 9, [0, 0, 0, 3, 1]),
  frame(type.headers, both, 9, Buffer.concat([Buffer.from('bebf', 'hex')])),
  frame(type.goaway, 0, 0, Buffer.alloc(8)),
];

const fromServer: readonly Buffer[] = [
  settingsFrame([setting.maxConcurrentStreams, 3], [setting.initialWindowSize, 10]),
  numberFrame(type.windowUpdate, 0, 1_000_000),
  frame(type.settings, ack, 0),
  frame(type.headers, endHeaders, 1, answerBlock),
  numberFrame(type.windowUpdate, 1, 100_000),
  frame(type.data, 0, 1, message),
  frame(type.headers, both, 1, trailerBlock),
  frame(type.headers, endHeaders, 3, encodeFields([[':status', '103']])),
  frame(
    type.headers,
    endHeaders,
    3,
    Buffer.concat([answerBlock, Buffer.from('4001610162', 'hex')]),
  ),
  frame(type.data, padded, 3, [1, ...message, 0]),
  frame(type.ping, 0, 0, Buffer.alloc(8)),
  settingsFrame([setting.initialWindowSize, 200_000], [setting.maxConcurrentStreams, 5]),
  numberFrame(type.rstStream, 5, 7),
  frame(type.headers, both, 3, Buffer.from('be', 'hex')),
  frame(type.headers, both, 7, Buffer.concat([answerBlock, trailerBlock])),
  frame(type.goaway, 0, 0, [0, 0, 0, 9, 0, 0, 0, 0, 0x61]),
];

function randomFrame(prng: Prng): Buffer {
  const length = prng.pick([0, 1, 4, 5, 6, 8, 9, 40, 300]);
  const payload = Buffer.from(
    Array.from({ length }, () => prng.pick([0, 0, 1, 0x82, 0x7f, 0xff, prng.below(256)])),
  );
  const id = prng.pick([0, 1, 3, 5, 7, 9, 11, 2, 0x7fffffff]);
  return frame(prng.below(11), prng.pick([0, 1, 4, 5, 8, 0x20, 0x2d, 0xff]), id, payload);
}

function mutate(prng: Prng, recorded: readonly Buffer[]): Buffer {
  const frames: Buffer[] = recorded.map((one) => Buffer.from(one));
  for (let count = prng.below(6); count > 0; count--) {
    const at = prng.below(frames.length);
    const one = frames[at] as Buffer;
    switch (prng.below(8)) {
      case 0:
        frames.splice(at, 1);
        if (frames.length === 0) frames.push(one);
        break;
      case 1:
        frames.splice(at, 0, Buffer.from(frames[prng.below(frames.length)] as Buffer));
        break;
      case 2: {
        const other = prng.below(frames.length);
        frames[at] = frames[other] as Buffer;
        frames[other] = one;
        break;
      }
      case 3:
        frames.splice(at, 0, randomFrame(prng));
        break;
      case 4:
        frames[at] = one.subarray(0, prng.below(one.length + 1));
        break;
      case 5:
        for (let times = prng.below(300); times > 0; times--) frames.splice(at, 0, one);
        break;
      default:
        if (one.length > 0) one[prng.below(one.length)] = prng.below(256);
    }
  }
  const bytes = Buffer.concat(frames);
  return prng.chance({ numerator: 1, denominator: 4 })
    ? bytes.subarray(0, prng.below(bytes.length + 1))
    : bytes;
}

/** Feeds the bytes in pieces, and lets what was written go now and then. */
async function feed(prng: Prng, connection: Http2Connection, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const length = prng.pick([1, 5, 9, 50, 1000, bytes.length]);
    connection.receive(bytes.subarray(at, at + length));
    at += length;
    mustEqual(connection.writer.waitingBytes < limits.socketBytesHigh * 2, true);
    if (prng.chance({ numerator: 1, denominator: 20 })) await Promise.resolve();
  }
}

function check(
  name: string,
  connection: Http2Connection,
  ends: readonly unknown[],
  told: readonly (readonly string[])[],
): void {
  connection.destroy();
  const closes = told.map((list) => list.filter((what) => what.startsWith('closed')).length);
  const state = { ends: ends.length, held: connection.heldBytes, streams: connection.streamCount };
  mustEqual([name, state], [name, { ends: 1, held: 0, streams: 0 }]);
  mustEqual([name, closes.every((count) => count === 1)], [name, true]);
  for (const list of told) mustEqual([name, list.at(-1)?.startsWith('closed')], [name, true]);
}

test('a server outlives whatever clients send', async () => {
  for (let run = seed; run < seed + runs; run++) {
    const prng = new Prng(run);
    const socket = quietSocket(prng.chance({ numerator: 1, denominator: 2 }));
    const { connection, requests, ends } = serve(socket, { clock: new ManualClock() });
    await feed(prng, connection, Buffer.concat([preface, mutate(prng, fromClient)]));
    check(
      `seed ${run}`,
      connection,
      ends,
      requests.map((one) => one.told),
    );
  }
}, 3_600_000);

test('a client outlives whatever servers send', async () => {
  for (let run = seed; run < seed + runs; run++) {
    const prng = new Prng(run);
    const socket = quietSocket(prng.chance({ numerator: 1, denominator: 2 }));
    const ends: unknown[] = [];
    const events = { onClosed: (error: Error | undefined) => void ends.push(error) };
    const connection = new ClientConnection(socket, events, new ManualClock());
    const told = Array.from({ length: 7 }, (): string[] => []);
    for (const list of told) {
      connection.request((stream) => {
        if (stream === undefined) {
          list.push('closed: none');
          return;
        }
        stream.handler = notesIn(list);
        stream.headers(requestBlock('/a'), false);
        stream.endWith(Buffer.alloc(30));
      });
    }
    await feed(prng, connection, mutate(prng, fromServer));
    check(`seed ${run}`, connection, ends, told);
  }
}, 3_600_000);
