import { open } from 'node:fs/promises';
import { connect } from 'node:net';
import { parseExitCode } from './exit-code.js';
import type { ExecOutput, ExecResult, ExecSession } from './types.js';
import { RuntimeError } from './types.js';

/**
 * Types of the frames of the shim's socket: one byte for the type, four for the length (big-endian), then the data.
 * `shim/trireme-shim.pl` has them too.
 */
export const frame = {
  stdin: 0,
  stdout: 1,
  stderr: 2,
  exit: 3,
  stdinClosed: 4,
  resize: 5,
} as const;

/** Encodes one frame. */
export function encodeFrame(type: number, data: Uint8Array): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt8(type, 0);
  header.writeUInt32BE(data.length, 1);
  return Buffer.concat([header, data]);
}

/** The longest frame that the shim sends: it reads 64 KiB at once. */
const frameBytesMax = 1024 * 1024;

/** Takes bytes as they come and calls back for each whole frame. @throws RangeError for a frame that is too long */
export function frameDecoder(
  onFrame: (type: number, data: Buffer) => void,
): (bytes: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (bytes) => {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    while (rest.length >= 5) {
      const length = rest.readUInt32BE(1);
      if (length > frameBytesMax) throw new RangeError(`a frame of ${length} bytes`);
      const end = 5 + length;
      if (rest.length < end) return;
      onFrame(rest.readUInt8(0), rest.subarray(5, end));
      rest = rest.subarray(end);
    }
  };
}

/** The name of the shim's socket in a container's directory; short, since a socket's path has at most 107 bytes. */
export const consoleSocket = 's';

/**
 * Attaches to a container through the socket of the shim that holds its streams.
 * @throws RuntimeError NotRunning
 */
export async function attachToConsole(
  dir: string,
  options: { readonly stdin: boolean },
  output: ExecOutput,
): Promise<ExecSession> {
  // The directory's own path may be too long for a socket's: it is named by a descriptor instead.
  const handle = await open(dir, 'r').catch((cause: unknown) => {
    throw new RuntimeError('NotRunning', 'the container is not running', { cause });
  });
  try {
    return await connectConsole(`/proc/self/fd/${handle.fd}/${consoleSocket}`, options, output);
  } finally {
    await handle.close();
  }
}

function connectConsole(
  socketPath: string,
  options: { readonly stdin: boolean },
  output: ExecOutput,
): Promise<ExecSession> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    let exitCode = 0;
    const done = new Promise<ExecResult>((settle) => {
      socket.on('close', () => settle({ exitCode }));
    });
    // Once connected a broken socket is the session's end, which `done` tells.
    socket.on('error', (cause) => {
      reject(new RuntimeError('NotRunning', 'the container is not running', { cause }));
    });
    const take = (more: boolean): void => {
      if (!more) socket.pause();
    };
    const decode = frameDecoder((type, data) => {
      if (type === frame.stdout) take(output.stdout(data));
      else if (type === frame.stderr) take(output.stderr(data));
      else if (type === frame.exit) exitCode = parseExitCode(data.toString('latin1'));
    });
    socket.on('data', (bytes: Buffer) => {
      try {
        decode(bytes);
      } catch {
        // Not our shim's frames: nothing more can be understood.
        socket.destroy();
      }
    });
    socket.on('drain', () => output.drain?.());
    const send = (type: number, data: Uint8Array): boolean =>
      !socket.writable || socket.write(encodeFrame(type, data));
    socket.once('connect', () => {
      // Says that standard input ends with this client, also when it goes without typing anything.
      if (options.stdin) send(frame.stdin, Buffer.alloc(0));
      resolve({
        write: (data) => !options.stdin || send(frame.stdin, data),
        closeStdin: () => {
          if (options.stdin) send(frame.stdinClosed, Buffer.alloc(0));
        },
        resize: ({ width, height }) => send(frame.resize, Buffer.from(`${height} ${width}`)),
        resume: () => socket.resume(),
        close: () => socket.destroy(),
        done,
      });
    });
  });
}
