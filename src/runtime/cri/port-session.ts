/** A connection to a port of a sandbox over a runtime's streams. @see kubelet pkg/kubelet/cri/streaming/portforward */
import type { SpdyConnection } from '../../lib/spdy/connection.js';
import type { ExecOutput, ExecResult, ExecSession } from '../types.js';
import { Outflow } from './outflow.js';

/** The runtime's complaint is at most so long. */
const wordsMax = 64 * 1024;

/** Opens the pair of streams of one connection, and makes a session of it. */
export async function portSession(
  connection: SpdyConnection,
  port: number,
  output: ExecOutput,
): Promise<ExecSession> {
  const headers = (streamType: string): Map<string, string> =>
    new Map([
      ['streamtype', streamType],
      ['port', String(port)],
      ['requestid', '0'],
    ]);
  const errors = await connection.open(headers('error'));
  errors.end();
  const data = await connection.open(headers('data'));
  const flow = new Outflow(connection);
  let words: Buffer = Buffer.alloc(0);
  let hasSaid = false;
  let isInputOver = false;
  let isOutputOver = false;
  const closeIfOver = (): void => {
    if (isInputOver && isOutputOver) connection.close();
  };
  errors.onData((bytes) => {
    words = Buffer.concat([words, bytes]).subarray(0, wordsMax);
  });
  /** The word on the error stream decides whether the end is the pod's, or there was no connection. */
  const conclude = (): void => {
    // An end that the loss of the connection makes is nobody's word.
    if (hasSaid || connection.closed) return;
    hasSaid = true;
    if (words.length > 0) {
      flow.take(() => output.stderr(words));
      connection.close();
      return;
    }
    flow.ended(output);
    isOutputOver = true;
    closeIfOver();
  };
  let isDataOver = false;
  let isErrorOver = false;
  errors.onEnd(() => {
    isErrorOver = true;
    if (isDataOver || words.length > 0) conclude();
  });
  data.onData((bytes) => flow.take(() => output.stdout(bytes)));
  data.onEnd(() => {
    isDataOver = true;
    if (isErrorOver) conclude();
  });
  const done = new Promise<ExecResult>((resolve) => {
    connection.onClose(() => resolve({ exitCode: words.length > 0 || !hasSaid ? 1 : 0 }));
  });
  return {
    write: (bytes) => flow.write(data, bytes, output),
    closeStdin: () => {
      data.end();
      isInputOver = true;
      closeIfOver();
    },
    resize: () => true,
    resume: () => flow.resume(),
    close: () => {
      flow.close();
      connection.close();
    },
    done,
  };
}
