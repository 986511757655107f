/** The rules of RFC 9113 about requests, section 8: what is no request ends its stream alone. */
import { afterEach, describe, test } from '@jest/globals';
import { flag, frameType as type } from './constants.js';
import { encodeFields } from './hpack-encoder.js';
import { frame } from './testkit/raw-peer.js';
import { checkRow, data, fields, malformed, only } from './testkit/rfc9113-rows.js';
import type { Row } from './testkit/rfc9113-rows.js';
import { requestFrame as request, TestServers } from './testkit/test-server.js';

const { endHeaders, endStream, padded } = flag;
const method = [':method', 'POST'] as const;
const scheme = [':scheme', 'http'] as const;
const path = [':path', '/size/1'] as const;
const authority = [':authority', 'a'] as const;
const servers = new TestServers();

afterEach(() => servers.end());

const rows: readonly Row[] = [
  [
    '8.1',
    'trailers that do not end the stream',
    [
      request(1, '/hang', endHeaders),
      frame(type.headers, endHeaders, 1, encodeFields([['a', 'b']])),
    ],
    malformed,
  ],
  [
    '8.1',
    'trailers with a pseudo field',
    [request(1, '/hang', endHeaders), only([path])],
    malformed,
  ],
  ['8.1', 'trailers', [request(1, '/size/1', endHeaders), only([['a', 'b']])], 'served'],
  [
    '8.1.1',
    'a content-length of a request without content',
    [fields([['content-length', '1']])],
    malformed,
  ],
  [
    '8.1.1',
    'more than content-length',
    [fields([['content-length', '1']], endHeaders), data(2, endStream)],
    malformed,
  ],
  [
    '8.1.1',
    'less than content-length',
    [fields([['content-length', '3']], endHeaders), data(2, endStream)],
    malformed,
  ],
  [
    '8.1.1',
    'less than content-length, then an empty end',
    [fields([['content-length', '3']], endHeaders), data(2), data(0, endStream)],
    malformed,
  ],
  [
    '8.1.1',
    'less than content-length, then trailers',
    [fields([['content-length', '3']], endHeaders), data(2), only([['a', 'b']])],
    malformed,
  ],
  [
    '8.1.1',
    'content-length as it is, in parts, with padding',
    [
      fields([['content-length', '3']], endHeaders),
      frame(type.data, padded, 1, [4, 1, 0, 0, 0, 0]),
      data(2),
      data(0, endStream),
    ],
    'served',
  ],
  ['8.1.1', 'a content-length that is no number', [fields([['content-length', '0x0']])], malformed],
  ['8.1.1', 'a negative content-length', [fields([['content-length', '-1']])], malformed],
  [
    '8.1.1',
    'two content-lengths',
    [
      fields([
        ['content-length', '0'],
        ['content-length', '1'],
      ]),
    ],
    malformed,
  ],
  [
    '8.1.1',
    'the same content-length twice (RFC 9110, 8.6)',
    [
      fields([
        ['content-length', '0'],
        ['content-length', '0'],
      ]),
    ],
    'served',
  ],
  ['8.2.1', 'an upper-case name', [fields([['Abc', 'd']])], malformed],
  ['8.2.1', 'a blank in a name', [fields([['a b', 'd']])], malformed],
  ['8.2.1', 'an empty name', [fields([['', 'd']])], malformed],
  ['8.2.1', 'a name beyond ASCII', [fields([['\xe9', 'd']])], malformed],
  ['8.2.1', 'DEL in a name', [fields([['a\x7f', 'd']])], malformed],
  ['8.2.1', 'a colon within a name', [fields([['a:b', 'd']])], malformed],
  ['8.2.1', 'NUL in a value', [fields([['a', 'b\0c']])], malformed],
  ['8.2.1', 'CR in a value', [fields([['a', 'b\rc']])], malformed],
  ['8.2.1', 'LF in a value', [fields([['a', 'b\nc']])], malformed],
  ['8.2.1', 'a blank before a value', [fields([['a', ' b']])], malformed],
  ['8.2.1', 'a blank after a value', [fields([['a', 'b ']])], malformed],
  ['8.2.1', 'a tab before a value', [fields([['a', '\tb']])], malformed],
  ['8.2.1', 'a tab after a value', [fields([['a', 'b\t']])], malformed],
  ['8.2.1', 'a value of one blank', [fields([['a', ' ']])], malformed],
  [
    '8.2.1',
    'blanks within a value, and an empty one',
    [
      fields([
        ['a', 'b \t c'],
        ['d', ''],
      ]),
    ],
    'served',
  ],
  ['8.2.2', 'connection', [fields([['connection', 'close']])], malformed],
  ['8.2.2', 'proxy-connection', [fields([['proxy-connection', 'x']])], malformed],
  ['8.2.2', 'keep-alive', [fields([['keep-alive', 'x']])], malformed],
  ['8.2.2', 'transfer-encoding', [fields([['transfer-encoding', 'chunked']])], malformed],
  ['8.2.2', 'upgrade', [fields([['upgrade', 'x']])], malformed],
  ['8.2.2', 'te: gzip', [fields([['te', 'gzip']])], malformed],
  ['8.2.2', 'te: trailers and more', [fields([['te', 'trailers, deflate']])], malformed],
  ['8.2.2', 'te: trailers', [fields([['te', 'trailers']])], 'served'],
  ['8.3', 'an unknown pseudo field', [fields([[':x', 'y']])], malformed],
  ['8.3', 'a pseudo field of an answer', [fields([[':status', '200']])], malformed],
  [
    '8.3',
    'a pseudo field after another field',
    [only([method, scheme, ['a', 'b'], path])],
    malformed,
  ],
  ['8.3', 'a pseudo field twice', [only([method, scheme, path, path])], malformed],
  ['8.3.1', 'no :method', [only([scheme, path])], malformed],
  ['8.3.1', 'an empty :method', [only([[':method', ''], scheme, path])], malformed],
  ['8.3.1', 'no :scheme', [only([method, path])], malformed],
  ['8.3.1', 'no :path', [only([method, scheme])], malformed],
  ['8.3.1', 'an empty :path', [only([method, scheme, [':path', '']])], malformed],
  [
    '8.3.1',
    'userinfo in :authority',
    [only([method, scheme, path, [':authority', 'u@a']])],
    malformed,
  ],
  [
    '8.3.1',
    'a host that is not :authority',
    [only([method, scheme, path, authority, ['host', 'b']])],
    malformed,
  ],
  [
    '8.3.1',
    'a host that is :authority',
    [only([method, scheme, path, authority, ['host', 'A']])],
    'served',
  ],
  ['8.3.1', 'a host without :authority', [only([method, scheme, path, ['host', 'b']])], 'served'],
  [
    '8.5',
    'CONNECT with :path and :scheme',
    [only([[':method', 'CONNECT'], scheme, path, authority])],
    malformed,
  ],
  ['8.5', 'CONNECT, which is not served', [only([[':method', 'CONNECT'], authority])], malformed],
];

describe('RFC 9113', () => {
  test.each(rows)('%s: %s', (...row) => checkRow(servers, row));
});
