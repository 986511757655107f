/** The shim as logger of a containerd task. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { StdioOptions } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import type { ShimProcess } from '../testkit/shim-process.js';
import { logOf, startShim, until } from '../testkit/shim-process.js';

let dir = '';
let logger: Logger | undefined;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'trireme-shim-'));
});
afterEach(() => {
  logger?.child.kill('SIGKILL');
  logger = undefined;
  rmSync(dir, { recursive: true, force: true });
});

interface Logger extends ShimProcess {
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/** As containerd starts it: its settings in any order, the streams on 3 and 4, readiness told by closing 5. */
async function startLogger(max = '100000', path = 'log'): Promise<Logger> {
  const stdio: StdioOptions = ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe'];
  const shim = startShim(dir, ['max', max, 'path', path], stdio);
  const [stdout, stderr, ready] = [...shim.child.stdio].slice(3) as [Writable, Writable, Readable];
  for (const stream of [stdout, stderr]) stream.on('error', () => undefined);
  await new Promise((resolve) => {
    ready.on('close', resolve).resume();
  });
  logger = { ...shim, stdout, stderr };
  return logger;
}

/** Ends both streams, as the end of the task does. @returns its exit code */
async function endOf(logger: Logger): Promise<number> {
  logger.stdout.end();
  logger.stderr.end();
  return logger.ended;
}

describe('a log', () => {
  test('has each line with its stream and a stamp in nanoseconds', async () => {
    const logger = await startLogger();
    logger.stdout.write('one\ntwo\n\n');
    await until('lines are there', () => logger.log().length === 3);
    logger.stderr.write('three\n');
    expect(await endOf(logger)).toBe(0);
    expect(logger.log()).toEqual(['stdout F one', 'stdout F two', 'stdout F ', 'stderr F three']);
    const stamps = readFileSync(join(dir, 'log'), 'latin1').match(/^\S+/gm) ?? [];
    for (const stamp of stamps) expect(stamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
    expect(stamps).toEqual([...stamps].sort());
  });

  test('joins a line that comes in parts, streams apart, and keeps what has no newline', async () => {
    const logger = await startLogger();
    logger.stdout.write('a');
    logger.stderr.write('x');
    logger.stdout.write('b\nc');
    await until('the line is there', () => logger.log().length === 1);
    expect(await endOf(logger)).toBe(0);
    expect(logger.log().sort()).toEqual(['stderr P x', 'stdout F ab', 'stdout P c']);
  });

  test('cuts lines at 16 KiB: partial ones, then the full one', async () => {
    const logger = await startLogger();
    logger.stdout.write(`${'a'.repeat(16_384)}${'b'.repeat(16_384)}c\n`);
    expect(await endOf(logger)).toBe(0);
    expect(logger.log()).toEqual([
      `stdout P ${'a'.repeat(16_384)}`,
      `stdout P ${'b'.repeat(16_384)}`,
      'stdout F c',
    ]);
  });

  test('keeps every byte, whatever its value', async () => {
    const logger = await startLogger();
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, at) => at).filter((at) => at !== 10));
    logger.stdout.write(Buffer.concat([bytes, Buffer.from('\n')]));
    expect(await endOf(logger)).toBe(0);
    expect(logger.log()).toEqual([`stdout F ${bytes.toString('latin1')}`]);
  });

  test('is appended to', async () => {
    const first = await startLogger();
    first.stdout.write('before\n');
    await endOf(first);
    const again = await startLogger();
    again.stdout.write('after\n');
    expect(await endOf(again)).toBe(0);
    expect(again.log()).toEqual(['stdout F before', 'stdout F after']);
  });
});

describe('a full log', () => {
  /** Writes lines one by one, so that the logger takes each by itself. */
  async function writeLines(logger: Logger, count: number): Promise<void> {
    const seen = (): string[] => [...logOf(join(dir, 'log.1')), ...logger.log()];
    for (let line = 0; line < count; line++) {
      logger.stdout.write(`line ${line}\n`);
      await until(`line ${line} is there`, () => seen().at(-1) === `stdout F line ${line}`);
    }
  }

  test('moves to .1, and only once: twice its size is the most that is kept', async () => {
    const logger = await startLogger('100');
    await writeLines(logger, 6);
    expect(await endOf(logger)).toBe(0);
    // A line is 47 bytes: two fit.
    expect(logOf(join(dir, 'log.1'))).toEqual(['stdout F line 2', 'stdout F line 3']);
    expect(logger.log()).toEqual(['stdout F line 4', 'stdout F line 5']);
  });

  test('without a limit grows', async () => {
    const logger = await startLogger('0');
    await writeLines(logger, 6);
    expect(await endOf(logger)).toBe(0);
    expect(logger.log()).toHaveLength(6);
  });

  test('whose directory is gone goes on: its container would end of a pipe that nobody reads', async () => {
    mkdirSync(join(dir, 'logs'));
    const logger = await startLogger('100', 'logs/log');
    logger.stdout.write('line\n');
    await until('the line is there', () => logOf(join(dir, 'logs/log')).length === 1);
    rmSync(join(dir, 'logs'), { recursive: true });
    for (let line = 0; line < 100; line++) logger.stdout.write(`${'x'.repeat(8192)}\n`);
    expect(await endOf(logger)).toBe(0);
    expect(logger.output()).toBe('');
  });
});

test('without its directory it says why and ends', async () => {
  const logger = await startLogger('1', 'nowhere/log');
  expect(await logger.ended).not.toBe(0);
  expect(logger.output()).toContain('cannot open nowhere/log: No such file or directory');
});

test('signals that reach the agent do not end it', async () => {
  const logger = await startLogger();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) logger.child.kill(signal);
  logger.stdout.write('still here\n');
  await until('it logs', () => logger.log().length === 1);
  expect(await endOf(logger)).toBe(0);
});
