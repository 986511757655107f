import { open } from 'node:fs/promises';
import { connect } from 'node:net';
import type { ExecOutput, ExecSession } from './types.js';
import { RuntimeError } from './types.js';

/** Frames of the shim's socket: one byte for the type, four for the length, then the data. */
export const frame = {
  stdin: 0,
  stdout: 1,
  stderr: 2,
  exit: 3,
  stdinClosed: 4,
  resize: 5,
} as const;

/** One frame, ready to be sent. */
export function encodeFrame(type: number, data: Uint8Array): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt8(type, 0);
  header.writeUInt32BE(data.length, 1);
  return Buffer.concat([header, data]);
}

/** Takes bytes as they come and calls back for each whole frame. */
export function frameDecoder(
  onFrame: (type: number, data: Buffer) => void,
): (bytes: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (bytes) => {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    while (rest.length >= 5) {
      const end = 5 + rest.readUInt32BE(1);
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
    const done = new Promise<{ exitCode: number }>((settle) => {
      socket.on('close', () => settle({ exitCode }));
    });
    socket.once('error', (cause) => {
      reject(new RuntimeError('NotRunning', 'the container is not running', { cause }));
    });
    const decode = frameDecoder((type, data) => {
      if (type === frame.stdout) output.stdout(data);
      else if (type === frame.stderr) output.stderr(data);
      else if (type === frame.exit) exitCode = Number(data.toString());
    });
    socket.on('data', decode);
    socket.on('drain', () => output.drain?.());
    const send = (type: number, data: Uint8Array): boolean =>
      !socket.writable || socket.write(encodeFrame(type, data));
    socket.once('connect', () => {
      resolve({
        write: (data) => !options.stdin || send(frame.stdin, data),
        closeStdin: () => {
          if (options.stdin) send(frame.stdinClosed, Buffer.alloc(0));
        },
        resize: ({ width, height }) => {
          send(frame.resize, Buffer.from(`${height} ${width}`));
        },
        close: () => socket.destroy(),
        done,
      });
    });
  });
}
