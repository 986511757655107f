import { spawn } from 'node:child_process';
import type { Clock } from '../lib/clock.js';

/** How one command ended. */
export interface CommandResult {
  /** 128 + n when signal n ended it; 127 when it could not be started. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

export interface CommandOptions {
  readonly timeoutMs: number;
  /** Bytes kept of each stream; the rest is read and dropped. @default 1 MiB */
  readonly maxBytes?: number;
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Output streams in one string, in the order they came, in `stdout`. */
  readonly merge?: boolean;
}

/** Runs programs: the one way in which a runtime touches the machine, so that tests can watch or replace it. */
export type RunCommand = (
  program: string,
  args: readonly string[],
  options: CommandOptions,
) => Promise<CommandResult>;

const signalNumbers: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGTERM: 15,
};

/** Runs real processes, at most `concurrency` at once; never through a shell. */
export function createCommandRunner(options: {
  readonly clock: Clock;
  readonly concurrency: number;
}): RunCommand {
  let running = 0;
  const waiting: (() => void)[] = [];
  const acquire = (): Promise<void> => {
    if (running < options.concurrency) {
      running += 1;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      waiting.push(resolve);
    });
  };
  const release = (): void => {
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  };
  return async (program, args, command) => {
    await acquire();
    try {
      return await runOnce(options.clock, program, args, command);
    } finally {
      release();
    }
  };
}

/** Runs nothing: prints each command line and answers as told. For golden transcripts, and to see what would be done. */
export function dryRunner(options: {
  readonly print: (line: string) => void;
  /** What the command would write to standard output. */
  readonly answers: (program: string, args: readonly string[]) => string;
}): RunCommand {
  return async (program, args) => {
    options.print([program, ...args].join(' '));
    await Promise.resolve();
    return { code: 0, stdout: options.answers(program, args), stderr: '', timedOut: false };
  };
}

function runOnce(
  clock: Clock,
  program: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  const maxBytes = options.maxBytes ?? 1024 * 1024;
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      ...(options.env === undefined ? {} : { env: { ...process.env, ...options.env } }),
    });
    const out = collector(maxBytes);
    const err = options.merge === true ? out : collector(maxBytes);
    let timedOut = false;
    let settled = false;
    const cancel = clock.schedule(options.timeoutMs, () => {
      timedOut = true;
      child.kill('SIGKILL');
    });
    const settle = (code: number, extra = ''): void => {
      if (settled) return;
      settled = true;
      cancel();
      const stderr = options.merge === true ? extra : err.text() + extra;
      resolve({ code, stdout: out.text(), stderr, timedOut });
    };
    child.on('error', (error) => settle(127, error.message));
    child.stdout?.on('data', out.take);
    child.stderr?.on('data', err.take);
    child.on('close', (code, signal) => settle(code ?? 128 + (signalNumbers[signal ?? ''] ?? 9)));
    child.stdin?.on('error', () => undefined);
    if (options.input !== undefined) child.stdin?.end(options.input);
  });
}

function collector(maxBytes: number): { take: (data: Buffer) => void; text: () => string } {
  const parts: Buffer[] = [];
  let size = 0;
  return {
    take: (data) => {
      const room = maxBytes - size;
      if (room <= 0) return;
      const part = data.length > room ? data.subarray(0, room) : data;
      parts.push(part);
      size += part.length;
    },
    text: () => Buffer.concat(parts).toString('utf8'),
  };
}
