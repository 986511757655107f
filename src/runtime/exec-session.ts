import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Writable } from 'node:stream';
import type { Clock } from '../lib/clock.js';
import type { ExecOutput, ExecResult, ExecSession } from './types.js';

const signals: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };
/** A command that is told to end gets this long before it is killed. */
const termMs = 2000;

/** The child process behind a session. */
export interface SessionProcess {
  readonly program: string;
  readonly args: readonly string[];
  readonly stdin: boolean;
  /** Descriptor 3 takes terminal sizes: the child is our pty program. */
  readonly sizes: boolean;
  /** The whole environment. @default this process's */
  readonly env?: Readonly<Record<string, string>>;
  readonly clock: Clock;
  /**
   * Ends by force what the child started elsewhere and SIGTERM did not end; called before the child itself is killed.
   */
  readonly kill?: () => Promise<void>;
}

/**
 * A child process as a session: its standard streams are the session's. It leads a process group, which ends with it.
 */
export function spawnSession(options: SessionProcess, output: ExecOutput): ExecSession {
  const { stdin, sizes, env } = options;
  const child = spawn(options.program, options.args, {
    ...(env === undefined ? {} : { env }),
    detached: true,
    stdio: [stdin ? 'pipe' : 'ignore', 'pipe', 'pipe', ...(sizes ? (['pipe'] as const) : [])],
  });
  let closed = false;
  relay(child.stdout, (data) => closed || output.stdout(data));
  relay(child.stderr, (data) => closed || output.stderr(data));
  child.stdout?.on('end', () => {
    if (!closed) output.ended?.();
  });
  // A stream that breaks ends with its process, which `done` tells.
  for (const stream of child.stdio) stream?.on('error', () => undefined);
  child.stdin?.on('drain', () => output.drain?.());
  const sizeStream = sizes ? (child.stdio[3] as Writable) : undefined;
  sizeStream?.on('drain', () => output.drain?.());
  const done = ended(child);
  const resume = (): void => {
    child.stdout?.resume();
    child.stderr?.resume();
  };
  return {
    write: (data) => child.stdin?.writable !== true || child.stdin.write(data),
    closeStdin: () => child.stdin?.end(),
    resize: ({ width, height }) =>
      sizeStream?.writable !== true || sizeStream.write(`${height} ${width}\n`),
    resume,
    close: () => {
      if (closed) return;
      closed = true;
      child.stdin?.destroy();
      resume();
      endChild(child, options, done);
    },
    done,
  };
}

function relay(stream: ChildProcess['stdout'], take: (data: Buffer) => boolean): void {
  stream?.on('data', (data: Buffer) => {
    if (!take(data)) stream.pause();
  });
}

/**
 * Asks the child to end, and after a while ends it by force, whatever process still holds its output. Processes that it
 * started elsewhere are killed in any case, when it has gone and once more later: it may have been about to start one.
 */
function endChild(child: ChildProcess, options: SessionProcess, done: Promise<ExecResult>): void {
  if (child.exitCode !== null || child.signalCode !== null) return;
  signalGroup(child, 'SIGTERM');
  const { kill = (): Promise<void> => Promise.resolve() } = options;
  const force = (): void => {
    signalGroup(child, 'SIGKILL');
    for (const stream of child.stdio) stream?.destroy();
  };
  done.then(kill).catch(() => undefined);
  options.clock.schedule(termMs, () => {
    kill().then(force, force);
  });
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  const { pid } = child;
  if (pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended a moment ago.
  }
}

function ended(child: ChildProcess): Promise<ExecResult> {
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ exitCode: 127, error: error.message }));
    child.on('close', (code, signal) => {
      resolve({ exitCode: code ?? 128 + (signals[signal ?? ''] ?? 9) });
    });
  });
}
