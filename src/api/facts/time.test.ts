import { expect, test } from '@jest/globals';
import { byCreation, formatMicroTime, formatTime, parseTime } from './time.js';

test('times are cut to what is written', () => {
  const ms = Date.parse('2026-01-02T03:04:05.678Z');
  expect(formatTime(ms)).toBe('2026-01-02T03:04:05Z');
  expect(formatMicroTime(ms)).toBe('2026-01-02T03:04:05.678000Z');
  expect(formatTime(-1)).toBe('1969-12-31T23:59:59Z');
});

test('a time is written as its own second, whatever was written before', () => {
  const first = Date.parse('2026-01-02T03:04:05Z');
  for (const seconds of [0, 64, 0, 1, 65, -64, 2 ** 32, 0, 64]) {
    for (const ms of [0, 0.5, 999, 0]) {
      const at = first + seconds * 1000 + ms;
      expect(formatTime(at)).toBe(`${new Date(at).toISOString().slice(0, 19)}Z`);
    }
  }
  expect(formatTime(-0.5)).toBe('1970-01-01T00:00:00Z');
  expect(formatTime(-1)).toBe('1969-12-31T23:59:59Z');
  expect(() => formatTime(Number.NaN)).toThrow(RangeError);
});

test.each<[string | null | undefined, number | undefined]>([
  ['2026-01-02T03:04:05Z', Date.parse('2026-01-02T03:04:05Z')],
  ['2026-01-02T04:04:05.5+01:00', Date.parse('2026-01-02T03:04:05.500Z')],
  ['', undefined],
  ['soon', undefined],
  [null, undefined],
  [undefined, undefined],
])('%s is read as %s', (text, expected) => {
  expect(parseTime(text)).toBe(expected);
});

test('the older comes first, then the lower name', () => {
  const object = (name: string, creationTimestamp?: string) => ({
    metadata: { name, creationTimestamp },
  });
  const all = [
    object('c', '2026-01-02T00:00:00Z'),
    object('b', '2026-01-02T00:00:00Z'),
    object('d'),
    object('a', '2026-01-03T00:00:00Z'),
  ];
  expect(all.toSorted(byCreation).map(({ metadata }) => metadata.name)).toEqual([
    'd',
    'b',
    'c',
    'a',
  ]);
});
