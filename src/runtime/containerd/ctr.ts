import type { Logger } from '../../lib/log.js';
import type { CommandResult, RunCommand } from '../spawn.js';
import type { RuntimeErrorCode } from '../types.js';
import { RuntimeError } from '../types.js';
import type { CtrCommand } from './commands.js';
import { onTerminal } from './typed-password.js';

/** The address of a containerd, and the way to run `ctr`. */
export interface CtrOptions {
  /** @default 'ctr' */
  readonly program?: string;
  readonly address: string;
  readonly namespace: string;
  readonly run: RunCommand;
  readonly log: Logger;
}

/** The error texts of `ctr` and their codes; the first that matches counts. */
const errorTable: readonly (readonly [RegExp, RuntimeErrorCode])[] = [
  [/connection error|connect: no such file|dial unix|cannot access socket/i, 'Unavailable'],
  [/connection refused/i, 'Unavailable'],
  [/context deadline exceeded|i\/o timeout/i, 'DeadlineExceeded'],
  [/invalid reference format|object required/i, 'InvalidImageName'],
  [/no running task found|process already finished|process not found/i, 'NotRunning'],
  [/not found/i, 'NotFound'],
];

/**
 * Matches containerd's errors for a start that meets the end of the pod's shim: the containers of a pod share one, and
 * it ends with the last of them. An ending shim closes the connection, does not accept one, or removes its socket's
 * file just as the next shim wants to.
 */
const shimGone =
  /failed to create shim task: ttrpc: closed|failed to start shim: start failed: (dial unix|.*remove pre-existing socket)/;

/** Tells whether a start failed only because it met the end of the pod's last shim: nothing of it has run. */
export function shimWasGone(error: Error): boolean {
  return shimGone.test(error.message);
}

/** Runs `ctr` against one containerd, and turns its failures into {@link RuntimeError}s. */
export class Ctr {
  readonly #options: CtrOptions;

  constructor(options: CtrOptions) {
    this.#options = options;
  }

  get program(): string {
    return this.#options.program ?? 'ctr';
  }

  get namespace(): string {
    return this.#options.namespace;
  }

  /** The arguments of the whole command line. */
  argv(args: readonly string[]): string[] {
    return ['--address', this.#options.address, '--namespace', this.#options.namespace, ...args];
  }

  /** The result, whatever the exit code. @param typed a line that is typed at the terminal that `ctr` then has */
  async attempt(command: CtrCommand, typed?: string): Promise<CommandResult> {
    const { timeoutMs, maxBytes, lane } = command;
    const plain = { program: this.program, args: this.argv(command.args) };
    const { program, args } = typed === undefined ? plain : onTerminal(plain.program, plain.args);
    const result = await this.#options.run(program, args, {
      timeoutMs,
      ...(typed === undefined ? {} : { input: `${typed}\n` }),
      ...(lane === undefined ? {} : { lane }),
      ...(maxBytes === undefined ? {} : { maxBytes }),
    });
    this.#options.log.debug(
      // Not the whole line: a pull's has a password in it.
      { command: command.args.slice(0, 2), code: result.code, timedOut: result.timedOut },
      'ctr ran',
    );
    return result;
  }

  /** @returns standard output @throws RuntimeError as the error table says */
  async call(command: CtrCommand): Promise<string> {
    const result = await this.attempt(command);
    if (result.code === 0 && !result.timedOut) return result.stdout;
    throw this.errorOf(command, result);
  }

  /** As `call`; true when it worked, false when what it was about is gone. */
  async callIfPresent(command: CtrCommand): Promise<boolean> {
    return (await this.attemptIfPresent(command)) !== undefined;
  }

  /** The result of what worked; undefined when what it was about is gone. @throws RuntimeError as `call` */
  async attemptIfPresent(command: CtrCommand): Promise<CommandResult | undefined> {
    const result = await this.attempt(command);
    if (result.code === 0) return result;
    const error = this.errorOf(command, result);
    if (error.code === 'NotFound' || error.code === 'NotRunning') return undefined;
    throw error;
  }

  errorOf(command: CtrCommand, result: CommandResult): RuntimeError {
    const text = errorText(result.stderr);
    if (result.timedOut) {
      return new RuntimeError(
        'DeadlineExceeded',
        `ctr ${command.args.slice(0, 2).join(' ')} did not end within ${command.timeoutMs} ms`,
      );
    }
    const row = errorTable.find(([pattern]) => pattern.test(text));
    return new RuntimeError(
      row?.[1] ?? 'Failed',
      text === '' ? `ctr ended with ${result.code}` : text,
    );
  }
}

/** The message behind `ctr: `, without log lines. */
export function errorText(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line !== '');
  const own = lines.filter((line) => line.startsWith('ctr: '));
  return (own.length > 0 ? own.map((line) => line.slice(5)) : lines).join('\n').trim();
}
