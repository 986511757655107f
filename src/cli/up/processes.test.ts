import { expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import type { ProcessEntry } from './processes.js';
import { listProcesses, withDescendants } from './processes.js';

test('a process is listed with its parent and its words', async () => {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()', 'a (strange) word']);
  try {
    const found = (await listProcesses()).find(({ pid }) => pid === child.pid);
    expect(found).toMatchObject({ parent: process.pid });
    expect(found?.command).toMatch(/ a \(strange\) word$/);
  } finally {
    child.kill('SIGKILL');
  }
});

test('those below a process go with it, however they are listed', () => {
  const entry = (pid: number, parent: number, command = ''): ProcessEntry => ({
    pid,
    parent,
    command,
  });
  const all = [entry(4, 3), entry(3, 2), entry(2, 1, 'it'), entry(5, 1), entry(1, 0)];
  const found = withDescendants(all, ({ command }) => command === 'it');
  expect(found).toEqual(new Set([2, 3, 4]));
});
