import { expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../lib/clock.js';
import { createCommandRunner } from '../spawn.js';
import { canBeTyped, onTerminal } from './typed-password.js';

test.each<[string, string, string, boolean]>([
  ['a password', 'me', 'p:a$s\'s "w', true],
  ['one in another alphabet', 'me', 'пароль', true],
  ['one of two lines', 'me', 'a\nb', false],
  ['one that would end the program', 'me', 'a\u0003', false],
  ['a long one', 'me', 'x'.repeat(4_096), false],
  ['nobody', '', 'p', false],
  ['a name with a colon, which ctr splits', 'a:b', 'p', false],
])('%s can be typed or not', (_name, username, password, wanted) => {
  expect(canBeTyped({ username, password })).toBe(wanted);
});

test('a program reads the line from its terminal, and its words come back without it', async () => {
  const home = mkdtempSync(join(tmpdir(), 'trireme-typed-'));
  const file = join(home, "it's a program");
  // As ctr does: the terminal is standard input, the prompt goes to standard output.
  const text = '#!/bin/sh\n[ -t 0 ] || exit 9\nprintf "Password: "\nIFS= read -r line\n';
  writeFileSync(file, `${text}echo "$1: \${#line}" >&2\nexit 3\n`, { mode: 0o700 });
  const run = createCommandRunner({ clock: systemClock() });
  const { program, args } = onTerminal(file, ['$(touch /nowhere) a\'b "c"']);
  const password = 'p:a$s\'s "w';
  const result = await run(program, args, { timeoutMs: 10_000, input: `${password}\n` });
  rmSync(home, { recursive: true });
  expect(result).toEqual({
    code: 3,
    stdout: 'Password: ',
    stderr: `$(touch /nowhere) a'b "c": ${password.length}\n`,
    timedOut: false,
  });
});
