/** A pod's sandbox and its network, made and taken down together. */
import { access } from 'node:fs/promises';
import type { Pod } from '../../api/types/core.js';
import type { SandboxState } from '../../runtime/types.js';
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
}

/** @returns the sandbox, and the pod's addresses */
export async function makeSandbox(
  node: NodeContext,
  pod: Pod,
): Promise<{ readonly handle: SandboxHandle; readonly ips: readonly string[] }> {
  const { spec } = pod;
  await checkHandler(node, pod);
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
  const { id, netnsPath } = sandbox;
  return netnsPath === undefined ? { id } : { id, netnsPath };
}

/** False when its network namespace is gone. */
export async function isWhole({ netnsPath }: SandboxHandle): Promise<boolean> {
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
