/** A command in a container over a WebSocket (`v5.channel.k8s.io`): the first byte of a message is its channel. */
import type { Readable, Writable } from 'node:stream';
import type { WebSocket } from 'ws';
import { errorMessage } from '../../lib/errors.js';
import { CommandLineError } from '../command/command-line-error.js';

const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;
/** Bytes that may wait for the server. */
const bufferedBytesMax = 1024 * 1024;
/** A process's exit code is one byte. */
const exitCodeMax = 255;
const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

/** Newest first; only v5 can say that the input ended. */
export const commandProtocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];

interface Status {
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: {
    readonly causes?: readonly { readonly reason?: string; readonly message?: string }[];
  };
}

/** The streams of a command here. */
export interface CommandStreams {
  readonly stdin?: Readable | undefined;
  readonly stdout: (data: Uint8Array) => void;
  readonly stderr: (data: Uint8Array) => void;
  /** Resolves when the output takes more. */
  readonly drained: () => Promise<void>;
  /** Our terminal, if the command has one there. */
  readonly terminal?: {
    readonly columns: () => number;
    readonly rows: () => number;
    readonly onResize: (run: () => void) => () => void;
  };
}

/** @returns the exit code. @throws CommandLineError when the command could not be run, or its end is unknown */
export function runRemote(socket: WebSocket, streams: CommandStreams): Promise<number> {
  return new Promise((resolve, reject) => {
    let status: Status | undefined;
    let output = Promise.resolve();
    const stopResizing = followTerminal(socket, streams);
    const stopInput = sendInput(socket, streams.stdin);
    socket.on('message', (data: Buffer) => {
      const body = data.subarray(1);
      if (data[0] === channels.stdout) streams.stdout(body);
      else if (data[0] === channels.stderr) streams.stderr(body);
      else if (data[0] === channels.error) status = parseStatus(body);
      socket.pause();
      output = streams.drained().then(() => socket.resume());
    });
    socket.once('error', () => undefined);
    socket.once('close', () => {
      stopResizing();
      stopInput();
      void output.then(() => {
        try {
          resolve(exitCodeOf(status));
        } catch (error) {
          reject(error);
        }
      });
    });
    socket.resume();
  });
}

/** A message of the error channel as a status. What is none becomes a failure that says so. */
export function parseStatus(body: Buffer): Status {
  const text = body.toString('utf8');
  try {
    const value: unknown = JSON.parse(text);
    // `null` is an empty status, as it is to Go.
    if (typeof value === 'object' && !Array.isArray(value)) return value ?? {};
    return notStatus('not an object', text);
  } catch (error) {
    return notStatus(errorMessage(error), text);
  }
}

function notStatus(why: string, text: string): Status {
  return { status: 'Failure', message: protocolError(`${why} in ${JSON.stringify(text)}`) };
}

/** @throws CommandLineError in client-go's words for what is no exit code */
export function exitCodeOf(status: Status | undefined): number {
  if (status === undefined) throw plain('the connection ended before the command did');
  if (status.status === 'Success') return 0;
  if (status.status !== 'Failure') throw plain(protocolError('unknown error'));
  if (status.reason !== 'NonZeroExitCode') throw plain(status.message ?? 'the command failed');
  if (status.details === undefined) throw plain(protocolError('details must be set'));
  const cause = status.details.causes?.find(({ reason }) => reason === 'ExitCode');
  if (cause === undefined) throw plain(protocolError('no ExitCode cause given'));
  const { message = '' } = cause;
  if (/^\d+$/.test(message) && Number(message) <= exitCodeMax) return Number(message);
  throw plain(protocolError(`invalid exit code value ${JSON.stringify(message)}`));
}

const protocolError = (why: string): string => `error stream protocol error: ${why}`;

/** @returns what ends it */
function followTerminal(socket: WebSocket, { terminal }: CommandStreams): () => void {
  if (terminal === undefined) return () => undefined;
  const tell = (): void => {
    const size = JSON.stringify({ Width: terminal.columns(), Height: terminal.rows() });
    socket.send(Buffer.concat([Buffer.from([channels.resize]), Buffer.from(size)]));
  };
  tell();
  return terminal.onResize(tell);
}

/** @returns what ends it */
function sendInput(socket: WebSocket, stdin: Readable | undefined): () => void {
  if (stdin === undefined) return () => undefined;
  const onData = (chunk: Buffer | string): void => {
    const body = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    stdin.pause();
    socket.send(Buffer.concat([Buffer.from([channels.stdin]), body]), () => {
      if (socket.bufferedAmount < bufferedBytesMax) stdin.resume();
    });
  };
  const onEnd = (): void => {
    if (socket.protocol.startsWith('v5'))
      socket.send(Buffer.from([channels.close, channels.stdin]));
  };
  stdin.on('data', onData);
  stdin.once('end', onEnd);
  return () => {
    stdin.off('data', onData);
    stdin.off('end', onEnd);
    stdin.pause();
  };
}

/** The standard output as a terminal. */
export function terminalOf(
  output: Writable & { columns?: number; rows?: number },
): NonNullable<CommandStreams['terminal']> {
  return {
    columns: () => output.columns ?? 80,
    rows: () => output.rows ?? 24,
    onResize: (run) => {
      output.on('resize', run);
      return () => output.off('resize', run);
    },
  };
}
