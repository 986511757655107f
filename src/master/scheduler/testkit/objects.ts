/** Objects from the short form that scripts use: what is usual is left out. */
import type {
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodSpec,
  ResourceList,
} from '../../../api/types/core.js';

/** Start times of pods count from here. */
const noonMs = Date.UTC(2026, 0, 1, 12);

/** A time so many minutes after noon. */
export function atMinute(minute: number): string {
  return new Date(noonMs + minute * 60_000).toISOString().replace('.000Z', 'Z');
}

/** A node's fields: `labels`, `allocatable`, `images`, and those of its spec. */
export interface NodeFields {
  labels?: Record<string, string>;
  allocatable?: ResourceList;
  images?: { names: string[]; sizeBytes: number }[];
  unschedulable?: boolean;
  taints?: { key: string; value?: string; effect: string }[];
}

export function nodeOf(name: string, fields: NodeFields): Node {
  const { labels, allocatable, images, ...spec } = fields;
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
    spec,
    status: {
      allocatable: { cpu: '4', memory: '8Gi', pods: '10', ...allocatable },
      ...(images === undefined ? {} : { images }),
    },
  };
}

/**
 * A pod's fields: its metadata, `requests` of its one container, `claims` as volumes, `started`, and those of its spec.
 */
export interface PodFields extends Partial<PodSpec> {
  namespace?: string;
  labels?: Record<string, string>;
  owner?: string;
  requests?: ResourceList;
  image?: string;
  claims?: string[];
  ephemeral?: string[];
  hostPorts?: number[];
  /** Minutes after noon. */
  started?: number;
  /** Deleted by the scheduler to make room. */
  preempted?: boolean;
  deleted?: boolean;
}

export function podOf(name: string, fields: PodFields): Pod {
  const { namespace = 'default', labels, owner, started, preempted, deleted, ...rest } = fields;
  const { requests, image = 'app:1', claims = [], ephemeral = [], hostPorts = [], ...spec } = rest;
  const container = {
    name: 'c',
    image,
    ...(requests === undefined ? {} : { resources: { requests } }),
    ports: hostPorts.map((port) => ({ containerPort: port, hostPort: port })),
  };
  const volumes = [
    ...claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } })),
    ...ephemeral.map((volume) => ({
      name: volume,
      ephemeral: { volumeClaimTemplate: { spec: {} } },
    })),
  ];
  const reference = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: owner ?? '' };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      uid: `uid-${name}`,
      ...(labels === undefined ? {} : { labels }),
      ...(owner === undefined
        ? {}
        : { ownerReferences: [{ ...reference, uid: `uid-${owner}`, controller: true }] }),
      ...(preempted === true || deleted === true ? { deletionTimestamp: atMinute(0) } : {}),
    },
    spec: { containers: [container], volumes, ...spec },
    status: {
      ...(started === undefined ? {} : { startTime: atMinute(started) }),
      conditions:
        preempted === true
          ? [{ type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler' }]
          : [],
    },
  };
}

/** A claim: `bound` names its volume, `size` is asked for. */
export interface ClaimFields {
  class?: string;
  size?: string;
  modes?: string[];
  bound?: string;
  phase?: string;
  selectedNode?: string;
  deleted?: boolean;
  /** The pod that an ephemeral claim was made for. */
  owner?: string;
}

export function claimOf(name: string, fields: ClaimFields): PersistentVolumeClaim {
  const { size = '1Gi', modes = ['ReadWriteOnce'], bound, phase, selectedNode } = fields;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name,
      namespace: 'default',
      uid: `uid-${name}`,
      annotations: {
        ...(bound === undefined ? {} : { 'pv.kubernetes.io/bind-completed': 'yes' }),
        ...(selectedNode === undefined
          ? {}
          : { 'volume.kubernetes.io/selected-node': selectedNode }),
      },
      ...(fields.deleted === true ? { deletionTimestamp: atMinute(0) } : {}),
      ...(fields.owner === undefined ? {} : { ownerReferences: [podReference(fields.owner)] }),
    },
    spec: {
      accessModes: modes,
      resources: { requests: { storage: size } },
      storageClassName: fields.class ?? '',
      ...(bound === undefined ? {} : { volumeName: bound }),
    },
    status: { phase: phase ?? (bound === undefined ? 'Pending' : 'Bound') },
  };
}

function podReference(name: string) {
  return { apiVersion: 'v1', kind: 'Pod', name, uid: `uid-${name}`, controller: true };
}

/** A volume: `on` names the nodes from which it can be reached; without it, all. */
export interface VolumeFields {
  class?: string;
  size?: string;
  on?: string[];
  labels?: Record<string, string>;
  claim?: string;
}

export function volumeOf(name: string, fields: VolumeFields): PersistentVolume {
  const { size = '1Gi', on, labels, claim } = fields;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name, ...(labels === undefined ? {} : { labels }) },
    spec: {
      capacity: { storage: size },
      accessModes: ['ReadWriteOnce', 'ReadWriteOncePod'],
      storageClassName: fields.class ?? '',
      ...(claim === undefined ? {} : { claimRef: { namespace: 'default', name: claim } }),
      ...(on === undefined ? {} : { nodeAffinity: { required: onNodes(on) } }),
    },
    status: { phase: claim === undefined ? 'Available' : 'Bound' },
  };
}

function onNodes(names: readonly string[]) {
  const requirement = { key: 'kubernetes.io/hostname', operator: 'In', values: [...names] };
  return { nodeSelectorTerms: [{ matchExpressions: [requirement] }] };
}
