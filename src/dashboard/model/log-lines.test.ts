import { expect, test } from '@jest/globals';
import { charactersKept, linesKept, LogLines } from './log-lines.js';

test('lines are whole wherever the pieces are cut, and the open one is shown', () => {
  const log = new LogLines();
  for (const piece of ['on', 'e\r\ntw', 'o\n\nthr']) log.add(piece);
  expect(log.text('')).toBe('one\ntwo\n\nthr');
  log.add('ee\n');
  expect(log.text('')).toBe('one\ntwo\n\nthree');
  expect(log.text('T')).toBe('two\nthree');
});

test('colours of terminals are left out', () => {
  const log = new LogLines();
  log.add('\u001B[1;32mINFO\u001B[0m ready\u001B[K\n');
  expect(log.text('')).toBe('INFO ready');
});

test('the oldest lines go where there are too many', () => {
  const log = new LogLines();
  for (let n = 0; n < linesKept + 10; n++) log.add(`${n}\n`);
  expect(log.text('').split('\n')).toHaveLength(linesKept);
  expect(log.text('').split('\n')[0]).toBe('10');
  expect(log.dropped).toBe(10);
});

test('long lines count by their length, and one without end is cut', () => {
  const log = new LogLines();
  const long = 'x'.repeat(charactersKept / 4);
  for (let n = 0; n < 8; n++) log.add(`${n}${long}\n`);
  expect(log.text('').length).toBeLessThanOrEqual(charactersKept);
  expect(log.text('').split('\n').at(-1)?.[0]).toBe('7');
  for (let n = 0; n < 8; n++) log.add(long);
  expect(log.text('').length).toBeLessThanOrEqual(2 * charactersKept);
});
