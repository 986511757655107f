/** The Node object as this node wants it: pure. */
import type { EventSubject } from '../../client/events/correlator.js';
import type { Node, NodeCondition, NodeStatus } from '../../api/types/core.js';
import type { ImageInfo } from '../../runtime/types.js';
import { formatTime } from '../../api/facts/time.js';
import type { DeviceFigures } from '../devices/inventory.js';
import type { MachineFacts } from './facts.js';
import { kubernetesVersion } from '../../lib/version.js';
import { allocatableOf, capacityOf } from './facts.js';

/** The contents of a Node object that do not change while the agent runs. */
export interface NodeDescription {
  readonly name: string;
  readonly ips: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: NonNullable<Node['spec']['taints']>;
  readonly machine: MachineFacts;
  readonly runtimeVersion: string;
  readonly agentPort: number;
  readonly podsMax: number;
}

/** As many as kubelet names, the largest first. */
const imagesMax = 50;

/** A status that has not changed is written again after this long: heartbeats of an agent that is up are no older. */
export const heartbeatEveryMs = 300_000;
/** The oldest heartbeat by which a node stays Ready: an agent that ends again before it is up gives none. */
const keptHeartbeatMs = heartbeatEveryMs + 60_000;

/** The state that the conditions of a node report. */
export interface NodeHealth {
  /** Why the node is not ready; undefined: it is. */
  readonly problem: string | undefined;
  /** The problem is that the agent has only just begun. @default false */
  readonly isStarting?: boolean;
  readonly memoryPressure: boolean;
  readonly diskPressure: boolean;
  readonly pidPressure: boolean;
}

/** Nothing is wrong. */
export const healthy: NodeHealth = {
  problem: undefined,
  memoryPressure: false,
  diskPressure: false,
  pidPressure: false,
};

/** Makes the object of a node that registers for the first time. */
export function newNode(description: NodeDescription): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: description.name, labels: nodeLabels(description) },
    spec: description.taints.length === 0 ? {} : { taints: description.taints },
  };
}

/** Labels that the node sees to; others on the object are left alone. */
export function nodeLabels({ name, machine, labels }: NodeDescription): Record<string, string> {
  return {
    'beta.kubernetes.io/arch': machine.architecture,
    'beta.kubernetes.io/os': 'linux',
    'kubernetes.io/arch': machine.architecture,
    'kubernetes.io/hostname': name,
    'kubernetes.io/os': 'linux',
    ...labels,
  };
}

/** The status that the node reports. */
export function nodeStatus(options: {
  readonly description: NodeDescription;
  readonly health: NodeHealth;
  readonly images: readonly ImageInfo[];
  /** What plugins bring. */
  readonly devices: DeviceFigures;
  /** The status as it is; undefined before the first report. */
  readonly before: NodeStatus | undefined;
  readonly nowMs: number;
}): NodeStatus {
  const { description, images, devices, before } = options;
  const { machine, podsMax } = description;
  const capacity = { ...capacityOf(machine, podsMax), ...devices.capacity };
  return {
    addresses: [
      ...description.ips.map((address) => ({ type: 'InternalIP', address })),
      { type: 'Hostname', address: description.name },
    ],
    capacity,
    allocatable: {
      ...extendedResources(before, capacity),
      ...allocatableOf(machine, podsMax),
      ...devices.allocatable,
    },
    conditions: conditions(options),
    daemonEndpoints: { kubeletEndpoint: { Port: description.agentPort } },
    images: images
      .toSorted((a, b) => b.sizeBytes - a.sizeBytes)
      .slice(0, imagesMax)
      .map(({ reference, digest, sizeBytes }) => ({
        names: [`${reference.replace(/:[^/:]*$/, '')}@${digest}`, reference],
        sizeBytes,
      })),
    nodeInfo: {
      architecture: machine.architecture,
      bootID: machine.bootId,
      containerRuntimeVersion: description.runtimeVersion,
      kernelVersion: machine.kernelVersion,
      kubeProxyVersion: '',
      // As a kubelet of the release whose promises are kept, with our build.
      kubeletVersion: kubernetesVersion,
      machineID: machine.machineId,
      operatingSystem: 'linux',
      osImage: machine.osImage,
      systemUUID: machine.systemUuid,
    },
  };
}

