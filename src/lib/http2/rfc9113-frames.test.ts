/**
 * The rules of RFC 9113 about frames, streams and connections that a server holds its clients to; messages are in
 * `rfc9113-messages.test.ts`.
 */
import { afterEach, describe, test } from '@jest/globals';
import { errorCode as code, flag, frameType as type, limits, setting } from './constants.js';
import { frame, numberFrame, settingsFrame } from './testkit/raw-peer.js';
import { broken, checkRow, closed, data, fields, malformed, size } from './testkit/rfc9113-rows.js';
import type { Row } from './testkit/rfc9113-rows.js';
import { both, requestFrame as request, TestServers, times } from './testkit/test-server.js';

const { endHeaders, endStream, padded, priority, ack } = flag;
const ping = frame(type.ping, 0, 0, Buffer.alloc(8));
const servers = new TestServers();

afterEach(() => servers.end());

const rows: readonly Row[] = [
  ['4.1', 'the reserved bit of a stream id', [request(2 ** 31 + 1, '/size/1')], 'served'],
  ['4.1', 'a frame of an unknown type', [frame(0xfa, 0xff, 1, [1, 2, 3])], 'ignored'],
  [
    '4.1',
    'flags that the type does not have',
    [frame(type.ping, 0xfe, 0, Buffer.alloc(8))],
    'ignored',
  ],
  ['4.2', 'a frame beyond SETTINGS_MAX_FRAME_SIZE', [data(limits.frameBytes + 1)], size],
  [
    '4.3',
    'a header block that is none',
    [frame(type.headers, both, 1, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff])],
    { connection: code.compressionError },
  ],
  [
    '4.3',
    'a table larger than announced',
    [frame(type.headers, both, 1, [0x3f, 0xe2, 0x1f])],
    { connection: code.compressionError },
  ],
  ['4.3', 'another frame within a header block', [request(1, '/size/1', endStream), ping], broken],
  [
    '4.3',
    'another stream within a header block',
    [request(1, '/size/1', endStream), frame(type.continuation, endHeaders, 3)],
    broken,
  ],
  ['5.1', 'DATA on an idle stream', [data(1)], broken],
  ['5.1', 'WINDOW_UPDATE on an idle stream', [numberFrame(type.windowUpdate, 1, 1)], broken],
  ['5.1', 'RST_STREAM on an idle stream', [numberFrame(type.rstStream, 1, 8)], broken],
  ['5.1', 'PRIORITY on an idle stream', [frame(type.priority, 0, 5, [0, 0, 0, 0, 1])], 'ignored'],
  ['5.1', 'DATA on a stream half closed', [request(1, '/hang'), data(1)], closed],
  ['5.1', 'HEADERS on a stream half closed', [request(1, '/hang'), fields([])], closed],
  [
    '5.1',
    'WINDOW_UPDATE on a closed stream',
    [
      request(1, '/size/1'),
      numberFrame(type.rstStream, 1, 8),
      numberFrame(type.windowUpdate, 1, 8),
    ],
    'ignored',
  ],
  [
    '5.1',
    'RST_STREAM on a closed stream',
    [request(1, '/hang'), numberFrame(type.rstStream, 1, 8), numberFrame(type.rstStream, 1, 8)],
    'ignored',
  ],
  ['5.1.1', 'an even id', [request(2, '/size/1')], broken],
  [
    '5.1.1',
    'a new stream below the last',
    [request(5, '/hang'), request(3, '/size/1', endHeaders)],
    { connection: code.streamClosed },
  ],
  ['5.1.1', 'id 0 for a request', [request(0, '/size/1')], broken],
  [
    '5.5',
    'an unknown frame within a header block',
    [request(1, '/size/1', endStream), frame(0xfa, 0, 1)],
    broken,
  ],
  ['6.1', 'DATA on stream 0', [data(1, 0, 0)], broken],
  [
    '6.1',
    'DATA padded beyond its end',
    [request(1, '/hang', endHeaders), frame(type.data, padded, 1, [2, 0, 0])],
    'ignored',
  ],
  [
    '6.1',
    'DATA padded beyond its end by one',
    [request(1, '/hang', endHeaders), frame(type.data, padded, 1, [3, 0, 0])],
    broken,
  ],
  [
    '6.2',
    'HEADERS padded beyond its end',
    [frame(type.headers, both | padded, 1, [9, 0x82])],
    broken,
  ],
  [
    '6.2',
    'HEADERS shorter than its priority',
    [frame(type.headers, both | priority, 1, [0, 0, 0, 0])],
    size,
  ],
  ['6.3', 'PRIORITY on stream 0', [frame(type.priority, 0, 0, [0, 0, 0, 0, 1])], broken],
  ['6.3', 'PRIORITY of four bytes', [frame(type.priority, 0, 1, [0, 0, 0, 0])], size],
  [
    '6.3',
    'a stream that depends on itself (an error in RFC 7540 only)',
    [frame(type.priority, 0, 1, [0, 0, 0, 1, 1])],
    'ignored',
  ],
  ['6.4', 'RST_STREAM on stream 0', [numberFrame(type.rstStream, 0, 8)], broken],
  [
    '6.4',
    'RST_STREAM of five bytes',
    [request(1, '/hang'), frame(type.rstStream, 0, 1, [0, 0, 0, 0, 0])],
    size,
  ],
  ['6.5', 'SETTINGS on a stream', [frame(type.settings, 0, 1)], broken],
  ['6.5', 'SETTINGS not a multiple of six', [frame(type.settings, 0, 0, [0, 0, 0])], size],
  [
    '6.5',
    'an acknowledgement with a payload',
    [frame(type.settings, ack, 0, [0, 1, 0, 0, 0, 0])],
    size,
  ],
  ['6.5.2', 'SETTINGS_ENABLE_PUSH of 2', [settingsFrame([setting.enablePush, 2])], broken],
  [
    '6.5.2',
    'SETTINGS_INITIAL_WINDOW_SIZE of 2^31',
    [settingsFrame([setting.initialWindowSize, 2 ** 31])],
    { connection: code.flowControlError },
  ],
  [
    '6.5.2',
    'SETTINGS_MAX_FRAME_SIZE of 2^14 - 1',
    [settingsFrame([setting.maxFrameSize, 2 ** 14 - 1])],
    broken,
  ],
  [
    '6.5.2',
    'SETTINGS_MAX_FRAME_SIZE of 2^24',
    [settingsFrame([setting.maxFrameSize, 2 ** 24])],
    broken,
  ],
  ['6.5.2', 'a setting that nobody knows', [settingsFrame([0xbeef, 1])], 'ignored'],
  [
    '6.6',
    'PUSH_PROMISE of a client',
    [request(1, '/hang'), frame(type.pushPromise, endHeaders, 1, [0, 0, 0, 2, 0x82])],
    broken,
  ],
  ['6.7', 'PING on a stream', [frame(type.ping, 0, 1, Buffer.alloc(8))], broken],
  ['6.7', 'PING of nine bytes', [frame(type.ping, 0, 0, Buffer.alloc(9))], size],
  ['6.8', 'GOAWAY on a stream', [frame(type.goaway, 0, 1, Buffer.alloc(8))], broken],
  ['6.9', 'WINDOW_UPDATE of 0 for the connection', [numberFrame(type.windowUpdate, 0, 0)], broken],
  [
    '6.9',
    'WINDOW_UPDATE of 0 for a stream',
    [request(1, '/hang'), numberFrame(type.windowUpdate, 1, 0)],
    malformed,
  ],
  ['6.9', 'WINDOW_UPDATE of five bytes', [frame(type.windowUpdate, 0, 0, [0, 0, 0, 1, 0])], size],
  [
    '6.9.1',
    'a window of the connection past 2^31 - 1',
    [numberFrame(type.windowUpdate, 0, 2 ** 31 - 1)],
    { connection: code.flowControlError },
  ],
  [
    '6.9.1',
    'a window of a stream past 2^31 - 1',
    [request(1, '/hang'), numberFrame(type.windowUpdate, 1, 2 ** 31 - 1)],
    { stream: code.flowControlError },
  ],
  [
    '6.9.1',
    'more DATA than the window',
    [request(1, '/pause', endHeaders), times(65, data(16_384))],
    { stream: code.flowControlError },
  ],
  [
    '6.9.2',
    'a window past 2^31 - 1 by SETTINGS',
    [
      request(1, '/hang'),
      numberFrame(type.windowUpdate, 1, 2 ** 31 - 65_536),
      settingsFrame([setting.initialWindowSize, 65_536]),
    ],
    { connection: code.flowControlError },
  ],
  ['6.10', 'CONTINUATION on stream 0', [frame(type.continuation, endHeaders, 0)], broken],
  [
    '6.10',
    'CONTINUATION of no header block',
    [request(1, '/hang'), frame(type.continuation, endHeaders, 1)],
    broken,
  ],
];

describe('RFC 9113', () => {
  test.each(rows)('%s: %s', (...row) => checkRow(servers, row));
});
