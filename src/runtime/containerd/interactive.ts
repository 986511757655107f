import { spawn } from 'node:child_process';
import { access, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import { consoleSocket } from '../console-session.js';
import { parseLogLine } from '../log-file.js';
import type { ContainerConfig } from '../types.js';
import { parseExitCode } from '../exit-code.js';
import { RuntimeError } from '../types.js';
import * as commands from './commands.js';
import type { Ctr } from './ctr.js';
import { errorText } from './ctr.js';

const startTimeoutMs = 120_000;
const endTimeoutMs = 10_000;
const pollMs = 10;

/** The files by which the shim serves an interactive container.  */
export function consoleFiles(dir: string): {
  readonly socket: string;
  readonly exit: string;
  readonly pid: string;
} {
  return {
    socket: join(dir, consoleSocket),
    exit: join(dir, 'exit'),
    pid: join(dir, 'console-pid'),
  };
}

/**
 * Starts a container with a terminal or with standard input: `ctr run` holds its streams, below a shim that logs them
 * and serves those who attach. Both live as long as the container, whatever becomes of the agent.
 * @returns the error with which `ctr` ended, if it did not come to a start
 */
export async function startInteractive(options: {
  readonly ctr: Ctr;
  readonly shim: string;
  readonly clock: Clock;
  readonly dir: string;
  readonly config: ContainerConfig;
}): Promise<RuntimeError | undefined> {
  const { ctr, shim, clock, dir, config } = options;
  const files = consoleFiles(dir);
  const pidFile = join(dir, 'pid');
  const { id, tty } = config;
  // The files of an earlier failed start would pass for the end, the success or the message of this one.
  const left = [files.socket, files.exit, files.pid, pidFile, config.logPath];
  await Promise.all(left.map((path) => rm(path, { force: true })));
  const command = commands.runAttached({ id, specPath: join(dir, 'spec.json'), pidFile, tty });
  const pairs: Readonly<Record<string, string>> = {
    path: config.logPath,
    max: String(config.logMaxBytes),
    exit: files.exit,
    pid: files.pid,
    sock: consoleSocket,
    stdin: config.stdin ? '1' : '0',
    once: config.stdinOnce ? '1' : '0',
    tty: tty ? '1' : '0',
    raw: '1',
  };
  const args = ['run', ...Object.entries(pairs).flat(), '--', ctr.program, ...ctr.argv(command)];
  const child = spawn(shim, args, { detached: true, stdio: 'ignore', cwd: dir });
  let failure: Error | undefined;
  child.on('error', (error) => {
    failure = error;
  });
  child.unref();
  const untilMs = clock.monotonicMs() + startTimeoutMs;
  for (;;) {
    if (await exists(pidFile)) return undefined;
    if (await exists(files.exit)) {
      return new RuntimeError('Failed', await lastError(config.logPath), { retryable: false });
    }
    if (failure !== undefined) return new RuntimeError('Failed', failure.message);
    if (clock.monotonicMs() > untilMs) {
      return new RuntimeError('DeadlineExceeded', `container ${id} did not start in time`);
    }
    await delay(clock, pollMs);
  }
}

/** The exit code that the shim left; `unknown` while the shim lives; 255 when it died without a word. */
export async function consoleExit(dir: string): Promise<number | 'unknown'> {
  const files = consoleFiles(dir);
  const alive = await access(files.socket).then(
    () => true,
    () => false,
  );
  const text = await readFile(files.exit, 'utf8').catch(() => undefined);
  if (text !== undefined) return parseExitCode(text);
  const pid = await readFile(files.pid, 'utf8').catch(() => '0');
  return alive && (await exists(`/proc/${Number(pid)}`)) ? 'unknown' : 255;
}

/** Resolves when the shim has ended, or after a while all the same. */
export async function consoleEnd(clock: Clock, dir: string): Promise<void> {
  const untilMs = clock.monotonicMs() + endTimeoutMs;
  while ((await consoleExit(dir)) === 'unknown' && clock.monotonicMs() < untilMs) {
    await delay(clock, pollMs);
  }
}

/** Returns the last message of `ctr`, which the shim has put into the container's log. */
async function lastError(logPath: string): Promise<string> {
  const text = await readFile(logPath).catch(() => Buffer.alloc(0));
  const lines: string[] = [];
  for (const line of text.toString('latin1').split('\n')) {
    const entry = parseLogLine(Buffer.from(line, 'latin1'));
    if (entry !== undefined) lines.push(entry.text.toString('utf8').trimEnd());
  }
  return errorText(lines.filter((line) => line.startsWith('ctr: ')).join('\n'));
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
