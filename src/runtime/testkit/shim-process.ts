/** Runs the shim as the runtimes do, for tests that look at what it does with real processes. */
import { spawn } from 'node:child_process';
import type { ChildProcess, StdioOptions } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { delay, systemClock } from '../../lib/clock.js';
import { parseLogLine } from '../log-file.js';

/** The program itself. */
export const shimFile = resolve('src/runtime/shim/trireme-shim.pl');
const clock = systemClock();
/** Far longer than anything takes on a machine that is busy. */
const patienceMs = 20_000;

/** A shim that runs. */
export interface ShimProcess {
  readonly child: ChildProcess;
  /** All that it has written to its standard output and error. */
  readonly output: () => string;
  /** Its exit code; 128 + 9 when it was killed. */
  readonly ended: Promise<number>;
  /** Its log's lines as `STREAM F|P TEXT`, without the stamps. */
  readonly log: () => string[];
}

/** Starts it in a directory. @param stdio as `spawn` takes it. @default pipes for standard input, output and error */
export function startShim(
  dir: string,
  args: readonly string[],
  stdio: StdioOptions = 'pipe',
): ShimProcess {
  const child = spawn(shimFile, args, { cwd: dir, stdio });
  let text = '';
  const take = (bytes: Buffer): void => {
    text += bytes.toString('latin1');
  };
  child.stdout?.on('data', take);
  child.stderr?.on('data', take);
  child.stdin?.on('error', () => undefined);
  const ended = new Promise<number>((done) => {
    child.on('close', (code) => done(code ?? 137));
  });
  return { child, output: () => text, ended, log: () => logOf(join(dir, 'log')) };
}

/** The words of `run` for a container whose files are in the working directory. */
export function runWords(
  command: readonly string[],
  settings: Readonly<Record<string, string>> = {},
): string[] {
  const all = { path: 'log', max: '100000', exit: 'exit', pid: 'pid', ...settings };
  return ['run', ...Object.entries(all).flat(), '--', ...command];
}

/** A log's lines as `STREAM F|P TEXT`; none where there is no log. */
export function logOf(path: string): string[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path).toString('latin1').split('\n').slice(0, -1);
  return lines.map((line) => {
    const entry = parseLogLine(Buffer.from(line, 'latin1'));
    if (entry === undefined) return `no entry: ${line}`;
    return `${entry.stream} ${entry.full ? 'F' : 'P'} ${entry.text.toString('latin1')}`;
  });
}

/** Resolves when `holds`; fails by saying what did not come. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  const endMs = clock.monotonicMs() + patienceMs;
  while (!holds()) {
    if (clock.monotonicMs() > endMs)
      throw new Error(`in ${patienceMs} ms it did not come that ${what}`);
    await delay(clock, 5);
  }
}
