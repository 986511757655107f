import { expect, test } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import { runDown } from './down.js';
import { runUp } from './up.js';

/** Returns what a command prints for `--help`. */
async function helpOf(command: (argv: readonly string[]) => Promise<number>): Promise<string> {
  const write = process.stdout.write.bind(process.stdout);
  let text = '';
  process.stdout.write = (data: string | Uint8Array) => ((text += String(data)), true);
  try {
    await command(['--help']);
  } finally {
    process.stdout.write = write;
  }
  return text;
}

// The scripts print these files before there is a program. `UPDATE=1` writes them anew.
test.each([
  ['up', runUp],
  ['down', runDown],
])('scripts/%s prints the help of the program', async (name, command) => {
  const path = `scripts/lib/help/${name}.txt`;
  const help = await helpOf(command);
  if (process.env['UPDATE'] !== undefined) writeFileSync(path, help);
  expect(readFileSync(path, 'utf8')).toBe(help);
});
