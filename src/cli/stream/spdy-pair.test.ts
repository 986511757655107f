import { beforeEach, expect, test } from '@jest/globals';
import { Duplex } from 'node:stream';
import { ManualClock } from '../../lib/clock.js';
import type { SpdyStream } from '../../lib/spdy/connection.js';
import { SpdyConnection } from '../../lib/spdy/connection.js';
import { SpdyPair } from './spdy-pair.js';

let told: string[];
let sent: Buffer[];
let pair: SpdyPair;

beforeEach(() => {
  told = [];
  sent = [];
  pair = new SpdyPair({
    send: (bytes) => void sent.push(bytes),
    data: (bytes) => void told.push(`data ${bytes.toString()}`),
    end: () => void told.push('end'),
    reset: () => void told.push('reset'),
    failed: (text) => void told.push(`failed ${text}`),
  });
});

function frame(first: number, flags: number, payload: Buffer | string): Buffer {
  const body = Buffer.from(payload);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(first, 0);
  head.writeUInt8(flags, 4);
  head.writeUIntBE(body.length, 5, 3);
  return Buffer.concat([head, body]);
}

const control = (type: number, flags: number, ...numbers: number[]): Buffer => {
  const body = Buffer.alloc(4 * numbers.length);
  for (const [at, number] of numbers.entries()) body.writeUInt32BE(number, at * 4);
  return frame(0x8003_0000 + type, flags, body);
};

test('a server understands what is sent: two streams with their headers, data, each end', async () => {
  const there = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  const heard: string[] = [];
  const ended = new Promise<void>((resolve) => {
    const onStream = (stream: SpdyStream): void => {
      const type = stream.header('streamType');
      heard.push(`${type} ${stream.header('port')} ${stream.header('requestID')}`);
      stream.onData((bytes) => heard.push(`${type}: ${bytes.toString()}`));
      stream.onEnd(() => {
        heard.push(`${type} ended`);
        if (type === 'data') resolve();
      });
    };
    const server = new SpdyConnection(there, onStream, new ManualClock());
    server.onClose(() => heard.push('closed'));
  });
  await pair.open(8080);
  pair.write(Buffer.from('one'));
  pair.write(Buffer.from('two'));
  pair.end();
  there.push(Buffer.concat(sent));
  await ended;
  there.destroy();
  expect(heard).toEqual([
    'error 8080 0',
    'error ended',
    'data 8080 0',
    'data: one',
    'data: two',
    'data ended',
  ]);
});

test('frames are read wherever the bytes are cut', () => {
  const bytes = Buffer.concat([
    control(2, 0, 1, 0, 0),
    frame(3, 0, 'abc'),
    control(6, 0, 7),
    frame(3, 0, ''),
    frame(1, 0, 'no '),
    frame(1, 1, 'way'),
    frame(3, 1, 'd'),
  ]);
  for (let size = 1; size <= bytes.length; size++) {
    told = [];
    for (let at = 0; at < bytes.length; at += size) pair.receive(bytes.subarray(at, at + size));
    const data = told.filter((text) => text.startsWith('data ')).map((text) => text.slice(5));
    expect({ size, data: data.join('') }).toEqual({ size, data: 'abcd' });
    expect(told.filter((text) => !text.startsWith('data '))).toEqual(['failed no way', 'end']);
  }
});

test.each([
  ['the end of the stream of errors with nothing said is no failure', frame(1, 1, ''), []],
  ['data of a stream that is not ours are passed over', frame(5, 1, 'x'), []],
  ['a reset of the data breaks the connection off', control(3, 0, 3, 5), ['reset']],
  ['a reset of the errors does not', control(3, 0, 1, 5), []],
  ['a reply may end the stream at once', control(2, 1, 3), ['end']],
  ['a go-away ends nothing by itself', control(7, 0, 3, 0), []],
])('%s', (_, bytes, expected) => {
  pair.receive(bytes);
  expect(told).toEqual(expected);
  expect(sent).toEqual([]);
});

test("a ping of the server's is answered as it came; an answer to one of ours is not", () => {
  const ping = control(6, 0, 2);
  pair.receive(ping);
  expect(sent).toEqual([ping]);
  pair.receive(control(6, 0, 1));
  expect(sent).toHaveLength(1);
});

test('of words without end a part is kept', () => {
  for (let at = 0; at < 10; at++) pair.receive(frame(1, 0, Buffer.alloc(16_384, 'a')));
  pair.receive(frame(1, 1, ''));
  expect(told.map((text) => text.length)).toEqual(['failed '.length + 65_536]);
});
