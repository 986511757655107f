/** From what a caller names to a pod's container and its run, with kubelet's words when there is none. */
import type { ContainerRef } from '../../gen/agent.js';
import { Code, GrpcError } from '../../lib/grpc/index.js';
import type { WorkerNode } from '../agent/worker-node.js';
import { containerStatus } from '../pod/container-status.js';
import type { Instance, TrackedContainer } from '../pod/state.js';
import { containersByRole } from '../pod/state.js';
import type { PodWorker } from '../run/pod-worker.js';

/** A container that somebody asks for, and the worker of its pod. */
export interface Resolved {
  readonly worker: PodWorker;
  readonly tracked: TrackedContainer;
}

/** @throws GrpcError NotFound */
export function resolvePod(node: WorkerNode, ref: ContainerRef | undefined): PodWorker {
  const { namespace = '', pod = '', uid = '' } = ref ?? {};
  const worker = node.pods.find(namespace, pod, uid);
  if (worker === undefined) throw new GrpcError(Code.NotFound, `pod "${pod}" not found`);
  return worker;
}

/** The container that is named, or the pod's default one. @throws GrpcError NotFound */
export function resolveContainer(node: WorkerNode, ref: ContainerRef | undefined): Resolved {
  const worker = resolvePod(node, ref);
  const name =
    ref?.container === undefined || ref.container === '' ? defaultContainer(worker) : ref.container;
  const tracked = worker.state.trackedContainers.get(name);
  if (tracked === undefined) throw new GrpcError(Code.NotFound, `container not found ("${name}")`);
  return { worker, tracked };
}

function defaultContainer(worker: PodWorker): string {
  const annotated = worker.pod.metadata.annotations?.['kubectl.kubernetes.io/default-container'];
  return annotated ?? worker.pod.spec.containers[0]?.name ?? '';
}

/** The run in which commands can be executed. @throws GrpcError NotFound */
export function runningInstance({ tracked }: Resolved): Instance {
  const { current } = tracked;
  if (current?.phase !== 'running') {
    throw new GrpcError(Code.NotFound, `container not found ("${tracked.name}")`);
  }
  return current;
}

/** The run whose log is meant. @throws GrpcError InvalidArgument */
export function loggedInstance(resolved: Resolved, previous: boolean, nowMs: number): Instance {
  const { worker, tracked } = resolved;
  const { current } = tracked;
  const pod = worker.pod.metadata.name;
  const refuse = (text: string): never => {
    throw new GrpcError(Code.InvalidArgument, text);
  };
  if (previous) {
    const waitsToRunAgain =
      current?.phase === 'exited' && statusOf(resolved, nowMs).state?.waiting !== undefined;
    const ended = waitsToRunAgain ? current : tracked.previous;
    return (
      ended ?? refuse(`previous terminated container "${tracked.name}" in pod "${pod}" not found`)
    );
  }
  if (current !== undefined) return current;
  const reason = statusOf(resolved, nowMs).state?.waiting?.reason ?? '';
  const text =
    reason === 'ErrImagePull'
      ? "image can't be pulled"
      : reason === 'ImagePullBackOff'
        ? 'trying and failing to pull image'
        : reason;
  return refuse(`container "${tracked.name}" in pod "${pod}" is waiting to start: ${text}`);
}

function statusOf(
  { worker, tracked }: Resolved,
  nowMs: number,
): ReturnType<typeof containerStatus> {
  const container = containersByRole(worker.pod).find((one) => one.container.name === tracked.name);
  return containerStatus({
    state: worker.state,
    tracked,
    container: container?.container ?? { name: tracked.name },
    nowMs,
  });
}
