/** One connection to one port of a pod. */
import type { PortForwardData } from '../../gen/agent.js';
import type { Duplex } from '../../lib/grpc/index.js';
import { Code, GrpcError } from '../../lib/grpc/index.js';
import type { ContainerRuntime } from '../../runtime/types.js';
import type { WorkerNode } from '../agent/worker-node.js';
import { resolvePod } from './resolve.js';

type Stream = Duplex<PortForwardData, PortForwardData>;

/** Ends when both sides have; what goes wrong with the connection is said in the stream. */
export async function forwardPort(
  node: WorkerNode,
  stream: Stream,
  signal: AbortSignal,
): Promise<void> {
  const input = stream[Symbol.asyncIterator]();
  const first = await input.next();
  const start = first.done === true ? undefined : first.value.kind;
  if (start?.$case !== 'start') {
    throw new GrpcError(Code.InvalidArgument, 'the first message must name pod and port');
  }
  const { container, port } = start.value;
  const worker = resolvePod(node, container);
  const { sandbox } = worker.state;
  if (sandbox.phase !== 'ready' || sandbox.id === undefined) {
    const { name } = worker.pod.metadata;
    throw new GrpcError(Code.FailedPrecondition, `pod ${name} is not running: no sandbox`);
  }
  const { runtime } = node.context;
  await relay({ runtime, sandboxId: sandbox.id, port, stream, input, signal });
}

async function relay(options: {
  readonly runtime: ContainerRuntime;
  readonly sandboxId: string;
  readonly port: number;
  readonly stream: Stream;
  readonly input: AsyncIterator<PortForwardData>;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { runtime, sandboxId, port, stream, input, signal } = options;
  let complaint = '';
  let release: () => void = () => undefined;
  const session = await runtime.connect(sandboxId, port, {
    stdout: (value) => stream.send({ kind: { $case: 'data', value } }),
    stderr: (data) => {
      complaint = `${complaint}${data.toString('utf8')}`.slice(0, 1024);
    },
    drain: () => release(),
  });
  const onAbort = (): void => {
    session.close();
    release();
  };
  signal.addEventListener('abort', onAbort, { once: true });
  const feed = async (): Promise<void> => {
    for (let next = await input.next(); next.done !== true; next = await input.next()) {
      const { kind } = next.value;
      if (kind?.$case === 'data' && !session.write(kind.value) && !signal.aborted) {
        await new Promise<void>((resolve) => {
          release = resolve;
        });
      }
      if (kind?.$case === 'halfClosed') session.closeStdin();
    }
    session.closeStdin();
  };
  void feed().catch(() => session.close());
  try {
    const { exitCode, error } = await session.done;
    if (exitCode === 0) stream.send({ kind: { $case: 'halfClosed', value: true } });
    else {
      const reason = error ?? (complaint === '' ? `exit status ${exitCode}` : complaint.trim());
      const value = `failed to connect to localhost:${port} inside namespace "${sandboxId}": ${reason}`;
      stream.send({ kind: { $case: 'error', value } });
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    release();
  }
}
