import type { Socket } from 'node:net';
import type { Clock } from '../../../lib/clock.js';
import { delay } from '../../../lib/clock.js';
import { errorMessage } from '../../../lib/errors.js';
import type { RunCommand } from '../../spawn.js';
import type { ExecOutput, ExecResult, ExecSession, TerminalSize } from '../../types.js';
import { RuntimeError } from '../../types.js';
import type { OciSpec } from '../oci.js';
import { ExecPipes } from './pipes.js';
import type { ExecName, ExecTasks } from './tasks.js';

/** The signal that no command withstands. */
export const sigkill = 9;
/** The exit code of a command of which nobody knows how it ended: its container was removed. */
const killedCode = 128 + sigkill;
/** A command whose caller has gone has this long to end before its streams are given up. */
const lastWordsMs = 2000;
/** containerd may be away for this long (a restart) before a command counts as lost. */
const awayMs = 60_000;
const askAgainMs = 250;

/** What executions need of the machine. */
export interface ExecHost {
  readonly tasks: ExecTasks;
  readonly run: RunCommand;
  readonly clock: Clock;
}

/** A command that is to be executed. */
export interface ExecRequest {
  readonly name: ExecName;
  /** Where its pipes are made; removed at its end. */
  readonly directory: string;
  readonly process: OciSpec['process'];
  readonly stdin: boolean;
}

/**
 * Starts a command in a running container. It takes input until {@link ExecSession.closeStdin}.
 * @throws RuntimeError when it could not be started; then nothing of it is left
 */
export async function startExecution(
  host: ExecHost,
  request: ExecRequest,
  output: ExecOutput,
): Promise<ExecSession> {
  const { tasks } = host;
  const { name, process, stdin } = request;
  const names = [
    ...(stdin ? (['stdin'] as const) : []),
    'stdout' as const,
    ...(process.terminal ? [] : (['stderr'] as const)),
  ];
  const pipes = await ExecPipes.make(request.directory, names, host.run);
  try {
    await tasks.prepare(name, process, pipes.paths);
    try {
      await tasks.start(name);
    } catch (error) {
      // A start whose answer was lost may have come about all the same.
      await tasks.kill(name, sigkill).catch(() => undefined);
      await tasks.remove(name).catch(() => undefined);
      throw startError(name, error);
    }
  } catch (error) {
    await pipes.remove();
    throw error;
  }
  return new Execution(host, name, pipes, output);
}

/** @see containerd internal/cri/server: the kubelet passes this text on */
function startError({ execId }: ExecName, error: unknown): RuntimeError {
  const code = error instanceof RuntimeError ? error.code : 'Failed';
  const message = `failed to start exec "${execId}": ${errorMessage(error)}`;
  return new RuntimeError(code, message, { cause: error });
}

class Execution implements ExecSession {
  readonly done: Promise<ExecResult>;
  #isResizing = false;
  #nextSize: TerminalSize | undefined;
  readonly #host: ExecHost;
  readonly #name: ExecName;
  readonly #pipes: ExecPipes;
  #closed = false;

  constructor(host: ExecHost, name: ExecName, pipes: ExecPipes, output: ExecOutput) {
    this.#host = host;
    this.#name = name;
    this.#pipes = pipes;
    const ends = pipes.outputs.map(({ name: stream, socket }) =>
      this.#relay(socket, (data) => output[stream](data)),
    );
    // A pipe that breaks ends with its command, which `done` tells.
    pipes.stdin?.on('error', () => undefined);
    pipes.stdin?.on('drain', () => output.drain?.());
    this.done = this.#untilEnd(Promise.all(ends));
  }

  write(data: Uint8Array): boolean {
    const { stdin } = this.#pipes;
    return stdin?.writable !== true || stdin.write(data);
  }

  closeStdin(): void {
    const { stdin } = this.#pipes;
    if (stdin?.writable !== true) return;
    // An empty piece is written after all that came before it.
    stdin.write('', () => {
      stdin.destroy();
      this.#host.tasks.closeStdin(this.#name).catch(() => undefined);
    });
  }

  /** One size is set at a time: of those that come meanwhile, the last alone counts. */
  resize(size: TerminalSize): boolean {
    if (this.#isResizing) this.#nextSize = size;
    else this.#setSizes(size).catch(() => undefined);
    return true;
  }

  async #setSizes(first: TerminalSize): Promise<void> {
    this.#isResizing = true;
    for (let size: TerminalSize | undefined = first; size !== undefined; size = this.#nextSize) {
      this.#nextSize = undefined;
      await this.#host.tasks.resize(this.#name, size).catch(() => undefined);
    }
    this.#isResizing = false;
  }

  resume(): void {
    for (const { socket } of this.#pipes.outputs) socket.resume();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#pipes.stdin?.destroy();
    this.resume();
    this.#host.tasks.kill(this.#name, sigkill).catch(() => undefined);
    const giveUp = (): void => {
      for (const { socket } of this.#pipes.outputs) socket.destroy();
    };
    const cancel = this.#host.clock.schedule(lastWordsMs, giveUp);
    this.done.then(cancel, cancel);
  }

  /** @returns when the stream has ended */
  #relay(socket: Socket, take: (data: Buffer) => boolean): Promise<void> {
    socket.on('data', (data: Buffer) => {
      if (!this.#closed && !take(data)) socket.pause();
    });
    socket.on('error', () => undefined);
    const ended = new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
    });
    socket.resume();
    return ended;
  }

  async #untilEnd(outputs: Promise<unknown>): Promise<ExecResult> {
    const result = await this.#exit();
    if (result.error === undefined) await outputs;
    await this.#host.tasks.remove(this.#name).catch(() => undefined);
    await this.#pipes.remove().catch(() => undefined);
    return result;
  }

  async #exit(): Promise<ExecResult> {
    const { tasks, clock } = this.#host;
    let awaySinceMs: number | undefined;
    for (;;) {
      try {
        return { exitCode: await tasks.wait(this.#name) };
      } catch (error) {
        const code = error instanceof RuntimeError ? error.code : 'Failed';
        if (code === 'NotFound' || code === 'NotRunning') return { exitCode: killedCode };
        if (code === 'DeadlineExceeded') continue;
        const nowMs = clock.monotonicMs();
        awaySinceMs ??= nowMs;
        const isLost = code !== 'Unavailable' || nowMs - awaySinceMs > awayMs;
        if (isLost) return { exitCode: killedCode, error: errorMessage(error) };
        await delay(clock, askAgainMs);
      }
    }
  }
}
