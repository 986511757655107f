/**
 * Exec and attach between a Kubernetes client and the node's agent. The client's side is one of two transports (`spdy-command.ts`,
 * `websocket-command.ts`) behind one small interface; the node's side is a gRPC call.
 */
import type { ExecInput, ExecOutput, ExecStart } from '../../gen/agent.js';
import type { ClientDuplex } from '../../lib/grpc/index.js';

/** The node's side of one call. */
export type ExecCall = ClientDuplex<ExecOutput, ExecInput>;

/** What the client's transport is told. */
export interface CommandClient {
  /** @returns false when {@link drained} should be awaited */
  stdout(data: Buffer): boolean;
  stderr(data: Buffer): boolean;
  drained(): Promise<void>;
  /** The last word: how the command ended, as a Kubernetes Status; then everything is closed. */
  finish(status: CommandStatus): void;
}

/** What the client's transport tells. */
export interface CommandInput {
  stdin(data: Buffer): void;
  stdinClosed(): void;
  resize(size: { readonly width: number; readonly height: number }): void;
  /** The client is gone. */
  closed(): void;
}

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

/** How remotecommand tells an exit code. @see Kubernetes apimachinery remotecommand v4 */
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
 * Runs the call to its end.
 * @param pause holds the client's input while the node takes no more
 */
export function bridgeCommand(options: {
  readonly start: ExecStart;
  readonly open: () => ExecCall;
  readonly client: CommandClient;
  readonly flow: { pause(): void; resume(): void };
}): CommandInput {
  const { client, flow } = options;
  const call = options.open();
  const send = (input: ExecInput): void => {
    if (call.ended || call.send(input)) return;
    flow.pause();
    void call.drained().then(() => flow.resume());
  };
  send({ kind: { $case: 'start', value: options.start } });
  void forwardOutput(call, client);
  return {
    stdin: (data) => send({ kind: { $case: 'stdin', value: data } }),
    stdinClosed: () => send({ kind: { $case: 'stdinClosed', value: true } }),
    resize: (size) => send({ kind: { $case: 'resize', value: size } }),
    closed: () => call.cancel(),
  };
}

async function forwardOutput(call: ExecCall, client: CommandClient): Promise<void> {
  let status = statusOfExit(0, 'the connection to the node ended before the command did');
  try {
    for await (const { kind } of call) {
      if (kind?.$case === 'exit') {
        status = statusOfExit(kind.value.code, kind.value.error);
        break;
      }
      const more =
        kind?.$case === 'stdout'
          ? client.stdout(kind.value)
          : kind?.$case === 'stderr'
            ? client.stderr(kind.value)
            : true;
      if (!more) await client.drained();
    }
  } catch (error) {
    status = statusOfExit(0, error instanceof Error ? error.message : String(error));
  }
  client.finish(status);
}
