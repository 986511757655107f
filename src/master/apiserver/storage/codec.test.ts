import { describe, expect, test } from '@jest/globals';
import type { KubeObject } from '../../../api/object.js';
import { Entry } from '../cache/entry.js';
import { encodeStored, isSpliced, parseObject, spliceVersion } from './codec.js';
import { encryptedValues } from './encryption.js';

const object = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'ä', namespace: 'ns', resourceVersion: '7' },
  data: { text: '"metadata":{' },
} as KubeObject;

describe('the stored form', () => {
  test('holds no resourceVersion; reading splices it in', () => {
    const stored = encodeStored(object);
    expect(stored.toString()).not.toContain('resourceVersion');
    expect(parseObject(spliceVersion(stored, 12))).toEqual({
      ...object,
      metadata: { ...object.metadata, resourceVersion: '12' },
    });
  });

  test('of another program is read as well', () => {
    const other = Buffer.from('{"data":{},"metadata":{},"kind":"ConfigMap"}');
    expect(parseObject(spliceVersion(other, 3)).metadata.resourceVersion).toBe('3');
  });

  test('is told from what differs in a byte or in the revision', () => {
    const others = [
      { ...object, data: { text: '"metadata":[' } },
      { ...object, metadata: { ...object.metadata, name: 'ö' } },
      { ...object, data: { text: 'short' } },
    ] as KubeObject[];
    const stored = encodeStored(object);
    const bytes = spliceVersion(stored, 12);
    expect(isSpliced(bytes, stored, 12)).toBe(true);
    expect(isSpliced(bytes, stored, 13)).toBe(false);
    expect(isSpliced(bytes, stored, 123)).toBe(false);
    for (const other of others) expect(isSpliced(bytes, encodeStored(other), 12)).toBe(false);
    const foreign = Buffer.from('{"data":{},"metadata":{},"kind":"ConfigMap"}');
    expect(isSpliced(spliceVersion(foreign, 3), foreign, 3)).toBe(true);
    expect(isSpliced(spliceVersion(foreign, 3), foreign, 4)).toBe(false);
  });

  test('a deleted entry is the last one with the revision of its deletion', () => {
    const entry = Entry.fromStored('ns/ä', encodeStored(object), 12);
    expect(entry.deletedAt(15).parse()).toEqual({
      ...object,
      metadata: { ...object.metadata, resourceVersion: '15' },
    });
  });
});

describe('encryption at rest', () => {
  const values = encryptedValues({
    keys: () => [{ name: 'key1', secret: Buffer.alloc(32, 1) }],
    prefixes: ['/registry/secrets/'],
  });
  const value = Buffer.from('secret');

  test('hides what it should, and only that', () => {
    const hidden = values.toStore('/registry/secrets/a/b', value);
    expect(hidden.includes('secret')).toBe(false);
    expect(values.fromStore('/registry/secrets/a/b', hidden)).toEqual(value);
    expect(values.toStore('/registry/configmaps/a/b', value)).toBe(value);
  });

  test('a value that was moved to another key is refused', () => {
    const hidden = values.toStore('/registry/secrets/a/b', value);
    expect(() => values.fromStore('/registry/secrets/a/c', hidden)).toThrow(/auth/);
  });

  test('the first key writes, each reads its own, and one that was dropped reads nothing', () => {
    const path = '/registry/secrets/a/b';
    const [one, two, namesake] = [1, 2, 3].map((byte) => Buffer.alloc(32, byte));
    const of = (...pairs: [string, Buffer | undefined][]) =>
      encryptedValues({
        keys: () => pairs.map(([name, secret]) => ({ name, secret: secret ?? Buffer.alloc(0) })),
        prefixes: ['/registry/secrets/'],
      });
    const old = of(['key1', one]).toStore(path, value);
    const both = of(['key2', two], ['key1', namesake], ['key1', one]);
    expect(both.fromStore(path, old)).toEqual(value);
    const young = both.toStore(path, value);
    expect(young.toString('latin1')).toMatch(/^k8s:enc:aesgcm:v1:key2:/);
    expect(of(['key2', two]).fromStore(path, young)).toEqual(value);
    expect(() => of(['key2', two]).fromStore(path, old)).toThrow('no encryption key named key1');
    // What the first key has not written is to be written again, plain values too.
    const isStale = both.isStale?.(path);
    const others = of(['key2', namesake]).toStore(path, value);
    expect([old, others, value].map((one) => isStale?.(one))).toEqual([true, true, true]);
    expect(isStale?.(young)).toBe(false);
    expect(both.isStale?.('/registry/configmaps/a/b')).toBeUndefined();
  });
});
