import { afterEach, expect, test } from '@jest/globals';
import { systemClock } from '../clock.js';
import { ClientConnection } from './client-connection.js';
import { errorCode as code, flag, frameType as type, preface, setting } from './constants.js';
import { encodeFields } from './hpack-encoder.js';
import {
  frame,
  numberFrame,
  RawPeer,
  settingsFrame,
  socketPair,
  until,
} from './testkit/raw-peer.js';
import type { StreamHandler } from './stream.js';
import {
  answerBlock,
  both,
  hello as message,
  requestBlock,
  trailerBlock,
} from './testkit/test-server.js';

const { endHeaders } = flag;

/** The outcome of one request. */
class Answer implements StreamHandler {
  readonly told: string[] = [];

  onHeaders(): void {
    this.told.push('headers');
  }

  onData(chunk: Buffer): void {
    this.told.push(`data ${chunk.length}`);
  }

  onEnd(): void {
    this.told.push('end');
  }

  onWritable(): void {
    this.told.push('writable');
  }

  onClosed(reset: number | undefined): void {
    this.told.push(`closed ${reset ?? ''}`);
  }
}

interface Client {
  readonly connection: ClientConnection;
  readonly peer: RawPeer;
  readonly ends: (Error | undefined)[];
  /** Begins a request, which the peer sees whole. */
  readonly request: () => Answer;
}

const clients: Client[] = [];

async function start(): Promise<Client> {
  const [here, there] = await socketPair();
  const peer = new RawPeer(there, { reads: false });
  peer.read(preface.length);
  const ends: (Error | undefined)[] = [];
  const events = { onClosed: (error: Error | undefined) => void ends.push(error) };
  const connection = new ClientConnection(here, events, systemClock({ unref: true }));
  const client: Client = {
    connection,
    peer,
    ends,
    request: () => {
      const answer = new Answer();
      connection.request((stream) => {
        if (stream === undefined) {
          answer.onClosed(-1);
          return;
        }
        stream.handler = answer;
        stream.headers(requestBlock('/a'), false);
        stream.endWith(Buffer.from('hello'));
      });
      return answer;
    },
  };
  clients.push(client);
  return client;
}

afterEach(() => {
  for (const { connection, peer } of clients.splice(0)) {
    connection.destroy();
    peer.socket.destroy();
  }
});

type Pair = readonly [string, string];
const ok: readonly Pair[] = [[':status', '200']];
const twice = (pair: Pair): Pair[] => [pair, pair];
const reversed = (...pairs: Pair[]): Pair[] => pairs.reverse();

function answer(id: number): Buffer {
  return Buffer.concat([
    frame(type.headers, endHeaders, id, answerBlock),
    frame(type.data, 0, id, message),
    frame(type.headers, both, id, trailerBlock),
  ]);
}

function headers(id: number, fields: readonly (readonly [string, string])[], flags = both): Buffer {
  return frame(type.headers, flags, id, encodeFields(fields));
}

test.each([
  ['PING before SETTINGS', [frame(type.ping, 0, 0, Buffer.alloc(8))], code.protocolError],
  ['ENABLE_PUSH of 1', [settingsFrame([setting.enablePush, 1])], code.protocolError],
  [
    'INITIAL_WINDOW_SIZE of 2^31',
    [settingsFrame([setting.initialWindowSize, 2 ** 31])],
    code.flowControlError,
  ],
  ['an answer to no request', [settingsFrame(), answer(3)], code.protocolError],
  ['HEADERS on an even stream', [settingsFrame(), answer(2)], code.protocolError],
  ['DATA on an idle stream', [settingsFrame(), frame(type.data, 0, 3, [1])], code.protocolError],
  [
    'RST_STREAM on an even stream',
    [settingsFrame(), numberFrame(type.rstStream, 2, 8)],
    code.protocolError,
  ],
  [
    'PUSH_PROMISE',
    [settingsFrame(), frame(type.pushPromise, endHeaders, 1, [0, 0, 0, 2, 0x88])],
    code.protocolError,
  ],
  [
    'no valid header block',
    [settingsFrame(), frame(type.headers, both, 1, [0x80])],
    code.compressionError,
  ],
])('%s ends the connection', async (_name, bytes, expected) => {
  const { peer, request, ends } = await start();
  const call = request();
  await until(() => peer.hasEnded(1), 'the request');
  peer.send(...bytes);
  await until(() => peer.closed, 'the end');
  expect(peer.goawayCode).toBe(expected);
  expect(call.told).toEqual(['closed ']);
  expect(ends).toMatchObject([{ code: expected }]);
  expect(request().told).toEqual(['closed -1']);
});

