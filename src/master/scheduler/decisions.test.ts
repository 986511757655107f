/** Runs the golden scripts in `testdata`. `UPDATE=1` records them anew: read the diff. */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { expect, test } from '@jest/globals';
import { runScript } from './testkit/script.js';

const directory = join(process.cwd(), 'src/master/scheduler/testdata');

test.each(readdirSync(directory))('%s', (name) => {
  const path = join(directory, name);
  const text = readFileSync(path, 'utf8');
  const played = runScript(text);
  if (process.env['UPDATE'] === '1') writeFileSync(path, played);
  else expect(played).toBe(text);
});

test('every plugin has a script', () => {
  const names = readdirSync(directory);
  const plugins = readdirSync(join(directory, '../plugins'))
    .map((file) => file.replace(/\.ts$/, ''))
    .filter((name) => !['index', 'types', 'normalize'].includes(name));
  expect(plugins.filter((name) => !names.includes(`${name}.txt`))).toEqual([]);
});
