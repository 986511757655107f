import { expect, test } from '@jest/globals';
import { formatEncryptionKeys, parseEncryptionKeys, withReadable } from './encryption-keys.js';

const secret = (byte: number): Buffer => Buffer.alloc(32, byte);
const key = (name: string, byte: number) => ({ name, secret: secret(byte) });

test.each<[string, Buffer | string, ReturnType<typeof key>[]]>([
  ['32 bytes', secret(10), [key('key1', 10)]],
  ['base64', `${secret(2).toString('base64')}\n`, [key('key1', 2)]],
  ['hexadecimal', secret(2).toString('hex'), [key('key1', 2)]],
  [
    'two',
    `new:${secret(3).toString('base64')}\n\n${secret(2).toString('base64')}\n`,
    [key('new', 3), key('key1', 2)],
  ],
])('%s', (_, content, keys) => {
  expect(parseEncryptionKeys(Buffer.from(content))).toEqual(keys);
  expect(parseEncryptionKeys(Buffer.from(formatEncryptionKeys(keys)))).toEqual(keys);
});

test.each(['', 'key1:', 'c2hvcnQ=', `a:${secret(1).toString('base64')}\nb:c2hvcnQ=`])(
  '%j holds no keys',
  (content) => {
    expect(() => parseEncryptionKeys(Buffer.from(content))).toThrow('must have 32 bytes');
  },
);

test("another cluster's keys are read with, and never written with", () => {
  const keys = [key('key2', 1), key('key1', 2)];
  expect(withReadable(keys, [key('key1', 2)])).toEqual(keys);
  expect(withReadable(keys, [key('key1', 9), key('key2', 1)])).toEqual([...keys, key('key1', 9)]);
});