test.each([
  ['headers without status', [headers(1, [['a', 'b']], endHeaders)], code.protocolError],
  [
    'a request instead of an answer',
    [frame(type.headers, endHeaders, 1, requestBlock('/a'))],
    code.protocolError,
  ],
  [
    'an upper-case name',
    [
      headers(1, [
        [':status', '200'],
        ['A', 'b'],
      ]),
    ],
    code.protocolError,
  ],
  ['DATA before headers', [frame(type.data, 0, 1, message)], code.protocolError],
  ['an informational answer that ends', [headers(1, [[':status', '100']])], code.protocolError],
  [
    'trailers that end nothing',
    [frame(type.headers, endHeaders, 1, answerBlock), headers(1, [['a', 'b']], endHeaders)],
    code.protocolError,
  ],
  [
    'trailers with a status',
    [frame(type.headers, endHeaders, 1, answerBlock), headers(1, [[':status', '200']])],
    code.protocolError,
  ],
  ['WINDOW_UPDATE of 0', [numberFrame(type.windowUpdate, 1, 0)], code.protocolError],
  ...(
    [
      ['a status that is none (8.3.2)', [[':status', '20']]],
      ['a status of 101 (8.6)', [[':status', '101']]],
      ['a status twice (8.3)', [...twice([':status', '200'])]],
      ['a status after another field (8.3)', [...reversed([':status', '200'], ['a', 'b'])]],
      ['an unknown pseudo field (8.3)', [...ok, [':x', 'y']]],
      ['NUL in a value (8.2.1)', [...ok, ['a', 'b\0']]],
      ['connection (8.2.2)', [...ok, ['connection', 'close']]],
      ['transfer-encoding (8.2.2)', [...ok, ['transfer-encoding', 'chunked']]],
      ['a content-length without content (8.1.1)', [...ok, ['content-length', '5']]],
      ['a content-length that is none (8.1.1)', [...ok, ['content-length', 'x']]],
    ] as readonly (readonly [string, readonly (readonly [string, string])[]])[]
  ).map(([name, fields]) => [name, [headers(1, fields)], code.protocolError] as const),
  [
    'more than content-length (8.1.1)',
    [headers(1, [...ok, ['content-length', '9']], endHeaders), frame(type.data, 0, 1, message)],
    code.protocolError,
  ],
  [
    'less than content-length, then trailers (8.1.1)',
    [
      headers(1, [...ok, ['content-length', '11']], endHeaders),
      frame(type.data, 0, 1, message),
      frame(type.headers, both, 1, trailerBlock),
    ],
    code.protocolError,
  ],
])('%s ends the stream alone', async (_name, bytes, expected) => {
  const { peer, request } = await start();
  const call = request();
  const other = request();
  await until(() => peer.hasEnded(3), 'the requests');
  peer.send(settingsFrame(), ...bytes, answer(3));
  await until(() => other.told.includes('closed '), 'the other answer');
  await until(() => peer.count(type.rstStream) > 0, 'the reset');
  expect(peer.resetCode(1)).toBe(expected);
  expect(call.told.at(-1)).toBe(`closed ${expected}`);
  expect(other.told).toEqual(['headers', 'data 10', 'headers', 'end', 'closed ']);
  expect(peer.goawayCode).toBeUndefined();
});

test('blanks at the ends of values are let pass, which Go sends, and a content-length that is right', async () => {
  const { peer, request } = await start();
  const call = request();
  await until(() => peer.hasEnded(1), 'the request');
  peer.send(settingsFrame(), headers(1, [...ok, ['content-length', '10']], endHeaders));
  peer.send(frame(type.data, 0, 1, message), headers(1, [['grpc-message', ' a ']]));
  await until(() => call.told.includes('closed '), 'the answer');
  expect(call.told).toEqual(['headers', 'data 10', 'headers', 'end', 'closed ']);
});

