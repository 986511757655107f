import { constants, open } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import type { SocketConstructorOpts } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { RunCommand } from '../../spawn.js';
import { RuntimeError } from '../../types.js';

const openFile = promisify(open);
const { O_NONBLOCK, O_RDONLY, O_RDWR } = constants;

/**
 * The named pipes of one command, open on this side. A pipe that is open for reading keeps what was written into it,
 * however long ago its writer has gone. Standard input is open in both directions: to open a pipe for writing alone
 * needs a reader.
 */
export class ExecPipes {
  /** The path of each; empty for none. */
  readonly paths: { readonly stdin: string; readonly stdout: string; readonly stderr: string };
  readonly stdin: Socket | undefined;
  readonly outputs: readonly { readonly name: 'stdout' | 'stderr'; readonly socket: Socket }[];
  readonly #directory: string;

  private constructor(directory: string, sockets: ReadonlyMap<string, Socket>) {
    const path = (name: string): string => (sockets.has(name) ? join(directory, name) : '');
    this.#directory = directory;
    this.paths = { stdin: path('stdin'), stdout: path('stdout'), stderr: path('stderr') };
    this.stdin = sockets.get('stdin');
    this.outputs = (['stdout', 'stderr'] as const).flatMap((name) => {
      const socket = sockets.get(name);
      return socket === undefined ? [] : [{ name, socket }];
    });
  }

  /** Makes a directory with the pipes in it. @param names of those that the command has */
  static async make(
    directory: string,
    names: readonly ('stdin' | 'stdout' | 'stderr')[],
    run: RunCommand,
  ): Promise<ExecPipes> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const sockets = new Map<string, Socket>();
    try {
      const paths = names.map((name) => join(directory, name));
      const made = await run('mkfifo', ['--mode=600', ...paths], {
        timeoutMs: 10_000,
        lane: 'guest',
      });
      if (made.code !== 0) throw new RuntimeError('Failed', `mkfifo: ${made.stderr.trim()}`);
      for (const name of names) sockets.set(name, await openPipe(join(directory, name), name));
      return new ExecPipes(directory, sockets);
    } catch (error) {
      for (const socket of sockets.values()) socket.destroy();
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** Closes what is open and removes the pipes. */
  async remove(): Promise<void> {
    this.stdin?.destroy();
    for (const { socket } of this.outputs) socket.destroy();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

async function openPipe(path: string, name: 'stdin' | 'stdout' | 'stderr'): Promise<Socket> {
  const isInput = name === 'stdin';
  const fd = await openFile(path, O_NONBLOCK | (isInput ? O_RDWR : O_RDONLY));
  // The descriptor is the socket's from here on. It reads nothing before it is resumed.
  const options = { fd, readable: !isInput, writable: isInput, pauseOnCreate: true };
  return new Socket(options satisfies SocketConstructorOpts & { pauseOnCreate: boolean });
}
