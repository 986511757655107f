import { describe, expect, test } from '@jest/globals';
import { errorCode, limits } from './constants.js';
import { Http2Error } from './errors.js';
import { HpackDecoder } from './hpack-decoder.js';
import { encodeField, encodeFields } from './hpack-encoder.js';
import { huffmanDecode } from './huffman.js';

function bytes(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(/\s/g, ''), 'hex');
}

function fieldsOf(decoder: HpackDecoder, block: Buffer): [string, string][] {
  return Object.entries(decoder.decode(block) ?? { malformed: 'yes' });
}

function codeOf(run: () => unknown): number | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return error instanceof Http2Error ? error.code : -1;
  }
}

const get = [':method', 'GET'];
const root = [':path', '/'];
const authority = [':authority', 'www.example.com'];
const date21 = ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'];
const date22 = ['date', 'Mon, 21 Oct 2013 20:13:22 GMT'];
const location = ['location', 'https://www.example.com'];
const privately = ['cache-control', 'private'];
const cookie = ['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'];

const requests = [
  [get, [':scheme', 'http'], root, authority],
  [get, [':scheme', 'http'], root, authority, ['cache-control', 'no-cache']],
  [get, [':scheme', 'https'], [':path', '/index.html'], authority, ['custom-key', 'custom-value']],
];
const answers = [
  [[':status', '302'], privately, date21, location],
  [[':status', '307'], privately, date21, location],
  [[':status', '200'], privately, date22, location, ['content-encoding', 'gzip'], cookie],
];
/** A table of 256 bytes, as the examples of C.5 and C.6 have it. */
const smallTable = '3fe101';

describe('the examples of RFC 7541, appendix C', () => {
  test.each([
    [
      'C.2.1',
      '400a637573746f6d2d6b65790d637573746f6d2d686561646572',
      ['custom-key', 'custom-header'],
    ],
    ['C.2.2', '040c2f73616d706c652f70617468', [':path', '/sample/path']],
    ['C.2.3', '100870617373776f726406736563726574', ['password', 'secret']],
    ['C.2.4', '82', get],
  ])('%s', (_name, hex, field) => {
    expect(fieldsOf(new HpackDecoder(), bytes(hex))).toEqual([field]);
  });

  test.each([
    [
      'C.3: requests',
      [
        '828684410f7777772e6578616d706c652e636f6d',
        '828684be58086e6f2d6361636865',
        '828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565',
      ],
      requests,
    ],
    [
      'C.4: requests in Huffman code',
      [
        '828684418cf1e3c2e5f23a6ba0ab90f4ff',
        '828684be5886a8eb10649cbf',
        '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
      ],
      requests,
    ],
    [
      'C.5: answers, with evictions',
      [
        `${smallTable}4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54
         6e1768747470733a2f2f7777772e6578616d706c652e636f6d`,
        '4803333037c1c0bf',
        `88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d415344
         4a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31`,
      ],
      answers,
    ],
    [
      'C.6: answers in Huffman code, with evictions',
      [
        `${smallTable}488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b
         97c8e9ae82ae43d3`,
        '4883640effc1c0bf',
        `88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b39
         60d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007`,
      ],
      answers,
    ],
  ])('%s', (_name, blocks, lists) => {
    const decoder = new HpackDecoder();
    for (const [at, block] of blocks.entries()) {
      expect(fieldsOf(decoder, bytes(block))).toEqual(lists[at]);
    }
  });
});

describe('what is no header block', () => {
  test.each([
    ['index 0', '80'],
    ['an index past the table', 'be'],
    ['the name of an index past the table', '7f0061'],
    ['a literal without a value', '400161'],
    ['a name that is cut short', '400561'],
    ['a value that is cut short', '40016105'],
    ['an integer that does not end', '7fffffffffffffffffff'],
    ['an integer that is cut short', '7fff'],
    ['an integer with too many zeros in it', '7f8080808080808000'],
    ['a larger table than was allowed', '3fe21f'],
    ['a size update after a field', '8220'],
    ['Huffman code that ends with eight ones', '40016182ffff'],
    ['Huffman code that is padded with zeros', '4001618100'],
    ['the end of string in Huffman code', '40016184ffffffff'],
  ])('%s', (_name, hex) => {
    expect(codeOf(() => new HpackDecoder().decode(bytes(hex)))).toBe(errorCode.compressionError);
  });

  test('a list that is longer than we take, by few bytes that name a long field again and again', () => {
    const decoder = new HpackDecoder();
    const long = Buffer.concat([bytes('4001617f'), bytes('a11e'), Buffer.alloc(4000, 'v')]);
    expect(fieldsOf(decoder, long)).toHaveLength(1);
    const block = Buffer.alloc(Math.ceil(limits.headerListBytes / 4000) + 1, 0xbe);
    expect(codeOf(() => decoder.decode(block))).toBe(errorCode.enhanceYourCalm);
  });
});

