/** exec and attach: between the client's channels (WebSocket or SPDY) and the node's agent. */
import type { ExecOutput, ExecStart } from '../../../gen/agent.js';
import { isGrpcError } from '../../../lib/grpc/index.js';
import type { Objects } from '../registry/objects.js';
import type { Target } from '../registry/types.js';
import { readFlag } from '../rest/params.js';
import { badRequest } from '../status.js';
import type { NodeAgents } from './node-agents.js';
import { findContainer } from './pod-container.js';

/** The client's side, whatever carries it. */
export interface TerminalClient {
  stdout(data: Buffer): boolean;
  stderr(data: Buffer): boolean;
  /** The outcome as a Status; the last thing sent. */
  finish(status: object): void;
  /** Resolves when there is room again. */
  drained(): Promise<void>;
  onStdin(handler: (data: Buffer) => void): void;
  onStdinClosed(handler: () => void): void;
  onResize(handler: (size: { width: number; height: number }) => void): void;
  onClosed(handler: () => void): void;
}

export interface TerminalDeps {
  readonly objects: Objects;
  readonly agents: NodeAgents;
}

/** What a request asks to run, with the place where it runs. */
export interface TerminalRequest {
  readonly method: 'exec' | 'attach';
  readonly node: string;
  readonly start: ExecStart;
}

/** Reads and checks a request before its connection is upgraded. @throws StatusError */
export async function readTerminalRequest(
  target: Target,
  query: URLSearchParams,
  deps: TerminalDeps,
): Promise<TerminalRequest> {
  const method = target.subresource === 'attach' ? 'attach' : 'exec';
  const command = query.getAll('command');
  if (method === 'exec' && command.length === 0) {
    throw badRequest('you must specify at least one command for the container');
  }
  const flag = (name: string): boolean => readFlag(query, name) ?? false;
  const tty = flag('tty');
  const [stdin, stdout, stderr] = [flag('stdin'), flag('stdout'), flag('stderr') && !tty];
  if (!stdin && !stdout && !stderr) {
    throw badRequest('you must specify at least 1 of stdin, stdout, stderr');
  }
  const found = await findContainer(deps.objects, target, query.get('container') ?? '');
  return {
    method,
    node: found.node,
    start: { container: found.ref, command, stdin, stdout, stderr, tty },
  };
}

/** Runs it until the command or the client ends. Never rejects: failures become the outcome. */
export async function runTerminal(
  request: TerminalRequest,
  client: TerminalClient,
  deps: TerminalDeps,
): Promise<void> {
  const abort = new AbortController();
  client.onClosed(() => abort.abort());
  try {
    const agent = deps.agents.forNode(request.node);
    const call = agent[request.method]({ signal: abort.signal });
    call.send({ kind: { $case: 'start', value: request.start } });
    client.onStdin((data) => {
      call.send({ kind: { $case: 'stdin', value: data } });
    });
    client.onStdinClosed(() => {
      call.send({ kind: { $case: 'stdinClosed', value: true } });
    });
    client.onResize((size) => {
      call.send({ kind: { $case: 'resize', value: size } });
    });
    let outcome: object = success;
    for await (const message of call) {
      const exit = forward(message, client);
      if (exit !== undefined) outcome = exit;
      await client.drained();
    }
    client.finish(outcome);
  } catch (error) {
    if (abort.signal.aborted) return;
    const message = isGrpcError(error) || error instanceof Error ? error.message : String(error);
    client.finish({
      metadata: {},
      status: 'Failure',
      reason: 'InternalError',
      message: `Internal error occurred: ${message}`,
      details: { causes: [{ message }] },
      code: 500,
    });
  }
}

const success = { metadata: {}, status: 'Success' };

function forward(message: ExecOutput, client: TerminalClient): object | undefined {
  switch (message.kind?.$case) {
    case 'stdout':
      client.stdout(message.kind.value);
      return undefined;
    case 'stderr':
      client.stderr(message.kind.value);
      return undefined;
    case 'exit':
      return outcomeOf(message.kind.value.code, message.kind.value.error);
    default:
      return undefined;
  }
}

/** How `remotecommand` clients learn the exit code. */
function outcomeOf(code: number, error: string): object {
  if (code === 0 && error === '') return success;
  if (error !== '' && code <= 0) {
    const message = `Internal error occurred: ${error}`;
    const details = { causes: [{ message: error }] };
    return {
      metadata: {},
      status: 'Failure',
      reason: 'InternalError',
      message,
      details,
      code: 500,
    };
  }
  return {
    metadata: {},
    status: 'Failure',
    reason: 'NonZeroExitCode',
    message: `command terminated with non-zero exit code: exit status ${code}`,
    details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
  };
}
