/** Schedules: the times that robfig/cron gives, over changes of the clock too, and its words for what is none. */
import { describe, expect, test } from '@jest/globals';
import { parseSchedule } from './schedule.js';

/** The next `count` times after `from`, as UTC texts. */
function times(text: string, from: string, count: number, zone?: string): (string | undefined)[] {
  const schedule = parseSchedule(text, zone);
  const found: (string | undefined)[] = [];
  for (let ms: number | undefined = Date.parse(from); found.length < count;) {
    ms = schedule.next(ms);
    found.push(ms === undefined ? undefined : new Date(ms).toISOString().slice(0, 19));
    if (ms === undefined) break;
  }
  return found;
}

test.each([
  ['* * * * *', '2026-01-01T00:00:00.500Z', ['2026-01-01T00:01:00', '2026-01-01T00:02:00']],
  ['0 9 * * *', '2026-01-01T09:00:00Z', ['2026-01-02T09:00:00']],
  ['*/20 4,5 * * *', '2026-01-01T04:30:00Z', ['2026-01-01T04:40:00', '2026-01-01T05:00:00']],
  ['5/20 * * * *', '2026-01-01T00:00:00Z', ['2026-01-01T00:05:00', '2026-01-01T00:25:00']],
  ['0 0 31 * *', '2026-01-31T00:00:00Z', ['2026-03-31T00:00:00', '2026-05-31T00:00:00']],
  ['0 0 29 feb ?', '2026-01-01T00:00:00Z', ['2028-02-29T00:00:00']],
  // Where both say something about the day, either will do.
  [
    '0 0 13 * fri',
    '2026-01-01T00:00:00Z',
    ['2026-01-02T00:00:00', '2026-01-09T00:00:00', '2026-01-13T00:00:00'],
  ],
  ['@weekly', '2026-01-01T00:00:00Z', ['2026-01-04T00:00:00']],
  ['@every 90s', '2026-01-01T00:00:10.700Z', ['2026-01-01T00:01:40', '2026-01-01T00:03:10']],
  ['59 23 31 2 *', '2026-01-01T00:00:00Z', [undefined]],
])('%s', (text, from, expected) => {
  expect(times(text, from, expected.length)).toEqual(expected);
});

describe('over a change of the clock', () => {
  test.each([
    // New York has no 02:30 on the 8th of March 2026, and 01:30 twice on the 1st of November.
    ['30 2 * * *', 'America/New_York', '2026-03-07T12:00:00Z', ['2026-03-09T06:30:00']],
    [
      '30 1 * * *',
      'America/New_York',
      '2026-10-31T12:00:00Z',
      ['2026-11-01T05:30:00', '2026-11-01T06:30:00', '2026-11-02T06:30:00'],
    ],
    [
      '0 * * * *',
      'Europe/Berlin',
      '2026-03-29T00:30:00Z',
      ['2026-03-29T01:00:00', '2026-03-29T02:00:00'],
    ],
    ['0 9 * * *', 'Europe/Berlin', '2026-03-28T09:00:00Z', ['2026-03-29T07:00:00']],
    // Santiago's clocks leave midnight out on the 6th of September 2026: the day begins at one.
    ['0 1 * * *', 'America/Santiago', '2026-09-05T12:00:00Z', ['2026-09-06T04:00:00']],
    ['0 0 * * *', 'America/Santiago', '2026-09-05T12:00:00Z', ['2026-09-07T03:00:00']],
    ['15 8 * * *', 'Asia/Kolkata', '2026-01-01T00:00:00Z', ['2026-01-01T02:45:00']],
  ])('%s in %s', (text, zone, from, expected) => {
    expect(times(text, from, expected.length, zone)).toEqual(expected);
  });
});

test.each([
  ['', 'empty spec string'],
  ['* * * *', 'expected exactly 5 fields, found 4: [* * * *]'],
  ['60 * * * *', 'end of range (60) above maximum (59): 60'],
  ['* * 0 * *', 'beginning of range (0) below minimum (1): 0'],
  ['* * * * 7', 'end of range (7) above maximum (6): 7'],
  ['5-2 * * * *', 'beginning of range (5) beyond end of range (2): 5-2'],
  ['*/0 * * * *', 'step of range should be a positive number: */0'],
  ['1-2-3 * * * *', 'too many hyphens: 1-2-3'],
  ['1/2/3 * * * *', 'too many slashes: 1/2/3'],
  ['x * * * *', 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'],
  ['@never', 'unrecognized descriptor: @never'],
  ['@every x', 'failed to parse duration @every x: time: invalid duration "x"'],
])('%j is none', (text, message) => {
  expect(() => parseSchedule(text)).toThrow(message);
});

test('an unknown zone is told when it is needed', () => {
  expect(() => parseSchedule('* * * * *', 'Nowhere/None').next(0)).toThrow(RangeError);
});
