/** The node's gRPC service: what the API server asks of the node that a pod runs on. */
import type { AgentDefinition } from '../../gen/agent.js';
import type { Clock } from '../../lib/clock.js';
import type { CallContext, Handlers } from '../../lib/grpc/index.js';
import { Code, GrpcError, isGrpcError } from '../../lib/grpc/index.js';
import { isRuntimeError } from '../../runtime/types.js';
import type { WorkerNode } from '../agent/worker-node.js';
import { streamLog } from './log-stream.js';
import { forwardPort } from './port-forward.js';
import { loggedInstance, resolveContainer, runningInstance } from './resolve.js';
import { readStart, serveSession } from './session.js';
import { StatsSummary } from './stats-summary.js';

export interface HandlerOptions {
  /** The node, once it is up. */
  readonly find: () => WorkerNode | undefined;
  readonly clock: Clock;
}

/** Whose certificate opens this service. */
const clientName = 'kube-apiserver-kubelet-client';
const adminGroup = 'system:masters';

export function createAgentHandlers(options: HandlerOptions): Handlers<typeof AgentDefinition> {
  const { clock, find } = options;
  const stats = new StatsSummary(clock);
  const enter = (context: CallContext): WorkerNode => {
    authorize(context);
    const node = find();
    if (node === undefined) throw new GrpcError(Code.Unavailable, 'the node is starting');
    return node;
  };
  return {
    async logs(request, stream, context) {
      const node = enter(context);
      const resolved = resolveContainer(node, request.container);
      const instance = loggedInstance(resolved, request.previous, clock.nowMs());
      const isWriting = (): boolean => {
        const { current } = resolved.track;
        return current?.id === instance.id && current.phase === 'running';
      };
      const { signal } = context;
      const chunks = streamLog({ path: instance.logPath, request, clock, signal, isWriting });
      for await (const data of chunks) {
        if (!stream.send({ data })) await stream.drained();
        if (stream.ended) return;
      }
    },

    async exec(stream, context) {
      const node = enter(context);
      const { start, input } = await readStart(stream);
      const { id } = runningInstance(resolveContainer(node, start.container));
      const { command, stdin, tty } = start;
      if (command.length === 0) {
        throw new GrpcError(
          Code.InvalidArgument,
          'you must specify at least 1 command for the container',
        );
      }
      const { signal } = context;
      await withGrpcErrors(() =>
        serveSession({
          stream,
          start,
          input,
          signal,
          open: (output) => node.context.runtime.exec(id, { command, stdin, tty }, output),
        }),
      );
    },

    async attach(stream, context) {
      const node = enter(context);
      const { start, input } = await readStart(stream);
      const { id } = runningInstance(resolveContainer(node, start.container));
      const { signal } = context;
      const { stdin } = start;
      await withGrpcErrors(() =>
        serveSession({
          stream,
          start,
          input,
          signal,
          open: (output) => node.context.runtime.attach(id, { stdin }, output),
        }),
      );
    },

    async portForward(stream, context) {
      const node = enter(context);
      await withGrpcErrors(() => forwardPort(node, stream, context.signal));
    },

    async stats(_request, context) {
      const node = enter(context);
      return { summary: Buffer.from(JSON.stringify(await stats.read(node))) };
    },
  };
}

/** @throws GrpcError PermissionDenied */
function authorize({ peerCertificate }: CallContext): void {
  const isServer = peerCertificate?.commonName === clientName;
  if (isServer || peerCertificate?.organizations.includes(adminGroup) === true) return;
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
