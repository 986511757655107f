import { spawn } from 'node:child_process';

/** What a program printed, and how it ended: null when a signal ended it. */
export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a program to its end, without holding up what else is under way. @throws when it cannot be started */
export function runProgram(
  program: string,
  args: readonly string[],
  options: {
    /** Beside those of this process. */
    readonly env?: Readonly<Record<string, string>>;
    readonly input?: string;
    /** It is ended after so long. */
    readonly timeoutMs?: number;
  } = {},
): Promise<Ran> {
  const child = spawn(program, args, {
    env: { ...process.env, ...options.env },
    ...(options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs }),
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  // A program may end without reading its input.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, out, err }));
  });
}
