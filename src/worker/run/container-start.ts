/** Starts one run of a container, from its configuration to its first process. */
import type { Container, Pod } from '../../api/types/core.js';
import { isApiError } from '../../client/types.js';
import { isRuntimeError } from '../../runtime/types.js';
import { instanceOf } from '../pod/record.js';
import type { Instance } from '../pod/state.js';
import { containerConfig } from './container-config.js';
import { podResolver } from './dns-config.js';
import type { HookContext } from './hooks.js';
import type { NodeContext } from './node-context.js';
import { factsFor, keyOf } from './node-context.js';
import type { ContainerEvent } from './pod-events.js';
import { hostnameOf, managedHosts, nodeHosts } from './pod-files.js';
import { errorMessage } from '../../lib/errors.js';

/** The container to start, its sandbox, and the number of the run. */
export interface StartOptions {
  readonly node: NodeContext;
  readonly pod: Pod;
  readonly container: Container;
  readonly sandboxId: string;
  readonly restartCount: number;
  readonly ips: readonly string[];
  readonly volumePaths: ReadonlyMap<string, string>;
  readonly event: ContainerEvent;
}

/** There is no new run; reason and message are for the waiting state. */
export class StartError extends Error {
  override readonly name = 'StartError';
  readonly code = 'START';
  readonly reason: string;

  constructor(reason: string, message: string, cause: unknown) {
    super(message, { cause });
    this.reason = reason;
  }
}

/**
 * @returns the run: running, or exited if its first process could not be started
 * @throws StartError when nothing was made
 */
export async function startContainer(options: StartOptions): Promise<Instance> {
  const { node, container, event } = options;
  const id = node.newId();
  const config = await configure(options, id);
  try {
    await node.runtime.createContainer(config);
  } catch (error) {
    const isConfig = isRuntimeError(error, 'InvalidConfig');
    throw failed(options, isConfig ? 'CreateContainerConfigError' : 'CreateContainerError', error);
  }
  event('Normal', 'Created', `Created container: ${container.name}`);
  try {
    const started = await node.runtime.startContainer(id);
    event('Normal', 'Started', `Started container ${container.name}`);
    return instanceOf(started);
  } catch (error) {
    const message = errorMessage(error);
    event('Warning', 'Failed', `Error: ${message}`);
    return neverStarted(options, id, message);
  }
}

async function configure(options: StartOptions, id: string): ReturnType<typeof containerConfig> {
  const { node, pod, container, ips } = options;
  const { namespace } = keyOf(pod);
  try {
    await node.objects.load(pod);
    const grant = await node.devices?.grantFor(pod, container);
    return await containerConfig({
      ...(grant === undefined ? {} : { grant }),
      id,
      sandboxId: options.sandboxId,
      restartCount: options.restartCount,
      hostname: hostnameOf(pod, { nodeName: node.nodeName, domain: node.dns().domain }),
      pod,
      container,
      source: node.objects.config(namespace),
      facts: factsFor(node, ips),
      services: node.services(namespace),
      files: node.files,
      volumes: node.volumes,
      volumePaths: options.volumePaths,
      nodeMemoryBytes: node.nodeMemoryBytes,
      logMaxBytes: node.logMaxBytes,
    });
  } catch (error) {
    const reason = isApiError(error) ? 'CreateContainerError' : 'CreateContainerConfigError';
    throw failed(options, reason, error);
  }
}

function failed(options: StartOptions, reason: string, cause: unknown): StartError {
  const message = errorMessage(cause);
  options.event('Warning', 'Failed', `Error: ${message}`);
  return new StartError(reason, message, cause);
}

/** As containerd's CRI reports it. */
async function neverStarted(options: StartOptions, id: string, message: string): Promise<Instance> {
  const { node, pod, container, restartCount } = options;
  const known = await node.runtime.containerStatus(id).catch(() => undefined);
  const nowMs = node.clock.nowMs();
  return {
    id,
    ...(known?.reportedId === undefined ? {} : { reportedId: known.reportedId }),
    restartCount,
    image: known?.image ?? container.image ?? '',
    imageId: known?.imageId ?? '',
    wantedImage: container.image ?? '',
    phase: 'exited',
    createdAtMs: known?.createdAtMs ?? nowMs,
    startedAtMs: 0,
    finishedAtMs: nowMs,
    exitCode: 128,
    reason: 'StartError',
    message,
    logPath: node.files.logPath(keyOf(pod).uid, container.name, restartCount),
  };
}

/** The files that every container of the pod gets to see. */
export async function writePodFiles(
  node: NodeContext,
  pod: Pod,
  ips: readonly string[],
): Promise<void> {
  const cluster = node.dns();
  const hosts =
    pod.spec.hostNetwork === true
      ? await nodeHosts(pod)
      : managedHosts({ pod, ips, domain: cluster.domain });
  const resolver = podResolver(pod, node.hostResolver, cluster);
  const hostname = hostnameOf(pod, { nodeName: node.nodeName, domain: cluster.domain });
  await node.files.writeShared(pod, { hosts, resolver, hostname });
}

/** Makes the context in which hooks of a running container run. */
export function hookContext(options: {
  readonly node: NodeContext;
  readonly container: Container;
  readonly containerId: string;
  readonly ips: readonly string[];
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}): HookContext {
  const { node, container, containerId, ips, timeoutMs, signal } = options;
  return {
    container,
    podIp: ips[0] ?? '127.0.0.1',
    clock: node.clock,
    timeoutMs,
    ...(signal === undefined ? {} : { signal }),
    execSync: (command, ms) => node.runtime.execSync(containerId, command, ms),
  };
}
