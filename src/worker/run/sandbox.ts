/** A pod's sandbox and its network, made and taken down together. */
import { access } from 'node:fs/promises';
import type { Pod } from '../../api/types/core.js';
import type { PodRef } from '../../netproxy/types.js';
import type { SandboxConfig, SandboxState } from '../../runtime/types.js';
import { containersOf } from '../pod-fields.js';
import { podResources } from '../resources/cgroup.js';
import { qosClass } from '../resources/qos.js';
import { hostPorts } from './container-config.js';
import type { NodeContext } from './node-context.js';
import { keyOf } from './node-context.js';
import { hostnameOf } from './pod-files.js';
import { checkHandler } from './runtime-handler.js';
import { errorMessage } from '../../lib/errors.js';

/** The handle by which a sandbox is removed, also after a restart of the agent. */
export interface SandboxHandle {
  readonly id: string;
  readonly netnsPath?: string;
  /** The pod's addresses, where the runtime made its network. */
  readonly ips?: readonly string[];
}

/** @returns the sandbox, and the pod's addresses */
export async function makeSandbox(
  node: NodeContext,
  pod: Pod,
): Promise<{ readonly handle: SandboxHandle; readonly ips: readonly string[] }> {
  const { spec } = pod;
  const handler = await checkHandler(node, pod);
  const hostNetwork = spec.hostNetwork ?? false;
  const id = node.newId();
  const sysctls = Object.fromEntries(
    (spec.securityContext?.sysctls ?? []).map(({ name, value }) => [name, value]),
  );
  const sandbox = await node.runtime.createSandbox({
    id,
    pod: keyOf(pod),
    hostname: hostnameOf(pod, { nodeName: node.nodeName, domain: node.dns().domain }),
    namespaces: {
      hostNetwork,
      hostPid: spec.hostPID ?? false,
      hostIpc: spec.hostIPC ?? false,
      sharePid: spec.shareProcessNamespace ?? false,
    },
    qosClass: qosClass(pod),
    sysctls,
    resources: podResources(pod),
    ...(node.runtime.makesNetwork === true ? wholePod(node, pod, handler) : {}),
  });
  const handle = handleOf(sandbox);
  if (hostNetwork) return { handle, ips: node.hostIps };
  try {
    return { handle, ips: await setUpNetwork(node, pod, handle) };
  } catch (error) {
    await removeSandbox(node, pod, handle);
    const reason = errorMessage(error);
    throw new Error(`failed to setup network for sandbox "${id}": ${reason}`, { cause: error });
  }
}

/** Makes the handle of an existing sandbox. */
export function handleOf(sandbox: SandboxState): SandboxHandle {
  const { id, netnsPath, ips } = sandbox;
  return {
    id,
    ...(netnsPath === undefined ? {} : { netnsPath }),
    ...(ips === undefined ? {} : { ips }),
  };
}

/** What a runtime that makes a pod's network itself must know of the pod besides. */
function wholePod(node: NodeContext, pod: Pod, runtimeHandler: string): Partial<SandboxConfig> {
  const { labels, annotations } = pod.metadata;
  return {
    hostPorts: hostPorts(pod),
    ...(labels === undefined ? {} : { labels }),
    ...(annotations === undefined ? {} : { annotations }),
    privileged: containersOf(pod).some(({ securityContext }) => securityContext?.privileged),
    logDirectory: node.files.logDirectory(keyOf(pod).uid),
    ...(runtimeHandler === '' ? {} : { runtimeHandler }),
  };
}

/** False when its network namespace is gone, or the runtime says that it is of no use. */
export async function isWhole(
  { runtime }: Pick<NodeContext, 'runtime'>,
  { id, netnsPath }: SandboxHandle,
): Promise<boolean> {
  if (runtime.isSandboxWhole !== undefined) return runtime.isSandboxWhole(id);
  if (netnsPath === undefined) return true;
  return access(netnsPath).then(
    () => true,
    () => false,
  );
}

async function setUpNetwork(
  node: NodeContext,
  pod: Pod,
  handle: SandboxHandle,
): Promise<readonly string[]> {
  const { uid: podUid, namespace, name } = keyOf(pod);
  const { ips } = await node.network.setUp({
    podUid,
    namespace,
    name,
    netnsPath: handle.netnsPath ?? '',
    ...(handle.ips === undefined ? {} : { ips: handle.ips }),
    hostPorts: hostPorts(pod),
    labels: pod.metadata.labels ?? {},
  });
  return ips;
}

/** Disconnects the pod, then removes its sandbox with whatever is left in it. */
export async function removeSandbox(
  node: NodeContext,
  pod: Pod,
  handle: SandboxHandle,
): Promise<void> {
  if (pod.spec.hostNetwork !== true) {
    const { uid: podUid, namespace, name } = keyOf(pod);
    const netnsPath = handle.netnsPath ?? '';
    await node.network.tearDown({ podUid, namespace, name, netnsPath });
  }
  await node.runtime.removeSandbox(handle.id);
}

/** The pod of a sandbox for its network; none for a pod on the network of its node. */
export function podRefOf({ pod, netnsPath = '', ips }: SandboxState): PodRef[] {
  if (netnsPath === '' && ips === undefined) return [];
  const { uid: podUid, namespace, name } = pod;
  return [{ podUid, namespace, name, netnsPath, ...(ips === undefined ? {} : { ips }) }];
}
