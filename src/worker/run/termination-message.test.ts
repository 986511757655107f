import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { appendFile, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageLimits, terminationMessage } from './termination-message.js';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'termination-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

const said = (
  policy: 'File' | 'FallbackToLogsOnError',
  options: { readonly exitCode?: number; readonly containersInPod?: number } = {},
): Promise<string> =>
  terminationMessage({
    container: { name: 'c', terminationMessagePolicy: policy },
    containersInPod: 1,
    exitCode: 1,
    messagePath: join(home, 'message'),
    logPath: join(home, 'log'),
    ...options,
  });

const logLine = (text: string): string => `2026-01-01T00:00:00.000000000Z stdout F ${text}\n`;

describe('what a container says about its end', () => {
  test('is the end of the file, and a share of the pod’s 12 KiB', async () => {
    await writeFile(join(home, 'message'), `${'x'.repeat(10_000)}end`);
    const message = await said('File');
    expect([message.length, message.endsWith('end')]).toEqual([4096, true]);
    expect(await said('File', { containersInPod: 12 })).toHaveLength(1024);
  });

  test('a sparse file of a terabyte', async () => {
    await writeFile(join(home, 'message'), '');
    await truncate(join(home, 'message'), 2 ** 40);
    await appendFile(join(home, 'message'), 'end');
    expect((await said('File')).endsWith('end')).toBe(true);
  });

  test('nothing, when there is no regular file', async () => {
    expect(await said('File')).toBe('');
    execFileSync('mkfifo', [join(home, 'message')]);
    expect(await said('File')).toBe('');
    await rm(join(home, 'message'));
    await symlink(home, join(home, 'message'));
    expect(await said('File')).toBe('');
  });

  test('is the log’s end instead, if it failed and wrote nothing: lines and bytes are bounded', async () => {
    const { logBytesMax, logLinesMax } = messageLimits;
    await writeFile(
      join(home, 'log'),
      Array.from({ length: 200 }, (_, i) => logLine(`${i}`)).join(''),
    );
    const lines = (await said('FallbackToLogsOnError')).trimEnd().split('\n');
    expect([lines.length, lines.at(-1)]).toEqual([logLinesMax, '199']);
    expect(await said('FallbackToLogsOnError', { exitCode: 0 })).toBe('');
    expect(await said('File')).toBe('');
    await appendFile(join(home, 'log'), logLine('é'.repeat(5000)));
    expect(Buffer.byteLength(await said('FallbackToLogsOnError'))).toBeLessThanOrEqual(
      logBytesMax + 2,
    );
  });

  test('has no newline where the log’s last line has none', async () => {
    const last = '2026-01-01T00:00:00.000000000Z stdout P DONE\n';
    await writeFile(join(home, 'log'), `${logLine('one')}${last}`);
    expect(await said('FallbackToLogsOnError')).toBe('one\nDONE');
  });
});
