import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Writable } from 'node:stream';
import type { ExecOutput, ExecSession } from './types.js';

const signals: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

/**
 * A child process as a session: its standard streams are the session's, and descriptor 3 takes terminal sizes where the
 * child is our pty helper.
 */
export function spawnSession(
  program: string,
  args: readonly string[],
  options: {
    readonly stdin: boolean;
    readonly sizes: boolean;
    /** The whole environment. @default this process's */
    readonly env?: Readonly<Record<string, string>>;
  },
  output: ExecOutput,
): ExecSession {
  const child = spawn(program, args, {
    ...(options.env === undefined ? {} : { env: options.env }),
    stdio: [
      options.stdin ? 'pipe' : 'ignore',
      'pipe',
      'pipe',
      ...(options.sizes ? (['pipe'] as const) : []),
    ],
  });
  child.stdout?.on('data', (data: Buffer) => output.stdout(data));
  child.stderr?.on('data', (data: Buffer) => output.stderr(data));
  for (const stream of child.stdio) stream?.on('error', () => undefined);
  child.stdin?.on('drain', () => output.drain?.());
  const sizes = options.sizes ? (child.stdio[3] as Writable) : undefined;
  return {
    write: (data) => child.stdin?.writable !== true || child.stdin.write(data),
    closeStdin: () => child.stdin?.end(),
    resize: ({ width, height }) => {
      if (sizes?.writable === true) sizes.write(`${height} ${width}\n`);
    },
    close: () => child.kill('SIGTERM'),
    done: ended(child),
  };
}

function ended(child: ChildProcess): Promise<{ exitCode: number; error?: string }> {
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ exitCode: 127, error: error.message }));
    child.on('close', (code, signal) => {
      resolve({ exitCode: code ?? 128 + (signals[signal ?? ''] ?? 9) });
    });
  });
}
