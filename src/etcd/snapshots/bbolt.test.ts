import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { BboltFile } from './bbolt-reader.js';
import { BboltWriter } from './bbolt-writer.js';
import type { BboltPair } from './bbolt-format.js';
import { decodeRevisionKey, encodeRevisionKey } from './etcd-buckets.js';
import { decodeLease, encodeLease } from './lease-codec.js';

let directory = '';
let path = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'trireme-bbolt-'));
  path = join(directory, 'db');
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

function pairs(count: number, valueBytes: (at: number) => number): BboltPair[] {
  return Array.from({ length: count }, (_, at) => ({
    key: encodeRevisionKey({ main: at + 1, sub: at % 3, tombstone: at % 7 === 0 }),
    value: Buffer.alloc(valueBytes(at), at & 0xff),
  }));
}

async function write(buckets: Readonly<Record<string, BboltPair[]>>): Promise<number> {
  const writer = await BboltWriter.create(path);
  for (const [name, content] of Object.entries(buckets)) await writer.bucket(name, content);
  return writer.finish();
}

function read(bucket: string): BboltPair[] {
  const file = BboltFile.open(path);
  try {
    return [...file.entries(bucket)].map(({ key, value }) => ({ key, value }));
  } finally {
    file.close();
  }
}

describe('what is written is read', () => {
  test.each([
    ['nothing', 0, 0],
    ['one leaf', 3, 10],
    ['two levels', 300, 40],
    ['three levels', 9000, 30],
    ['values larger than a page', 20, 5000],
    ['values of many pages', 3, 300_000],
  ])('%s', async (_, count, bytes) => {
    const content = pairs(count, () => bytes);
    const size = await write({ key: content, empty: [], a: pairs(1, () => 0) });
    expect(size % 4096).toBe(0);
    expect(readFileSync(path).length).toBe(size);
    expect(read('key')).toEqual(content);
    expect(read('empty')).toEqual([]);
    expect(read('none')).toEqual([]);
    const file = BboltFile.open(path);
    expect(file.bucketNames()).toEqual(['a', 'empty', 'key']);
    expect(file.databaseBytes).toBe(size);
    file.close();
  });

  test('keys of several sizes, and what follows the database', async () => {
    const content = Array.from({ length: 200 }, (_, at) => ({
      key: Buffer.from(`${String(at).padStart(4, '0')}${'k'.repeat(at * 11)}`),
      value: Buffer.alloc(at % 5),
    }));
    await write({ authUsers: content });
    writeFileSync(path, Buffer.alloc(32, 1), { flag: 'a' });
    expect(read('authUsers')).toEqual(content);
  });

  test('keys that do not ascend are a mistake of the caller', async () => {
    const writer = await BboltWriter.create(path);
    const [one] = pairs(1, () => 1);
    await expect(writer.bucket('key', [one!, one!])).rejects.toThrow('keys ascend');
    await writer.abort();
  });
});

describe('damage names file and offset', () => {
  const damaged = (offset: number, bytes: Buffer): unknown => {
    const content = readFileSync(path);
    bytes.copy(content, offset);
    writeFileSync(path, content);
    try {
      return read('key');
    } catch (error) {
      return error;
    }
  };

  beforeEach(() => write({ key: pairs(300, () => 40) }));

  test('one meta is enough, two broken ones are not', () => {
    expect(damaged(16, Buffer.alloc(8))).toHaveLength(300);
    expect(damaged(4096 + 32, Buffer.from([0xee]))).toMatchObject({
      code: 'BBOLT_CORRUPT',
      path,
      offset: 0,
    });
  });

  test('another version', () => {
    expect(damaged(20, Buffer.from([9, 0, 0, 0]))).toMatchObject({
      message: `${path}: at byte 0: bbolt format version 9 is not supported`,
    });
  });

  test('a page with another number, an element beyond its page, too many elements', () => {
    const leaf = 3 * 4096;
    expect(damaged(leaf + 10, Buffer.from([0xff, 0xff]))).toMatchObject({ offset: leaf });
    expect(damaged(leaf + 10, Buffer.from([1, 0]))).not.toMatchObject({ code: 'BBOLT_CORRUPT' });
    expect(damaged(leaf + 16 + 12, Buffer.from([0, 0, 1, 0]))).toMatchObject({
      offset: leaf + 16,
      message: `${path}: at byte ${leaf + 16}: an element reaches beyond its page`,
    });
    expect(damaged(leaf, Buffer.from([7]))).toMatchObject({
      message: `${path}: at byte ${leaf}: page 3 carries another number`,
    });
  });

  test('a file cut short, and one that is no database', () => {
    writeFileSync(path, readFileSync(path).subarray(0, 5 * 4096));
    expect(() => read('key')).toThrow('the file ends before page');
    writeFileSync(path, 'rubbish');
    expect(() => read('key')).toThrow('no valid bbolt meta page');
  });
});

test('revision keys', () => {
  const keys = [
    { main: 1, sub: 0, tombstone: false },
    { main: 2 ** 40, sub: 4_000_000, tombstone: true },
  ];
  for (const key of keys) expect(decodeRevisionKey(encodeRevisionKey(key))).toEqual(key);
  expect(encodeRevisionKey(keys[0]!).toString('hex')).toBe('00000000000000015f0000000000000000');
  expect(decodeRevisionKey(Buffer.from('x'))).toBeUndefined();
});

test('leases, negative ids among them', () => {
  for (const id of [1n, -5n, 2n ** 62n]) {
    const lease = { id, ttl: 60n, remainingTtl: 0n };
    expect(decodeLease(encodeLease(lease))).toEqual(lease);
  }
});
