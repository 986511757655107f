import { afterEach, expect, test } from '@jest/globals';
import { ManualClock } from '../clock.js';
import {
  errorCode as code,
  flag,
  frameType as type,
  limits,
  preface,
  setting,
} from './constants.js';
import { knownPeer } from '../net-limits.js';
import { Http2Error } from './errors.js';
import { encodeFields } from './hpack-encoder.js';
import { frame, numberFrame, settingsFrame, until } from './testkit/raw-peer.js';
import {
  both,
  hello as message,
  requestBlock,
  requestFrame as request,
  TestServers,
  times,
} from './testkit/test-server.js';

const { endHeaders, endStream, padded, priority, ack } = flag;
const settings = settingsFrame();

function headers(id: number, fields: readonly (readonly [string, string])[], flags = both): Buffer {
  return frame(type.headers, flags, id, encodeFields(fields));
}

function requests(count: number, frames: (id: number) => Buffer[]): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, at) => frames(2 * at + 1)).flat());
}

const servers = new TestServers();
const start = servers.start.bind(servers);

afterEach(() => servers.end());

/** Each ends the connection with its code. */
const connectionErrors: readonly [name: string, bytes: Buffer[], code: number][] = [
  ['SETTINGS on a stream', [frame(type.settings, 0, 1)], code.protocolError],
  ['SETTINGS of five bytes', [frame(type.settings, 0, 0, [0, 1, 0, 0, 0])], code.frameSizeError],
  [
    'SETTINGS that acknowledge and set',
    [frame(type.settings, ack, 0, [0, 1, 0, 0, 0, 0])],
    code.frameSizeError,
  ],
  ['ENABLE_PUSH of 2', [settingsFrame([setting.enablePush, 2])], code.protocolError],
  [
    'INITIAL_WINDOW_SIZE of 2^31',
    [settingsFrame([setting.initialWindowSize, 2 ** 31])],
    code.flowControlError,
  ],
  ['MAX_FRAME_SIZE of 16383', [settingsFrame([setting.maxFrameSize, 16_383])], code.protocolError],
  ['MAX_FRAME_SIZE of 2^24', [settingsFrame([setting.maxFrameSize, 2 ** 24])], code.protocolError],
  ['too many SETTINGS', [times(limits.settings.burst + 50, settings)], code.enhanceYourCalm],
  ['DATA on stream 0', [frame(type.data, 0, 0, [1])], code.protocolError],
  ['DATA on an idle stream', [frame(type.data, 0, 1, [1])], code.protocolError],
  [
    'DATA on a stream above the last',
    [request(1, '/echo'), frame(type.data, 0, 3)],
    code.protocolError,
  ],
  ['DATA on an even stream', [request(3, '/echo'), frame(type.data, 0, 2)], code.protocolError],
  [
    'DATA with more padding than frame',
    [request(1, '/hang', endHeaders), frame(type.data, padded, 1, [4, 0, 0, 0])],
    code.protocolError,
  ],
  [
    'padded DATA without length of the padding',
    [request(1, '/hang', endHeaders), frame(type.data, padded, 1)],
    code.frameSizeError,
  ],
  ['HEADERS on stream 0', [request(0, '/echo')], code.protocolError],
  ['HEADERS on an even stream', [request(2, '/echo')], code.protocolError],
  [
    'HEADERS with more padding than frame',
    [frame(type.headers, both | padded, 1, [3, 0x82, 0])],
    code.protocolError,
  ],
  [
    'padding that covers the priority',
    [frame(type.headers, both | padded | priority, 1, [1, 0, 0, 0, 0, 0])],
    code.protocolError,
  ],
  [
    'padded HEADERS without length of the padding',
    [frame(type.headers, both | padded, 1)],
    code.frameSizeError,
  ],
  [
    'HEADERS too short for their priority',
    [frame(type.headers, both | priority, 1, [0, 0, 0, 0])],
    code.frameSizeError,
  ],
  [
    'new HEADERS on a stream that is over',
    [request(1, '/echo'), request(3, '/echo'), request(1, '/echo', endHeaders)],
    code.streamClosed,
  ],
  [
    'a PING within a header block',
    [request(1, '/echo', endStream), frame(type.ping, 0, 0, Buffer.alloc(8))],
    code.protocolError,
  ],
  [
    'HEADERS within a header block',
    [request(1, '/echo', endStream), request(3, '/echo')],
    code.protocolError,
  ],
  [
    'an unknown frame within a header block',
    [request(1, '/echo', endStream), frame(0xbe, 0, 1)],
    code.protocolError,
  ],
  [
    'CONTINUATION of another stream',
    [request(1, '/echo', endStream), frame(type.continuation, endHeaders, 3)],
    code.protocolError,
  ],
  ['CONTINUATION of nothing', [frame(type.continuation, endHeaders, 1)], code.protocolError],
  [
    'CONTINUATION after the end',
    [request(1, '/hang', endHeaders), frame(type.continuation, endHeaders, 1)],
    code.protocolError,
  ],
  [
    'CONTINUATION without end',
    [request(1, '/echo', 0), times(1000, frame(type.continuation, 0, 1))],
    code.enhanceYourCalm,
  ],
  [
    'a header block without end',
    [request(1, '/echo', 0), times(5, frame(type.continuation, 0, 1, Buffer.alloc(16_000)))],
    code.enhanceYourCalm,
  ],
  [
    'a header list that is too long',
    [
      frame(type.headers, endStream, 1, requestBlock('/echo', [['a', 'b'.repeat(16_000)]])),
      times(
        1,
        frame(
          type.continuation,
          endHeaders,
          1,
          encodeFields(Array.from({ length: 1600 }, () => ['a', ''] as const)),
        ),
      ),
    ],
    code.enhanceYourCalm,
  ],
  ['no valid header block', [frame(type.headers, both, 1, [0x80])], code.compressionError],
  ['RST_STREAM on stream 0', [numberFrame(type.rstStream, 0, 8)], code.protocolError],
  ['RST_STREAM on an idle stream', [numberFrame(type.rstStream, 1, 8)], code.protocolError],
  [
    'RST_STREAM of three bytes',
    [request(1, '/hang'), frame(type.rstStream, 0, 1, [0, 0, 0])],
    code.frameSizeError,
  ],
  ['PRIORITY on stream 0', [frame(type.priority, 0, 0, [0, 0, 0, 0, 0])], code.protocolError],
  ['PRIORITY of four bytes', [frame(type.priority, 0, 1, [0, 0, 0, 0])], code.frameSizeError],
  [
    'PUSH_PROMISE',
    [request(1, '/hang'), frame(type.pushPromise, endHeaders, 1, [0, 0, 0, 2, 0x82])],
    code.protocolError,
  ],
  ['PING on a stream', [frame(type.ping, 0, 1, Buffer.alloc(8))], code.protocolError],
  ['PING of seven bytes', [frame(type.ping, 0, 0, Buffer.alloc(7))], code.frameSizeError],
  ['GOAWAY on a stream', [frame(type.goaway, 0, 1, Buffer.alloc(8))], code.protocolError],
  ['GOAWAY of seven bytes', [frame(type.goaway, 0, 0, Buffer.alloc(7))], code.frameSizeError],
  [
    'WINDOW_UPDATE of three bytes',
    [frame(type.windowUpdate, 0, 0, [0, 0, 1])],
    code.frameSizeError,
  ],
  ['WINDOW_UPDATE of 0', [numberFrame(type.windowUpdate, 0, 0)], code.protocolError],
  ['WINDOW_UPDATE on an idle stream', [numberFrame(type.windowUpdate, 1, 1)], code.protocolError],
  [
    'a window of the connection past 2^31-1',
    [numberFrame(type.windowUpdate, 0, 2 ** 31 - 1)],
    code.flowControlError,
  ],
  [
    'a window of a stream past 2^31-1 by SETTINGS',
    [
      request(1, '/hang'),
      numberFrame(type.windowUpdate, 1, 2 ** 31 - 1 - 65_535),
      settingsFrame([setting.initialWindowSize, 65_536]),
    ],
    code.flowControlError,
  ],
  [
    'a frame that is too long',
    [frame(type.data, 0, 1, [], limits.frameBytes + 1)],
    code.frameSizeError,
  ],
  [
    'empty DATA without end',
    [request(1, '/hang', endHeaders), times(limits.emptyFrames + 1, frame(type.data, 0, 1))],
    code.enhanceYourCalm,
  ],
  [
    'requests and resets without end',
    [
      requests(knownPeer.resets.burst + 1000, (id) => [
        request(id, '/hang'),
        numberFrame(type.rstStream, id, 8),
      ]),
    ],
    code.enhanceYourCalm,
  ],
  [
    'requests that make us reset them without end',
    [
      requests(knownPeer.resets.burst + 1000, (id) => [
        request(id, '/hang'),
        numberFrame(type.windowUpdate, id, 0),
      ]),
    ],
    code.enhanceYourCalm,
  ],
];

