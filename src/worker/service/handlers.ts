/** The node's gRPC service: what the API server asks of the node that a pod runs on. */
import type {
  AgentDefinition,
  ExecInput,
  ExecOutput as ExecOutputMessage,
  ExecStart,
} from '../../gen/agent.js';
import type { Clock } from '../../lib/clock.js';
import type { CallContext, Duplex, Handlers } from '../../lib/grpc/index.js';
import { Code, GrpcError, isGrpcError } from '../../lib/grpc/index.js';
import type { ContainerRuntime, ExecOutput, ExecSession } from '../../runtime/types.js';
import { isRuntimeError } from '../../runtime/types.js';
import type { WorkerNode } from '../agent/worker-node.js';
import { streamLog } from './log-stream.js';
import { forwardPort, readPortTarget } from './port-forward.js';
import type { Resolved } from './resolve.js';
import { loggedInstance, resolveContainer, runningInstance } from './resolve.js';
import { readStart, serveSession } from './session.js';
import { SessionTable } from './session-table.js';
import { StatsSummary } from './stats-summary.js';

/** The dependencies of the agent's gRPC service. */
export interface HandlerOptions {
  /** The node, once it is up. */
  readonly find: () => WorkerNode | undefined;
  readonly clock: Clock;
  /** The streams that are open. @default a table of its own */
  readonly sessions?: SessionTable;
  /** @default a summary of its own */
  readonly stats?: StatsSummary;
}

/**
 * The group whose certificates may call this service. A name would not do: anybody may ask the cluster's signers for a
 * certificate with one. They sign none for this group.
 */
const adminGroup = 'system:masters';

/** The agent's gRPC service: logs, exec, attach, port-forward, statistics. */
export function createAgentHandlers(options: HandlerOptions): Handlers<typeof AgentDefinition> {
  const { clock, find } = options;
  const sessions = options.sessions ?? new SessionTable(clock);
  const stats = options.stats ?? new StatsSummary(clock);
  const enter = (context: CallContext): WorkerNode => {
    authorize(context);
    const node = find();
    if (node === undefined) throw new GrpcError(Code.Unavailable, 'the node is starting');
    return node;
  };
  const serveCommand =
    (kind: 'exec' | 'attach', open: OpenCommand) =>
    async (stream: CommandStream, context: CallContext): Promise<void> => {
      const node = enter(context);
      await sessions.serve(kind, context.signal, async (session) => {
        const { start, input } = await sessions.first(session, readStart(stream));
        const resolved = resolveContainer(node, start.container);
        const { id } = runningInstance(resolved);
        sessions.claim(session, uidOf(resolved));
        await withGrpcErrors(() =>
          serveSession({
            session,
            stream,
            start,
            input,
            open: (output) => open(node.context.runtime, id, start, output),
          }),
        );
      });
    };
  return {
    async logs(request, stream, context) {
      const node = enter(context);
      const resolved = resolveContainer(node, request.container);
      const instance = loggedInstance(resolved, request.previous, clock.nowMs());
      const isWriting = (): boolean => {
        const { current } = resolved.tracked;
        return current?.id === instance.id && current.phase === 'running';
      };
      await sessions.serve('logs', context.signal, async (session) => {
        sessions.claim(session, uidOf(resolved));
        const { signal } = session;
        // A log that is followed may be silent for long: its client learns at once that it has begun.
        if (request.follow) stream.send({ data: Buffer.alloc(0) });
        const chunks = streamLog({ path: instance.logPath, request, clock, signal, isWriting });
        for await (const data of chunks) {
          if (!stream.send({ data })) await stream.drained();
          if (stream.ended) return;
        }
      });
    },

    exec: serveCommand('exec', (runtime, id, { command, stdin, tty }, output) => {
      if (command.length > 0) return runtime.exec(id, { command, stdin, tty }, output);
      const text = 'you must specify at least 1 command for the container';
      throw new GrpcError(Code.InvalidArgument, text);
    }),

    attach: serveCommand('attach', (runtime, id, { stdin }, output) =>
      runtime.attach(id, { stdin }, output),
    ),

    async portForward(stream, context) {
      const node = enter(context);
      await sessions.serve('portForward', context.signal, async (session) => {
        const target = await sessions.first(session, readPortTarget(node, stream));
        sessions.claim(session, target.podUid);
        const { runtime } = node.context;
        await withGrpcErrors(() => forwardPort({ session, runtime, clock, stream, target }));
      });
    },

    async stats(_request, context) {
      const node = enter(context);
      return { summary: Buffer.from(JSON.stringify(await stats.read(node))) };
    },
  };
}

type CommandStream = Duplex<ExecInput, ExecOutputMessage>;
type OpenCommand = (
  runtime: ContainerRuntime,
  id: string,
  start: ExecStart,
  output: ExecOutput,
) => Promise<ExecSession>;

function uidOf({ worker }: Resolved): string {
  return worker.pod.metadata.uid ?? '';
}

/** @throws GrpcError PermissionDenied */
function authorize({ peerCertificate }: CallContext): void {
  if (peerCertificate?.organizations.includes(adminGroup) === true) return;
  throw new GrpcError(Code.PermissionDenied, 'only the API server may call a node');
}

/** The runtime's errors in the codes of gRPC. */
async function withGrpcErrors(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (isGrpcError(error) || !isRuntimeError(error)) throw error;
    const code =
      error.code === 'NotFound' || error.code === 'NotRunning'
        ? Code.NotFound
        : error.code === 'Unsupported'
          ? Code.Unimplemented
          : Code.Unknown;
    throw new GrpcError(code, error.message, { cause: error });
  }
}
