import { expect, test } from '@jest/globals';
import { parseLogLine } from './log-file.js';

test.each([
  ['2026-01-02T03:04:05.123456789Z', '2026-01-02T03:04:05.123456789Z'],
  // containerd's own logger leaves zeros at the end out.
  ['2026-01-02T03:04:05.1234567Z', '2026-01-02T03:04:05.123456700Z'],
  ['2026-01-02T03:04:05Z', '2026-01-02T03:04:05.000000000Z'],
])('the time %s of an entry is %s', (written, read) => {
  expect(parseLogLine(Buffer.from(`${written} stderr P a b`))).toEqual({
    timestamp: read,
    stream: 'stderr',
    full: false,
    text: Buffer.from('a b'),
  });
});

test.each(['', 'x', '2026-01-02T03:04:05Z stdout', '2026-01-02T03:04:05Z stdin F text'])(
  '"%s" is no entry',
  (line) => {
    expect(parseLogLine(Buffer.from(line))).toBeUndefined();
  },
);