test.each(connectionErrors)('%s ends the connection', async (_name, bytes, expected) => {
  // Time stands still, so that a slow machine earns a flood nothing.
  const { peer, ends } = await start({ clock: new ManualClock() });
  peer.send(...bytes);
  await until(() => peer.closed, 'the end');
  expect(peer.goawayCode).toBe(expected);
  expect(ends).toHaveLength(1);
  expect(ends[0]).toBeInstanceOf(Http2Error);
});

test.each([
  ['another preface', [Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.alloc(10)]],
  ['a preface with a wrong end', [preface.subarray(0, -1), Buffer.from('x')]],
  ['PING before SETTINGS', [preface, frame(type.ping, 0, 0, Buffer.alloc(8))]],
  ['a request before SETTINGS', [preface, request(1, '/echo')]],
  ['an acknowledgement before SETTINGS', [preface, frame(type.settings, ack, 0)]],
])('%s ends the connection', async (_name, bytes) => {
  const { peer, requests: seen } = await start({ silent: true });
  peer.send(...bytes);
  await until(() => peer.closed, 'the end');
  expect(peer.goawayCode).toBe(code.protocolError);
  expect(seen).toHaveLength(0);
});

/** Each ends stream 1 alone. */
const streamErrors: readonly [name: string, bytes: Buffer[], code: number][] = [
  [
    'no :path',
    [
      headers(1, [
        [':method', 'POST'],
        [':scheme', 'http'],
      ]),
    ],
    code.protocolError,
  ],
  [
    'an empty :path',
    [
      headers(1, [
        [':method', 'POST'],
        [':scheme', 'http'],
        [':path', ''],
      ]),
    ],
    code.protocolError,
  ],
  [
    'no :method',
    [
      headers(1, [
        [':path', '/'],
        [':scheme', 'http'],
      ]),
    ],
    code.protocolError,
  ],
  [
    'no :scheme',
    [
      headers(1, [
        [':path', '/'],
        [':method', 'POST'],
      ]),
    ],
    code.protocolError,
  ],
  [
    'a :status in a request',
    [
      headers(1, [
        [':method', 'POST'],
        [':scheme', 'http'],
        [':path', '/'],
        [':status', '200'],
      ]),
    ],
    code.protocolError,
  ],
  [
    'an unknown pseudo header field',
    [
      headers(1, [
        [':method', 'POST'],
        [':scheme', 'http'],
        [':path', '/'],
        [':x', 'y'],
      ]),
    ],
    code.protocolError,
  ],
  [
    'an upper-case name',
    [frame(type.headers, both, 1, requestBlock('/echo', [['A', 'b']]))],
    code.protocolError,
  ],
  [
    'a pseudo header field in trailers',
    [request(1, '/echo', endHeaders), headers(1, [[':path', '/']])],
    code.protocolError,
  ],
  [
    'malformed trailers',
    [request(1, '/echo', endHeaders), headers(1, [['A', 'b']])],
    code.protocolError,
  ],
  [
    'a second header block that is no trailer',
    [request(1, '/echo', endHeaders), headers(1, [['a', 'b']], endHeaders)],
    code.protocolError,
  ],
  ['HEADERS after the end', [request(1, '/hang'), headers(1, [['a', 'b']])], code.streamClosed],
  ['DATA after the end', [request(1, '/hang'), frame(type.data, 0, 1, [1])], code.streamClosed],
  [
    'WINDOW_UPDATE of 0 on a stream',
    [request(1, '/hang'), numberFrame(type.windowUpdate, 1, 0)],
    code.protocolError,
  ],
  [
    'a window of a stream past 2^31-1',
    [request(1, '/hang'), numberFrame(type.windowUpdate, 1, 2 ** 31 - 1)],
    code.flowControlError,
  ],
  [
    'more DATA than the window of a stream',
    [request(1, '/pause', endHeaders), times(65, frame(type.data, 0, 1, Buffer.alloc(16_384)))],
    code.flowControlError,
  ],
  [
    'padding beyond the window of a stream',
    [
      request(1, '/pause', endHeaders),
      times(4100, frame(type.data, padded, 1, Buffer.alloc(256, 255))),
    ],
    code.flowControlError,
  ],
];