/** Resources that somebody else has written into the capacity: pods may use all of them, as kubelet has it. */
function extendedResources(
  before: NodeStatus | undefined,
  own: Readonly<Record<string, string>>,
): Record<string, string> {
  const all = Object.entries(before?.capacity ?? {});
  return Object.fromEntries(all.filter(([name]) => !Object.hasOwn(own, name)));
}

interface Verdict {
  readonly type: string;
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

/** The inputs of a node's conditions. */
interface ConditionInput {
  readonly description: NodeDescription;
  readonly health: NodeHealth;
  readonly before: NodeStatus | undefined;
  readonly nowMs: number;
}

function conditions(input: ConditionInput): NodeCondition[] {
  const { health, before, nowMs } = input;
  const kept = keptReadiness(input);
  return verdicts(health).map((verdict) => {
    if (verdict.type === 'Ready' && kept !== undefined) return kept;
    const old = before?.conditions?.find(({ type }) => type === verdict.type);
    const same = old?.status === verdict.status && old.lastTransitionTime !== undefined;
    const at = formatTime(nowMs);
    return {
      ...verdict,
      lastHeartbeatTime: at,
      lastTransitionTime: same ? old.lastTransitionTime : at,
    };
  });
}

/**
 * Pods go on while their agent restarts: a node that was Ready stays so, with the heartbeat of the agent before, since
 * its pods would be taken out of their services otherwise. After a start of the machine none of them runs. The agent
 * may never come up, and start over and over: each start renews the Lease, so the heartbeat has to be a late one.
 */
function keptReadiness(input: ConditionInput): NodeCondition | undefined {
  const { description, health, before, nowMs } = input;
  const isSameStart = before?.nodeInfo?.bootID === description.machine.bootId;
  if (health.isStarting !== true || !isSameStart) return undefined;
  const ready = before?.conditions?.find(
    ({ type, status }) => type === 'Ready' && status === 'True',
  );
  const isLate = nowMs - Date.parse(ready?.lastHeartbeatTime ?? '') <= keptHeartbeatMs;
  return isLate ? ready : undefined;
}

/** Each with what it says when all is well, then when it is not. */
const pressures = [
  [
    'MemoryPressure',
    ['KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
    ['KubeletHasInsufficientMemory', 'kubelet has insufficient memory available'],
  ],
  [
    'DiskPressure',
    ['KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
    ['KubeletHasDiskPressure', 'kubelet has disk pressure'],
  ],
  [
    'PIDPressure',
    ['KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
    ['KubeletHasInsufficientPID', 'kubelet has insufficient PID available'],
  ],
] as const;

function verdicts(health: NodeHealth): Verdict[] {
  const under: Readonly<Record<string, boolean>> = {
    MemoryPressure: health.memoryPressure,
    DiskPressure: health.diskPressure,
    PIDPressure: health.pidPressure,
  };
  const found = pressures.map(([type, well, ill]): Verdict => {
    const on = under[type] ?? false;
    const [reason, message] = on ? ill : well;
    return { type, status: on ? 'True' : 'False', reason, message };
  });
  const { problem } = health;
  const ready: Verdict =
    problem === undefined
      ? {
          type: 'Ready',
          status: 'True',
          reason: 'KubeletReady',
          message: 'kubelet is posting ready status',
        }
      : { type: 'Ready', status: 'False', reason: 'KubeletNotReady', message: problem };
  return [...found, ready];
}

/** The node as the subject of Events: as kubelet's, without a version and with its name as uid. */
export function nodeSubject(name: string): EventSubject {
  return { apiVersion: '', kind: 'Node', metadata: { name, uid: name } };
}
