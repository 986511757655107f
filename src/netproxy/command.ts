import { spawn } from 'node:child_process';
import type { Clock } from '../lib/clock.js';

/** The result of a command. Output beyond 64 MiB ends the command. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The options of a command. */
export interface CommandOptions {
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** @default 30_000 */
  readonly timeoutMs?: number;
}

/** Runs a program without a shell. Never rejects: a program that cannot be started or is cut off has code -1. */
export type RunCommand = (
  program: string,
  args: readonly string[],
  options?: CommandOptions,
) => Promise<CommandResult>;

const outputBytesMax = 64 * 1024 * 1024;

/** Runs commands in this process's own network namespace. */
export function createRunner(clock: Clock): RunCommand {
  return (program, args, options = {}) =>
    new Promise((resolve) => {
      const child = spawn(program, args, {
        stdio: ['pipe', 'pipe', 'pipe'],
        env: { ...process.env, PATH: searchPath(), ...options.env },
      });
      const out: Buffer[] = [];
      const errors: Buffer[] = [];
      let size = 0;
      let reason = '';
      const cancel = clock.schedule(options.timeoutMs ?? 30_000, () => {
        reason = `${program}: no answer in time`;
        child.kill('SIGKILL');
      });
      const take = (chunks: Buffer[]) => (chunk: Buffer) => {
        size += chunk.length;
        if (size <= outputBytesMax) chunks.push(chunk);
        else {
          reason = `${program}: too much output`;
          child.kill('SIGKILL');
        }
      };
      child.stdout.on('data', take(out));
      child.stderr.on('data', take(errors));
      child.on('error', (error) => {
        cancel();
        resolve({ code: -1, stdout: '', stderr: error.message });
      });
      child.on('close', (code) => {
        cancel();
        const stderr = Buffer.concat(errors).toString();
        resolve({
          code: reason === '' ? (code ?? -1) : -1,
          stdout: Buffer.concat(out).toString(),
          stderr: reason === '' ? stderr : `${reason}\n${stderr}`,
        });
      });
      // A program that ends without reading its input is judged by its exit code.
      child.stdin.on('error', () => undefined);
      child.stdin.end(options.stdin ?? '');
    });
}

/** Runs a program for its output. @throws when it fails, with what it said */
export async function mustRun(
  run: RunCommand,
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const result = await run(program, args, options);
  if (result.code === 0) return result.stdout;
  const said = result.stderr.slice(0, 2000);
  throw new Error(`${program} ${args.join(' ')}: ${result.code}: ${said}`);
}

/** The system directories are added: service managers often leave /usr/sbin out. */
function searchPath(): string {
  return `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin`;
}