test.each(streamErrors)('%s ends the stream alone', async (_name, bytes, expected) => {
  const { peer, requests: seen } = await start();
  peer.send(...bytes, request(3, '/echo', endHeaders), frame(type.data, endStream, 3, message));
  await until(() => peer.hasEnded(3), 'the answer on another stream');
  await until(() => peer.count(type.rstStream, 1) > 0, 'the reset');
  expect(peer.resetCode(1)).toBe(expected);
  expect(peer.of(type.data, 3)[0]?.payload.equals(message)).toBe(true);
  expect(peer.goawayCode).toBeUndefined();
  for (const one of seen) expect(one.isClosed).toBe(true);
});

/** After each the connection goes on as if nothing had been. */
const harmless: readonly [name: string, bytes: Buffer[]][] = [
  ['unknown frames', [frame(0xbe, 0xff, 0, [1, 2]), frame(0xfe, 0, 99)]],
  ['PRIORITY, on idle streams too', [frame(type.priority, 0, 7, [0, 0, 0, 9, 1])]],
  ['unknown settings', [settingsFrame([0x99, 7], [setting.maxHeaderListSize, 100])]],
  [
    'acknowledgements of nothing',
    [frame(type.settings, ack, 0), frame(type.ping, ack, 0, Buffer.alloc(8))],
  ],
  ['unknown flags', [frame(type.ping, 0xfe, 0, Buffer.alloc(8))]],
  [
    'frames on a stream that is over',
    [
      request(1, '/echo'),
      numberFrame(type.rstStream, 1, 8),
      numberFrame(type.windowUpdate, 1, 9),
      frame(type.data, 0, 1, [1]),
      headers(1, [['a', 'b']]),
    ],
  ],
  ['a stream that is left out', [request(3, '/echo'), numberFrame(type.windowUpdate, 1, 9)]],
  [
    'padded and prioritized HEADERS',
    [
      frame(
        type.headers,
        both | padded | priority,
        1,
        Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 5]), requestBlock('/echo'), Buffer.alloc(2)]),
      ),
    ],
  ],
  [
    'a header block in four frames',
    [
      frame(type.headers, endStream, 1, []),
      frame(type.continuation, 0, 1, requestBlock('/echo').subarray(0, 3)),
      frame(type.continuation, 0, 1, []),
      frame(type.continuation, endHeaders, 1, requestBlock('/echo').subarray(3)),
    ],
  ],
];

test.each(harmless)('%s do no harm', async (_name, bytes) => {
  const { peer } = await start();
  peer.send(...bytes, request(9, '/echo', endHeaders));
  peer.send(frame(type.data, padded, 9, [2, ...message.subarray(0, 4), 0, 0]));
  peer.send(frame(type.data, 0, 9), frame(type.data, 0, 9, message.subarray(4)));
  peer.send(headers(9, [['a', 'trailer']]));
  await until(() => peer.hasEnded(9), 'the answer');
  expect(peer.of(type.data, 9)[0]?.payload.equals(message)).toBe(true);
  expect(peer.goawayCode).toBeUndefined();
});
