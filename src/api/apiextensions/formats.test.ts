/** Formats: what Kubernetes takes for each, and what it does not. */
import { expect, test } from '@jest/globals';
import { hasFormat } from './formats.js';

test.each([
  ['date', ['2024-02-29', '1999-12-31'], ['2023-02-29', '2024-2-9', 'x', '2024-01-01T00:00:00Z']],
  [
    'date-time',
    ['2024-01-01T00:00:00Z', '2024-01-01t23:59:59.5+01:00'],
    ['2024-01-01', '2024-01-01T24:00:00Z', '2024-01-01T00:00:00', 'x'],
  ],
  ['duration', ['1h30m', '22 ns', '3 days', '-5s'], ['x', '', '5']],
  ['ipv4', ['10.0.0.1'], ['10.0.0', '::1', '10.0.0.256']],
  ['ipv6', ['::1', 'fe80::1'], ['10.0.0.1', ':::']],
  ['cidr', ['10.0.0.0/8', '::/0'], ['10.0.0.0', '10.0.0.0/33']],
  ['mac', ['00:1b:44:11:3a:b7', '00-1b-44-11-3a-b7', '001b.4411.3ab7'], ['00:1b', 'x']],
  [
    'uri',
    ['http://a.example.com/b?c=d', '/path', 'mailto:a@b', 'https://[::1]:8080/'],
    ['', 'a', '://', 'http://a b/', 'http://a/%zz', 'http://a:x/'],
  ],
  ['email', ['a@example.com', 'A B <a.b@example.com>'], ['a', 'a@', '@b', 'a@b@c']],
  ['hostname', ['a', 'a-b.example.com'], ['-a', 'a..b', 'a.b1', `${'a'.repeat(64)}.com`]],
  [
    'uuid',
    ['123e4567-e89b-12d3-a456-426614174000', '123E4567E89B12D3A456426614174000'],
    ['x', '123e4567'],
  ],
  ['uuid4', ['123e4567-e89b-42d3-a456-426614174000'], ['123e4567-e89b-12d3-a456-426614174000']],
  ['byte', ['eA==', 'YWJj'], ['', '!', 'YWJ']],
  ['isbn', ['0321751043', '978-0321751041'], ['0321751044', '9780321751042']],
  ['creditcard', ['4111 1111 1111 1111'], ['4111 1111 1111 1112', '1']],
  ['ssn', ['123-45-6789'], ['123456']],
  ['hexcolor', ['#FFF', 'a0b1c2'], ['#FFFF', 'g00']],
  ['rgbcolor', ['rgb(0, 12,255)'], ['rgb(256,0,0)', 'rgb(0,0)']],
  ['bsonobjectid', ['507f1f77bcf86cd799439011'], ['507f']],
  ['password', ['', 'x'], []],
  ['int32', ['x'], []],
  ['constructor', ['x'], []],
])('%s', (format, good, bad) => {
  expect(good.filter((text) => !hasFormat(format, text))).toEqual([]);
  expect(bad.filter((text) => hasFormat(format, text))).toEqual([]);
});

test('a long text costs little', () => {
  const text = `${'a-'.repeat(200_000)}!`;
  for (const format of ['hostname', 'email', 'uri', 'duration']) {
    expect(hasFormat(format, text)).toBe(false);
  }
});