describe('malformed messages (RFC 9113, section 8)', () => {
  test.each<[string, readonly (readonly [string, string])[]]>([
    ['an upper-case name', [['Content-Type', 'a']]],
    ['a name with a blank', [['a b', 'c']]],
    ['a name with a colon', [['a:b', 'c']]],
    ['an empty name', [['', 'c']]],
    ['a name that is not ASCII', [['\xe4', 'c']]],
    ['a line feed', [['a', 'b\nc']]],
    ['a zero', [['a', 'b\0c']]],
    ['a header field of the connection', [['connection', 'close']]],
    [
      'a pseudo header field after others',
      [
        ['a', 'b'],
        [':path', '/'],
      ],
    ],
    [
      'a pseudo header field twice',
      [
        [':path', '/'],
        [':path', '/'],
      ],
    ],
  ])('%s', (_name, fields) => {
    const decoder = new HpackDecoder();
    expect(decoder.decode(encodeFields(fields))).toBeUndefined();
    // The same again: what was kept of the first time must not make it better.
    expect(decoder.decode(encodeFields(fields))).toBeUndefined();
    expect(decoder.decode(encodeFields([['a', 'b']]))).toEqual({ a: 'b' });
  });

  test('fields of such a message are in the table all the same', () => {
    const decoder = new HpackDecoder();
    expect(decoder.decode(bytes('4001410162'))).toBeUndefined();
    expect(decoder.decode(bytes('7e0163'))).toBeUndefined();
    expect(decoder.decode(bytes('400161016240016301 64 be bf'))).toEqual({ a: 'b,b', c: 'd,d' });
  });
});

describe('what is kept', () => {
  test('the same block means something else once the table has changed', () => {
    const decoder = new HpackDecoder();
    decoder.decode(bytes('4001610131'));
    expect(decoder.decode(bytes('be'))).toEqual({ a: '1' });
    expect(decoder.decode(bytes('be'))).toEqual({ a: '1' });
    decoder.decode(bytes('4001610132'));
    expect(decoder.decode(bytes('be'))).toEqual({ a: '2' });
    expect(decoder.decode(bytes('bf'))).toEqual({ a: '1' });
    decoder.decode(bytes('20'));
    expect(codeOf(() => decoder.decode(bytes('be')))).toBe(errorCode.compressionError);
  });

  test('names of the language are header fields like others', () => {
    const decoder = new HpackDecoder();
    const headers = decoder.decode(
      encodeFields([
        ['__proto__', 'a'],
        ['constructor', 'b'],
      ]),
    );
    expect(Object.entries(headers ?? {})).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ]);
    expect(headers?.['toString']).toBeUndefined();
  });
});

test('encoded integers of every length come back', () => {
  for (const length of [0, 1, 126, 127, 128, 254, 255, 256, 16_510, 16_511, 60_000]) {
    const value = 'v'.repeat(length);
    expect(new HpackDecoder().decode(encodeField('name', value))).toEqual({ name: value });
  }
});

test('every char has a Huffman code that is read, wherever in a byte it begins', () => {
  // By the code of RFC 7541, appendix B: 'a' is 00011, '&' is 11111000.
  expect(huffmanDecode(bytes('1f'), 0, 1)).toBe('a');
  expect(huffmanDecode(bytes('f8'), 0, 1)).toBe('&');
  expect(huffmanDecode(bytes('1fc7'), 0, 2)).toBe('a&');
  expect(huffmanDecode(bytes(''), 0, 0)).toBe('');
});
