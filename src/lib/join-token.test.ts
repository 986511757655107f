import { expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readJoinToken } from './join-token.js';

test('a token comes from a flag, a file or the environment, in this order', () => {
  const home = mkdtempSync(join(tmpdir(), 'trireme-token-'));
  const tokenFile = join(home, 'token');
  writeFileSync(tokenFile, 'from.file\n');
  const environment = { TRIREME_JOIN_TOKEN: 'from.environment' };
  expect(readJoinToken({ token: 'from.flag', tokenFile }, environment)).toBe('from.flag');
  expect(readJoinToken({ tokenFile }, environment)).toBe('from.file');
  expect(readJoinToken({}, environment)).toBe('from.environment');
  expect(readJoinToken({}, {})).toBeUndefined();
  rmSync(home, { recursive: true });
  expect(readJoinToken({ tokenFile }, environment)).toBe('');
});
