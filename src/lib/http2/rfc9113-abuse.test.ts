/** RFC 9113, section 10.5: what is allowed once and is an attack in masses. */
import { afterEach, describe, test } from '@jest/globals';
import { unknownPeer } from '../net-limits.js';
import { flag, frameType as type, limits, setting } from './constants.js';
import { frame, numberFrame, settingsFrame } from './testkit/raw-peer.js';
import { calm, checkRow, data, fields } from './testkit/rfc9113-rows.js';
import type { Row } from './testkit/rfc9113-rows.js';
import { both, requestFrame as request, TestServers, times } from './testkit/test-server.js';

const { endHeaders, ack } = flag;
const ping = frame(type.ping, 0, 0, Buffer.alloc(8));
const servers = new TestServers();

afterEach(() => servers.end());

const abuse: readonly Row[] = [
  ['10.5', 'PING', [times(limits.control.burst + 10, ping)], calm],
  [
    '10.5',
    'answers to pings that were not sent',
    [times(limits.control.burst + 10, frame(type.ping, ack, 0, Buffer.alloc(8)))],
    calm,
  ],
  ['10.5', 'SETTINGS', [times(limits.settings.burst + 10, settingsFrame())], calm],
  [
    '10.5',
    'WINDOW_UPDATE',
    [times(limits.control.burst + 10, numberFrame(type.windowUpdate, 0, 1))],
    calm,
  ],
  [
    '10.5',
    'PRIORITY',
    [times(limits.control.burst + 10, frame(type.priority, 0, 1, [0, 0, 0, 0, 1]))],
    calm,
  ],
  ['10.5', 'frames of unknown types', [times(limits.control.burst + 10, frame(0xfa, 0, 0))], calm],
  [
    '10.5',
    'resets of closed streams',
    [request(1, '/size/1'), times(limits.control.burst + 100, numberFrame(type.rstStream, 1, 8))],
    calm,
  ],
  [
    '10.5',
    'empty DATA',
    [request(1, '/hang', endHeaders), times(limits.emptyFrames + 10, data(0))],
    calm,
  ],
  [
    '10.5',
    'CONTINUATION (CVE-2024-27316)',
    [request(1, '/size/1', 0), times(limits.continuations + 10, frame(type.continuation, 0, 1))],
    calm,
  ],
  [
    '10.5',
    'windows of one byte for an answer (CVE-2019-9511)',
    [
      settingsFrame([setting.initialWindowSize, 0]),
      request(1, '/size/100000'),
      times(limits.control.burst + 10, numberFrame(type.windowUpdate, 1, 1)),
    ],
    calm,
  ],
  [
    '10.5.1',
    'a header block that is longer than announced',
    [
      fields([['a', 'x'.repeat(60_000)]], 0),
      frame(type.continuation, endHeaders, 1, Buffer.alloc(60_000)),
    ],
    calm,
  ],
  [
    '10.5.1',
    'references to one long field (HPACK bomb)',
    [
      frame(
        type.headers,
        both,
        1,
        Buffer.concat([
          Buffer.from([
            0x40,
            1,
            0x61,
            0x7f,
            0x80 + ((3900 - 127) % 128),
            Math.floor((3900 - 127) / 128),
          ]),
          Buffer.alloc(3900, 'b'),
          Buffer.alloc(100, 0x80 + 62),
        ]),
      ),
    ],
    calm,
  ],
];

function resets(count: number, end: (id: number) => Buffer): Buffer {
  const ids = Array.from({ length: count }, (_, at) => 2 * at + 1);
  return Buffer.concat(ids.flatMap((id) => [request(id, '/hang'), end(id)]));
}

const rapid: readonly Row[] = [
  [
    '10.5',
    'rapid reset (CVE-2023-44487)',
    [resets(unknownPeer.resets.burst + 10, (id) => numberFrame(type.rstStream, id, 8))],
    calm,
  ],
  [
    '10.5',
    'made to reset (CVE-2025-8671)',
    [resets(unknownPeer.resets.burst + 10, (id) => numberFrame(type.windowUpdate, id, 0))],
    calm,
  ],
  [
    '10.5',
    'streams beyond the limit',
    [resets(unknownPeer.resets.burst + unknownPeer.streams + 10, () => Buffer.alloc(0))],
    calm,
  ],
];

describe('RFC 9113, of any peer', () => {
  test.each(abuse)('%s: %s', (...row) => checkRow(servers, row));
});

describe('RFC 9113, of unknown peers', () => {
  test.each(rapid)('%s: %s', (...row) => checkRow(servers, row, { limits: unknownPeer }));
});
