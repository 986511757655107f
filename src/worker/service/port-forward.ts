/** One connection to one port of a pod. */
import type { PortForwardData } from '../../gen/agent.js';
import type { Duplex } from '../../lib/grpc/index.js';
import { Code, GrpcError } from '../../lib/grpc/index.js';
import type { Session } from '../../lib/session.js';
import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import type { ContainerRuntime, ExecOutput, ExecResult, ExecSession } from '../../runtime/types.js';
import type { WorkerNode } from '../agent/worker-node.js';
import type { PodWorker } from '../run/pod-worker.js';
import { connectAddress } from './address-session.js';
import { podAddress } from './pod-address.js';
import { resolvePod } from './resolve.js';
import { RuntimeLink } from './runtime-link.js';
import { sessionLimits } from './session-limits.js';

type Stream = Duplex<PortForwardData, PortForwardData>;

/** The pod and port of a connection. */
export interface PortTarget {
  readonly podUid: string;
  readonly sandboxId: string;
  readonly port: number;
  /** The pod's address; the connection goes to the pod's loopback without one. */
  readonly address: string | undefined;
  /** The caller's messages after the first. */
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
  const { container, port, toPodAddress } = start.value;
  if (port < 1 || port > portMax) {
    throw new GrpcError(Code.InvalidArgument, `invalid port ${port}`);
  }
  const worker = resolvePod(node, container);
  const { sandbox } = worker.state;
  const { name, uid = '' } = worker.pod.metadata;
  if (sandbox.phase !== 'ready' || sandbox.id === undefined) {
    throw new GrpcError(Code.FailedPrecondition, `pod ${name} is not running: no sandbox`);
  }
  const address = toPodAddress ? addressOf(node, worker) : undefined;
  return { podUid: uid, sandboxId: sandbox.id, port, address, input };
}

/** @throws GrpcError FailedPrecondition with kube-apiserver's text */
function addressOf({ context }: WorkerNode, { pod, state }: PodWorker): string {
  const { hostIps, runtime } = context;
  const address = podAddress({
    isolatesNetwork: runtime.isolatesNetwork,
    hostNetwork: pod.spec.hostNetwork === true,
    hostIps,
    ips: state.ips,
  });
  if (address === undefined) throw new GrpcError(Code.FailedPrecondition, 'address not allowed');
  return address;
}

const portMax = 65_535;
const complaintLengthMax = 1024;

/** Ends when the connection has; what goes wrong with it is said in the stream. */
export async function forwardPort(options: {
  readonly session: Session;
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly stream: Stream;
  readonly target: PortTarget;
}): Promise<void> {
  const { session, stream, target } = options;
  const { input } = target;
  const link = new RuntimeLink(session, stream);
  let complaint = '';
  let isClosed = false;
  await link.open((drain) =>
    open(options, {
      stdout: (value) => link.send({ kind: { $case: 'data', value } }),
      stderr: (data) => {
        complaint = `${complaint}${data.toString('utf8')}`.slice(0, complaintLengthMax);
        return true;
      },
      drain,
      // Told at once: a client whose answer has no length waits for it, and keeps its own side open until then.
      ended: () => {
        isClosed = true;
        link.send({ kind: { $case: 'halfClosed', value: true } });
        session.run(async () => {
          await delay(options.clock, sessionLimits.afterPodClosedMs, session.signal);
          link.close();
        });
      },
    }),
  );
  session.run(() =>
    link.feed(input, async (connection, { kind }) => {
      if (kind?.$case === 'data') await link.write(kind.value);
      else if (kind?.$case === 'halfClosed') connection.closeStdin();
    }),
  );
  const result = await link.done();
  if (result !== undefined && !isClosed) stream.send(lastWord(target, result, complaint));
}

async function open(
  options: {
    readonly runtime: ContainerRuntime;
    readonly clock: Clock;
    readonly target: PortTarget;
  },
  output: ExecOutput,
): Promise<ExecSession> {
  const { runtime, clock, target } = options;
  const { sandboxId, port, address } = target;
  if (address !== undefined) return connectAddress({ address, port, clock }, output);
  return runtime.connect(sandboxId, port, output);
}

function lastWord(
  { sandboxId, port, address }: PortTarget,
  { exitCode, error }: ExecResult,
  complaint: string,
): PortForwardData {
  if (exitCode === 0) return { kind: { $case: 'halfClosed', value: true } };
  const reason = error ?? (complaint === '' ? `exit status ${exitCode}` : complaint.trim());
  const value =
    address === undefined
      ? `failed to connect to localhost:${port} inside namespace "${sandboxId}": ${reason}`
      : `dial tcp ${address.includes(':') ? `[${address}]` : address}:${port}: ${reason}`;
  return { kind: { $case: 'error', value } };
}