test('informational answers, unknown frames and late frames are passed over', async () => {
  const { peer, request } = await start();
  const call = request();
  await until(() => peer.hasEnded(1), 'the request');
  peer.send(settingsFrame(), frame(0xbe, 1, 1), headers(1, [[':status', '103']], endHeaders));
  peer.send(answer(1), frame(type.data, 0, 1, [1]), numberFrame(type.rstStream, 1, code.noError));
  await until(() => call.told.includes('closed '), 'the answer');
  const next = request();
  await until(() => peer.hasEnded(3), 'the next request');
  peer.send(answer(3));
  await until(() => next.told.includes('closed '), 'the next answer');
  expect(call.told).toEqual(['headers', 'data 10', 'headers', 'end', 'closed ']);
});

test('the limit of streams is kept, lowered on the way and raised again', async () => {
  const { peer, request, connection } = await start();
  peer.send(settingsFrame([setting.maxConcurrentStreams, 3]));
  await until(
    () => peer.frames.some((seen) => seen.type === type.settings && seen.flags === 1),
    'settings',
  );
  const calls = Array.from({ length: 8 }, () => request());
  await until(() => peer.hasEnded(5), 'three requests');
  peer.send(
    settingsFrame([setting.maxConcurrentStreams, 1]),
    answer(1),
    frame(type.ping, 0, 0, Buffer.alloc(8)),
  );
  await until(() => peer.of(type.ping).length === 1, 'the pong');
  expect(peer.count(type.headers)).toBe(3);
  peer.send(answer(3), answer(5));
  await until(() => peer.hasEnded(7), 'the next one');
  expect(peer.count(type.headers)).toBe(4);
  expect(connection.streamCount).toBe(1);
  peer.send(settingsFrame([setting.maxConcurrentStreams, 0]), answer(7));
  await until(() => calls[3]?.told.at(-1) === 'closed ', 'its answer');
  expect(peer.count(type.headers)).toBe(4);
  peer.send(settingsFrame([setting.maxConcurrentStreams, 100]));
  await until(() => peer.hasEnded(15), 'all others');
  for (let id = 9; id <= 15; id += 2) peer.send(answer(id));
  await until(() => calls.every((call) => call.told.at(-1) === 'closed '), 'all answers');
});

test('requests that nobody wants any more when their turn comes never reach the server', async () => {
  const { peer, request, connection } = await start();
  peer.send(settingsFrame([setting.maxConcurrentStreams, 1]));
  await until(
    () => peer.frames.some((seen) => seen.type === type.settings && seen.flags === 1),
    'settings',
  );
  const first = request();
  for (let count = 0; count < 20_000; count++) {
    connection.request((stream) => stream?.reset(code.cancel));
  }
  const last = request();
  await until(() => peer.hasEnded(1), 'the request');
  peer.send(answer(1));
  const id = 3 + 2 * 20_000;
  await until(() => peer.hasEnded(id), 'the last request');
  peer.send(answer(id));
  await until(() => last.told.includes('closed '), 'the last answer');
  expect(first.told.at(-1)).toBe('closed ');
  expect(peer.count(type.rstStream)).toBe(0);
  expect(peer.count(type.headers)).toBe(2);
});

test('GOAWAY: streams above the last are refused, those below it finish, those that wait are told', async () => {
  const { peer, request, ends } = await start();
  peer.send(settingsFrame([setting.maxConcurrentStreams, 3]));
  await until(
    () => peer.frames.some((seen) => seen.type === type.settings && seen.flags === 1),
    'settings',
  );
  const calls = Array.from({ length: 5 }, () => request());
  await until(() => peer.hasEnded(5), 'the requests');
  const payload = Buffer.alloc(8);
  payload.writeUInt32BE(3);
  peer.send(frame(type.goaway, 0, 0, payload));
  await until(() => calls[4]?.told.length === 1, 'the word to those that wait');
  const refused = [`closed ${code.refusedStream}`];
  expect(calls.map((call) => call.told)).toEqual([[], [], refused, ['closed -1'], ['closed -1']]);
  expect(request().told).toEqual(['closed -1']);
  expect(peer.count(type.headers)).toBe(3);
  peer.send(answer(3), answer(1));
  await until(() => peer.closed, 'the end');
  expect(calls[0]?.told.at(-1)).toBe('closed ');
  expect(calls[1]?.told.at(-1)).toBe('closed ');
  expect(ends).toEqual([undefined]);
});
