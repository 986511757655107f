import { errorMessage } from '../../../lib/errors.js';
import type { ExecOutput } from '../../types.js';
import type { ExecHost, ExecRequest } from './execution.js';
import { startExecution } from './execution.js';

/** The exit code of a command that could not be started. */
const notStartedCode = 127;

/** The end of a command that was executed to its end, with the first of what it printed. */
export interface Collected {
  readonly exitCode: number;
  /** Both streams, in the order in which they were read. */
  readonly output: string;
  readonly timedOut: boolean;
}

/** Executes a command to its end, at most for `timeoutMs`; then it is killed. Keeps `maxBytes` of its output. */
export async function collectExecution(
  host: ExecHost,
  request: ExecRequest,
  limits: { readonly timeoutMs: number; readonly maxBytes: number },
): Promise<Collected> {
  const kept: Buffer[] = [];
  let room = limits.maxBytes;
  const keep = (data: Buffer): boolean => {
    if (room > 0) kept.push(data.subarray(0, room));
    room = Math.max(0, room - data.length);
    return true;
  };
  const output: ExecOutput = { stdout: keep, stderr: keep };
  try {
    const session = await startExecution(host, request, output);
    let timedOut = false;
    const cancel = host.clock.schedule(limits.timeoutMs, () => {
      timedOut = true;
      session.close();
    });
    const { exitCode } = await session.done;
    cancel();
    return { exitCode, output: Buffer.concat(kept).toString('utf8'), timedOut };
  } catch (error) {
    return { exitCode: notStartedCode, output: errorMessage(error), timedOut: false };
  }
}
