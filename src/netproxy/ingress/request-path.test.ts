import { describe, expect, test } from '@jest/globals';
import { matchForm, normalPath, otherReadings } from './request-path.js';

describe('normal form', () => {
  test.each<readonly [string, string | undefined]>([
    ['/', '/'],
    ['/a/b/', '/a/b/'],
    ['/a/./b', '/a/b'],
    ['/a/../b', '/b'],
    ['/a/..', '/'],
    ['/a/b/..', '/a/'],
    ['/a/.', '/a/'],
    ['/..', undefined],
    ['/a/../..', undefined],
    ['/.a/..b', '/.a/..b'],
    ['/%2E%2e/a', undefined],
    ['/a/%2e%2E/b', '/b'],
    ['/%7euser', '/~user'],
    ['/a%2fb', '/a%2Fb'],
    ['/a%20b', '/a%20b'],
    ['/caf\xe9', '/caf%E9'],
    ['/a b', undefined],
    ['/a\tb', undefined],
    ['/a\\b', undefined],
    ['/a%', undefined],
    ['/a%g0', undefined],
    ['/a%00', undefined],
    ['a', undefined],
    ['', undefined],
  ])('%s → %s', (raw, normal) => {
    expect(normalPath(raw)).toBe(normal);
    if (normal !== undefined) expect(normalPath(normal)).toBe(normal);
  });
});

test('escapes whose meaning is not disputed do not count', () => {
  expect(matchForm('/%40scope/a%20b')).toBe('/@scope/a b');
  expect(matchForm('/caf%C3%A9')).toBe(matchForm('/café'));
  expect(matchForm('/a%2Fb')).not.toBe(matchForm('/a/b'));
});

test('other readings: only where some backend reads otherwise', () => {
  expect(otherReadings('/a/b.c/~d')).toEqual([]);
  expect(otherReadings('/a/..%2Fb')).toContain('/b');
  expect(otherReadings('/a/..;x/b')).toContain('/b');
  expect(otherReadings('/a/%252e%252e/b')).toContain('/b');
  expect(otherReadings('/a/..%252fb')).toContain('/b');
  expect(otherReadings('/a%5C..%5Cb')).toContain('/b');
  expect(otherReadings('/a%2F%2F..%2Fb')).toContain('/b');
});

test('the cost of a path is linear in its length', () => {
  const long = (count: number): string => `/${'%252e%2f;..//'.repeat(count)}`;
  expect(otherReadings(long(600)).length).toBeLessThan(16);
});
