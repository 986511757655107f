import { afterAll, expect, test } from '@jest/globals';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from './create-logger.js';
import { LogThreshold } from './log.js';

const directory = mkdtempSync(join(tmpdir(), 'trireme-log-'));
afterAll(() => rmSync(directory, { recursive: true }));

const linesOf = (path: string): unknown[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const { time: _time, ...rest } = JSON.parse(line) as Record<string, unknown>;
      return rest;
    });

test.each([
  ['debug', ['debug', 'info', 'warn', 'error']],
  ['info', ['info', 'warn', 'error']],
  ['warn', ['warn', 'error']],
  ['error', ['error']],
  ['silent', []],
] as const)('at level %s are written: %j', (level, written) => {
  const path = join(directory, level);
  const log = createLogger({ component: 'test', level, outputs: [path] });
  for (const one of ['debug', 'info', 'warn', 'error'] as const) log[one]({ n: 1 }, one);
  expect(linesOf(path)).toEqual(
    written.map((name) => ({ level: name, component: 'test', n: 1, msg: name })),
  );
});

test.each([1, 2])('the level changes for all loggers at once, with %d outputs', (count) => {
  const paths = Array.from({ length: count }, (_, n) => join(directory, `changing-${count}-${n}`));
  const threshold = new LogThreshold('info');
  const log = createLogger({ component: 'test', level: threshold, outputs: paths });
  const child = log.child({ part: 'x' });
  const say = (message: string): void => {
    log.debug({}, message);
    child.debug({}, message);
  };
  say('before');
  threshold.set('debug');
  say('while');
  threshold.set(undefined);
  say('after');
  const base = { level: 'debug', component: 'test', msg: 'while' };
  for (const path of paths) expect(linesOf(path)).toEqual([base, { ...base, part: 'x' }]);
  expect(threshold.level).toBe('info');
});
