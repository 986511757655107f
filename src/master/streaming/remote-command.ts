/**
 * Exec and attach between a Kubernetes client and the node's agent. The client's side is one of two transports
 * (`spdy-command.ts`, `websocket-command.ts`) behind one small interface; the node's side is a gRPC call.
 */
import type { ExecInput, ExecOutput, ExecStart } from '../../gen/agent.js';
import type { Clock } from '../../lib/clock.js';
import type { ClientDuplex } from '../../lib/grpc/index.js';
import type { Session } from '../../lib/session.js';
import { toError, errorMessage } from '../../lib/errors.js';
import type { ClientFlow } from './call-link.js';
import { CallLink } from './call-link.js';

/** The node's side of one call. */
export type ExecCall = ClientDuplex<ExecOutput, ExecInput>;

/** The output of a command, as the client's transport receives it. */
export interface CommandClient {
  /** @returns false when {@link drained} should be awaited */
  stdout(data: Buffer): boolean;
  stderr(data: Buffer): boolean;
  drained(): Promise<void>;
  /** The last word: how the command ended, as a Kubernetes Status; then everything is closed. */
  finish(status: CommandStatus): void;
}

/** The input of a command, as the client's transport delivers it. */
export interface CommandInput {
  stdin(data: Buffer): void;
  stdinClosed(): void;
  resize(size: { readonly width: number; readonly height: number }): void;
  /** The client is gone. */
  closed(): void;
}

/** The end of a command, as `kubectl exec` reads it. */
export interface CommandStatus {
  readonly metadata: Record<string, never>;
  readonly status: 'Success' | 'Failure';
  readonly reason?: string;
  readonly message?: string;
  readonly code?: number;
  readonly details?: {
    readonly causes: readonly { readonly reason: string; readonly message: string }[];
  };
}

/** Makes the status that reports an exit code. @see Kubernetes apimachinery remotecommand v4 */
export function statusOfExit(code: number, error: string): CommandStatus {
  if (error !== '') {
    return { metadata: {}, status: 'Failure', reason: 'InternalError', message: error, code: 500 };
  }
  if (code === 0) return { metadata: {}, status: 'Success' };
  return {
    metadata: {},
    status: 'Failure',
    reason: 'NonZeroExitCode',
    message: `command terminated with non-zero exit code: command terminated with exit code ${code}`,
    details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
  };
}

/**
 * Runs the call to its end. Everything of it is the session's: whichever side goes first, the other is ended and
 * nothing stays.
 * @param flow holds the client's input while the node takes no more
 */
export function bridgeCommand(options: {
  readonly session: Session;
  readonly start: ExecStart;
  readonly open: () => ExecCall;
  readonly client: CommandClient;
  readonly flow: ClientFlow;
  readonly clock: Clock;
}): CommandInput {
  const { session, client, start } = options;
  const opened = tryOpen(options.open);
  const link = opened instanceof Error ? undefined : new CallLink(session, opened, options);
  session.run(async () => {
    const status = opened instanceof Error ? failure(opened) : await outcome(opened, client);
    client.finish(status);
    session.end();
  });
  const send = (input: ExecInput, bytes = 0): void => link?.push(input, bytes);
  send({ kind: { $case: 'start', value: start } });
  return {
    stdin: (data) => send({ kind: { $case: 'stdin', value: data } }, data.length),
    stdinClosed: () => send({ kind: { $case: 'stdinClosed', value: true } }),
    resize: (size) => send({ kind: { $case: 'resize', value: size } }),
    closed: () => session.end(),
  };
}

function tryOpen(open: () => ExecCall): ExecCall | Error {
  try {
    return open();
  } catch (error) {
    return toError(error);
  }
}

/** Hands the client what the command prints, until it ends. @returns how it ended */
async function outcome(call: ExecCall, client: CommandClient): Promise<CommandStatus> {
  try {
    for await (const { kind } of call) {
      if (kind?.$case === 'exit') return statusOfExit(kind.value.code, kind.value.error);
      const more =
        kind?.$case === 'stdout'
          ? client.stdout(kind.value)
          : kind?.$case === 'stderr'
            ? client.stderr(kind.value)
            : true;
      if (!more) await client.drained();
    }
    return statusOfExit(0, 'the connection to the node ended before the command did');
  } catch (error) {
    return failure(error);
  }
}

function failure(error: unknown): CommandStatus {
  return statusOfExit(0, errorMessage(error));
}
