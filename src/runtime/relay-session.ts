/** A connection into a pod's network as a session: the shim dials there, and copies both ways. */
import { spawnSession } from './exec-session.js';
import type { SessionProcess } from './exec-session.js';
import type { ExecOutput, ExecSession } from './types.js';

/** What the shim says on its standard error once it is connected; all that it says otherwise is a complaint. */
const connected = 'connected\n';

/**
 * Starts the shim's relay. {@link ExecOutput.ended} is told when the other side has closed, and not when there was no
 * connection: both close the relay's output, only one of them after the word that there is one.
 */
export function relaySession(
  relay: Pick<SessionProcess, 'program' | 'args' | 'clock'>,
  output: ExecOutput,
): ExecSession {
  let heard = '';
  let hasEnded = false;
  let isConnected = false;
  const tellEnd = (): void => {
    if (isConnected && hasEnded) output.ended?.();
  };
  return spawnSession(
    { ...relay, stdin: true, sizes: false },
    {
      stdout: (data) => output.stdout(data),
      stderr: (data) => {
        if (isConnected) return output.stderr(data);
        heard += data.toString('latin1');
        if (heard.startsWith(connected)) {
          isConnected = true;
          tellEnd();
          const rest = heard.slice(connected.length);
          return rest === '' || output.stderr(Buffer.from(rest, 'latin1'));
        }
        if (connected.startsWith(heard)) return true;
        const complaint = heard;
        heard = '';
        return output.stderr(Buffer.from(complaint, 'latin1'));
      },
      drain: () => output.drain?.(),
      ended: () => {
        hasEnded = true;
        tellEnd();
      },
    },
  );
}
