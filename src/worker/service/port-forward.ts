/** One connection to one port of a pod. */
import type { PortForwardData } from '../../gen/agent.js';
import type { Duplex } from '../../lib/grpc/index.js';
import { Code, GrpcError } from '../../lib/grpc/index.js';
import type { Session } from '../../lib/session.js';
import type { ContainerRuntime, ExecResult } from '../../runtime/types.js';
import type { WorkerNode } from '../agent/worker-node.js';
import { resolvePod } from './resolve.js';
import { RuntimeLink } from './runtime-link.js';

type Stream = Duplex<PortForwardData, PortForwardData>;

/** Where a connection is to go. */
export interface PortTarget {
  readonly podUid: string;
  readonly sandboxId: string;
  readonly port: number;
  /** What the caller sends behind its first message. */
  readonly input: AsyncIterator<PortForwardData>;
}

/** Reads the first message of a call. @throws GrpcError */
export async function readPortTarget(node: WorkerNode, stream: Stream): Promise<PortTarget> {
  const input = stream[Symbol.asyncIterator]();
  const first = await input.next();
  const start = first.done === true ? undefined : first.value.kind;
  if (start?.$case !== 'start') {
    throw new GrpcError(Code.InvalidArgument, 'the first message must name pod and port');
  }
  const { container, port } = start.value;
  const worker = resolvePod(node, container);
  const { sandbox } = worker.state;
  const { name, uid = '' } = worker.pod.metadata;
  if (sandbox.phase !== 'ready' || sandbox.id === undefined) {
    throw new GrpcError(Code.FailedPrecondition, `pod ${name} is not running: no sandbox`);
  }
  return { podUid: uid, sandboxId: sandbox.id, port, input };
}

const complaintLengthMax = 1024;

/** Ends when the connection has; what goes wrong with it is said in the stream. */
export async function forwardPort(options: {
  readonly session: Session;
  readonly runtime: ContainerRuntime;
  readonly stream: Stream;
  readonly target: PortTarget;
}): Promise<void> {
  const { session, runtime, stream, target } = options;
  const { sandboxId, port, input } = target;
  const link = new RuntimeLink(session, stream);
  let complaint = '';
  await link.open((drain) =>
    runtime.connect(sandboxId, port, {
      stdout: (value) => link.send({ kind: { $case: 'data', value } }),
      stderr: (data) => {
        complaint = `${complaint}${data.toString('utf8')}`.slice(0, complaintLengthMax);
        return true;
      },
      drain,
    }),
  );
  session.run(() =>
    link.feed(input, async (connection, { kind }) => {
      if (kind?.$case === 'data') await link.write(kind.value);
      else if (kind?.$case === 'halfClosed') connection.closeStdin();
    }),
  );
  const result = await link.done();
  if (result !== undefined) stream.send(lastWord(target, result, complaint));
}

function lastWord(
  { sandboxId, port }: PortTarget,
  { exitCode, error }: ExecResult,
  complaint: string,
): PortForwardData {
  if (exitCode === 0) return { kind: { $case: 'halfClosed', value: true } };
  const reason = error ?? (complaint === '' ? `exit status ${exitCode}` : complaint.trim());
  const value = `failed to connect to localhost:${port} inside namespace "${sandboxId}": ${reason}`;
  return { kind: { $case: 'error', value } };
}
