/** Each invariant of docs/INVARIANTS.md names a checker that is there. */
import { expect, test } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = process.cwd();
const rows = readFileSync(join(root, 'docs/INVARIANTS.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !/^\| (?:-+|invariant) /.test(line));

test('every invariant has a checker, and every checker is there', () => {
  expect(rows.length).toBeGreaterThan(40);
  const wrong = rows.flatMap((row) => {
    const [, invariant = '', checked = ''] = row.split('|').map((cell) => cell.trim());
    const checkers = [...checked.matchAll(/`([^`]+)`: "([^"]+)"/g)];
    const missing = checkers
      .filter(([, path = '', words = '']) => {
        const file = join(root, path);
        return !existsSync(file) || !readFileSync(file, 'utf8').includes(words);
      })
      .map(([checker]) => `${invariant}: ${checker}`);
    return checkers.length === 0 ? [`${invariant}: nothing checks it`] : missing;
  });
  expect(wrong).toEqual([]);
});
