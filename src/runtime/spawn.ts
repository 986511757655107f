import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Clock } from '../lib/clock.js';
import { Gate } from '../lib/gate.js';
import { toError } from '../lib/errors.js';

/** The result of a command. */
export interface CommandResult {
  /** 128 + n when signal n ended it; 127 when it could not be started. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

/** The options of a command. */
export interface CommandOptions {
  readonly timeoutMs: number;
  /** Bytes kept of each stream; the rest is read and dropped. @default 1 MiB */
  readonly maxBytes?: number;
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Output streams in one string, in the order they came, in `stdout`. */
  readonly merge?: boolean;
  /** With whom it waits for its turn. @default 'control' */
  readonly lane?: CommandLane;
}

/**
 * Commands whose length others decide wait only for their own kind: `transfer` depends on a registry, `guest` on what
 * a container does. So neither holds up `control`, with which the agent runs the node.
 */
export type CommandLane = 'control' | 'transfer' | 'guest';

/** So many commands of a lane run at once. A `ctr` takes about 10 MB while it runs. */
export const laneWidths: Readonly<Record<CommandLane, number>> = {
  control: 8,
  transfer: 4,
  guest: 64,
};

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

/** Runs real processes, at most so many of each lane at once; never through a shell. */
export function createCommandRunner(options: {
  readonly clock: Clock;
  /** @default {@link laneWidths} */
  readonly widths?: Readonly<Record<CommandLane, number>>;
}): RunCommand {
  const widths = options.widths ?? laneWidths;
  const lanes: Readonly<Record<CommandLane, Gate>> = {
    control: new Gate(widths.control),
    transfer: new Gate(widths.transfer),
    guest: new Gate(widths.guest),
  };
  return (program, args, command) =>
    lanes[command.lane ?? 'control'].run(() => runOnce(options.clock, program, args, command));
}

/**
 * Runs nothing: prints each command line and answers as told.
 * @internal For golden transcripts.
 */
export function dryRunner(options: {
  readonly print: (line: string) => void;
  /** Returns the text that the command would write to standard output. */
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
    const out = collector(maxBytes);
    const err = options.merge === true ? out : collector(maxBytes);
    let timedOut = false;
    let cancel = (): void => undefined;
    const settle = (code: number, extra = ''): void => {
      cancel();
      const stderr = options.merge === true ? extra : err.text() + extra;
      resolve({ code, stdout: out.text(), stderr, timedOut });
    };
    const child = start(program, args, options);
    if (child instanceof Error) {
      settle(127, child.message);
      return;
    }
    cancel = clock.schedule(options.timeoutMs, () => {
      timedOut = true;
      killTree(child, options);
      // A process that inherited its output may live on: nobody waits for it.
      child.stdout?.destroy();
      child.stderr?.destroy();
    });
    child.on('error', (error) => settle(127, error.message));
    child.stdout?.on('data', out.take);
    child.stderr?.on('data', err.take);
    child.on('close', (code, signal) => settle(code ?? 128 + (signalNumbers[signal ?? ''] ?? 9)));
    for (const stream of child.stdio) stream?.on('error', () => undefined);
    if (options.input !== undefined) child.stdin?.end(options.input);
  });
}

/** A guest's command leads a group of its own, so that what it started ends with it. */
function killTree(child: ChildProcess, { lane }: CommandOptions): void {
  const { pid } = child;
  try {
    if (lane === 'guest' && pid !== undefined) process.kill(-pid, 'SIGKILL');
    else child.kill('SIGKILL');
  } catch {
    // It has ended a moment ago.
  }
}

/** The process; the error of arguments that no process can have. */
function start(
  program: string,
  args: readonly string[],
  { input, env, lane }: CommandOptions,
): ChildProcess | Error {
  try {
    return spawn(program, args, {
      detached: lane === 'guest',
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      ...(env === undefined ? {} : { env: { ...process.env, ...env } }),
    });
  } catch (error) {
    return toError(error);
  }
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
