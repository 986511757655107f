import { describe, expect, test } from '@jest/globals';
import { Permission_Type } from '../../gen/etcd/auth.js';
import { isGranted, mergePermissions } from './permissions.js';

const granted = mergePermissions([
  {
    name: Buffer.from('r'),
    keyPermission: [
      ['c', 'f'],
      ['e', 'i'],
      ['s', ''],
      ['x', '\0'],
    ].map(([key = '', end = '']) => ({
      permType: Permission_Type.READ,
      key: Buffer.from(key),
      rangeEnd: Buffer.from(end),
    })),
  },
]);

// As etcd 3.5.30 answered a user with these permissions.
describe('a range that ends where it begins, or before', () => {
  test.each<[string, string, boolean]>([
    ['c', 'c', true],
    ['d', 'a', true],
    ['h', 'c', true],
    ['s', 'm', true],
    ['y', 'x', true],
    ['\u00ff', '\u00ff', true],
    ['a', 'a', false],
    ['i', 'i', false],
    ['i', 'a', false],
    ['p', 'd', false],
    ['s\0', 's', false],
    ['s\0', 's\0', false],
  ])('%j to %j: its first key must be granted', (key, end, is) => {
    expect(isGranted(granted, 'read', { key, end })).toBe(is);
  });

  test('asks for nothing in an entry of an older build', () => {
    expect(isGranted(granted, 'read', { key: 'p', end: 'd', isLegacy: true })).toBe(true);
    expect(isGranted(granted, 'read', { key: 'p', end: 'q', isLegacy: true })).toBe(false);
  });
});
