/** Runs the golden scripts in `testdata`. `UPDATE=1` records them anew: read the diff. */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { expect, test } from '@jest/globals';
import { runScript } from './testkit/script.js';

const directory = join(process.cwd(), 'src/cli/why/testdata');

test.each(readdirSync(directory))('%s', async (name) => {
  const path = join(directory, name);
  const text = readFileSync(path, 'utf8');
  const played = await runScript(text);
  if (process.env['UPDATE'] === '1') writeFileSync(path, played);
  else expect(played).toBe(text);
});
