/** Exec and attach over a runtime's streams. @see k8s.io/apimachinery pkg/util/remotecommand */
import type { SpdyConnection, SpdyStream } from '../../lib/spdy/connection.js';
import type { ExecOutput, ExecResult, ExecSession } from '../types.js';
import { unknownExitCode } from '../exit-code.js';
import { Outflow } from './outflow.js';

/** The streams of a command. */
export interface CommandStreams {
  readonly stdin: boolean;
  readonly tty: boolean;
}

/** The runtime's last word is at most so long. */
const wordsMax = 64 * 1024;

/** Opens the streams in the order in which kubelet's clients do, and makes a session of them. */
export async function commandSession(
  connection: SpdyConnection,
  { stdin, tty }: CommandStreams,
  output: ExecOutput,
): Promise<ExecSession> {
  const open = (streamType: string): Promise<SpdyStream> =>
    connection.open(new Map([['streamtype', streamType]]));
  const errors = await open('error');
  errors.end();
  const input = stdin ? await open('stdin') : undefined;
  const out = await open('stdout');
  out.end();
  const err = tty ? undefined : await open('stderr');
  err?.end();
  const sizes = tty ? await open('resize') : undefined;

  const flow = new Outflow(connection);
  let words: Buffer = Buffer.alloc(0);
  errors.onData((data) => {
    words = Buffer.concat([words, data]).subarray(0, wordsMax);
  });
  out.onData((data) => flow.take(() => output.stdout(data)));
  out.onEnd(() => {
    if (!connection.closed) flow.ended(output);
  });
  err?.onData((data) => flow.take(() => output.stderr(data)));
  const done = new Promise<ExecResult>((resolve) => {
    connection.onClose(() => resolve(lastWord(words)));
    // The runtime says how it ended on the error stream, then ends all of them; its end of the connection is ours.
    const parts = [errors, out, ...(err === undefined ? [] : [err])];
    let left = parts.length;
    for (const part of parts) {
      part.onEnd(() => {
        left--;
        if (left === 0) connection.close();
      });
    }
  });
  return {
    write: (data) => flow.write(input, data, output),
    closeStdin: () => input?.end(),
    resize: ({ width, height }) => {
      const size = Buffer.from(`${JSON.stringify({ Width: width, Height: height })}\n`);
      return flow.write(sizes, size, output);
    },
    resume: () => flow.resume(),
    close: () => {
      flow.close();
      connection.close();
    },
    done,
  };
}

interface Status {
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: {
    readonly causes?: readonly { readonly reason?: string; readonly message?: string }[];
  };
}

/** Reads the status that a runtime ends a command with: an exit code, or what went wrong. */
export function lastWord(words: Buffer): ExecResult {
  if (words.length === 0) {
    return { exitCode: unknownExitCode, error: 'the runtime ended the streams without a result' };
  }
  let status: Status;
  try {
    status = JSON.parse(words.toString('utf8')) as Status;
  } catch {
    return { exitCode: unknownExitCode, error: words.toString('utf8').trim() };
  }
  if (status.status === 'Success') return { exitCode: 0 };
  const causes = status.details?.causes ?? [];
  const code = Number(causes.find(({ reason }) => reason === 'ExitCode')?.message ?? Number.NaN);
  if (status.reason === 'NonZeroExitCode' && Number.isInteger(code)) return { exitCode: code };
  return { exitCode: unknownExitCode, error: status.message ?? 'the runtime says no reason' };
}
