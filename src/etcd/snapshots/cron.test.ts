import { expect, test } from '@jest/globals';
import { nextDueMs } from './cron.js';

const local = (text: string): number => new Date(text).getTime();
const after = local('2026-03-10T10:20:30');

test.each([
  ['0 3 * * *', '2026-03-11T03:00:00'],
  ['*/15 * * * *', '2026-03-10T10:30:00'],
  ['@daily', '2026-03-11T00:00:00'],
  ['@every 6h', '2026-03-10T16:20:30'],
])('%s is due next, on the clock of this machine, at %s', (cron, due) => {
  expect(nextDueMs(cron, after)).toBe(local(due));
});

test.each([
  ['every day', 'expected exactly 5 fields, found 2: [every day]'],
  ['0 0 3 * * *', 'expected exactly 5 fields, found 6: [0 0 3 * * *]'],
  ['0 24 * * *', 'end of range (24) above maximum (23): 24'],
  ['0 0 31 2 *', 'no such time within five years'],
])('%s is refused', (cron, problem) => {
  expect(() => nextDueMs(cron, after)).toThrow(new Error(problem));
});
