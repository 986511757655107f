/** The objects that the users of the simulation make. */
import type { KubeObject } from '../../../src/api/object.js';
import type { Prng } from '../../../src/lib/prng.js';
import { runArgument } from './node-process.js';

/** An object to send. */
export type Manifest = KubeObject & { spec?: unknown; data?: unknown };

/** What the options of a run say of its workloads. */
export interface Features {
  readonly hasVolumes: boolean;
  readonly hasPriorities: boolean;
}

/** Where a workload's objects are made: the draw, what the run has, namespace and name. */
export interface Making {
  readonly prng: Prng;
  readonly features: Features;
  readonly namespace: string;
  readonly name: string;
}

/** Priority classes of the cluster, with their values; pods of the last one preempt nobody. */
export const priorityClasses = { low: -10, middle: 10, high: 100, patient: 50 } as const;
/** The class whose pods preempt nobody. */
export const patientClass = 'patient';

function priorityOf({ prng, features }: Making): object {
  if (!features.hasPriorities || prng.chance({ numerator: 1, denominator: 3 })) return {};
  return { priorityClassName: prng.pick(Object.keys(priorityClasses)) };
}

/** A pod's spec; a container that ends by itself where `run` says so. */
function podSpec(making: Making, run?: { readonly ms: number; readonly code: number }): object {
  const { prng } = making;
  return {
    ...priorityOf(making),
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: prng.between(1, 4),
    containers: [
      {
        name: 'c',
        image: 'web:1',
        ...(run === undefined ? {} : { args: [runArgument, String(run.ms), String(run.code)] }),
        resources: { requests: { cpu: `${prng.pick([50, 100, 150])}m` } },
      },
    ],
    ...(run === undefined ? {} : { restartPolicy: 'Never' }),
  };
}

function template(making: Making): object {
  return { metadata: { labels: { app: making.name } }, spec: podSpec(making) };
}

/** A Deployment. */
export function deployment(making: Making): Manifest {
  const { prng, namespace, name } = making;
  const rollingUpdate = { maxSurge: prng.between(0, 2), maxUnavailable: prng.between(0, 1) };
  if (rollingUpdate.maxSurge === 0) rollingUpdate.maxUnavailable = 1;
  const recreate = prng.chance({ numerator: 1, denominator: 5 });
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace, name },
    spec: {
      replicas: prng.between(1, 4),
      selector: { matchLabels: { app: name } },
      strategy: recreate ? { type: 'Recreate' } : { type: 'RollingUpdate', rollingUpdate },
      template: template(making),
    },
  };
}

/** A ReplicaSet of its own. */
export function replicaSet(making: Making): Manifest {
  const { prng, namespace, name } = making;
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { namespace, name },
    spec: {
      replicas: prng.between(1, 5),
      selector: { matchLabels: { app: name } },
      template: template(making),
    },
  };
}

function claimTemplates({ prng, features }: Making): object {
  if (!features.hasVolumes || prng.chance({ numerator: 1, denominator: 4 })) return {};
  const policy = ['Retain', 'Retain', 'Delete'] as const;
  return {
    volumeClaimTemplates: [
      {
        metadata: { name: 'data' },
        spec: {
          storageClassName: prng.pick(['local-path', ...diskClasses]),
          accessModes: ['ReadWriteOnce'],
          resources: { requests: { storage: `${prng.between(1, 3)}Gi` } },
        },
      },
    ],
    persistentVolumeClaimRetentionPolicy: {
      whenDeleted: prng.pick(policy),
      whenScaled: prng.pick(policy),
    },
  };
}

/** A StatefulSet. */
export function statefulSet(making: Making): Manifest {
  const { prng, namespace, name } = making;
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { namespace, name },
    spec: {
      replicas: prng.between(1, 3),
      serviceName: name,
      podManagementPolicy: prng.pick(['OrderedReady', 'Parallel']),
      selector: { matchLabels: { app: name } },
      template: template(making),
      ...claimTemplates(making),
    },
  };
}

/** A DaemonSet. */
export function daemonSet(making: Making): Manifest {
  const { namespace, name } = making;
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { namespace, name },
    spec: { selector: { matchLabels: { app: name } }, template: template(making) },
  };
}

function jobSpec(making: Making): object {
  const { prng } = making;
  const code = prng.chance({ numerator: 1, denominator: 5 }) ? 1 : 0;
  const indexed = prng.chance({ numerator: 1, denominator: 3 });
  return {
    completions: prng.between(1, 4),
    parallelism: prng.between(1, 3),
    backoffLimit: prng.between(0, 1),
    completionMode: indexed ? 'Indexed' : 'NonIndexed',
    template: { spec: podSpec(making, { ms: prng.between(200, 4_000), code }) },
  };
}

/** A Job. */
export function job(making: Making): Manifest {
  const { namespace, name } = making;
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { namespace, name },
    spec: jobSpec(making),
  };
}

/** A CronJob of every minute. */
export function cronJob(making: Making): Manifest {
  const { prng, namespace, name } = making;
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { namespace, name },
    spec: {
      schedule: '* * * * *',
      concurrencyPolicy: prng.pick(['Allow', 'Forbid', 'Replace']),
      jobTemplate: { spec: jobSpec(making) },
    },
  };
}

/** A Service for what has that label. */
export function service(namespace: string, name: string, app: string): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace, name },
    spec: { selector: { app }, ports: [{ port: 80 }] },
  };
}

/** Classes of volumes that people make: bound with their first consumer, and at once. */
export const diskClasses = ['disk', 'disk-at-once'] as const;

/** A volume that somebody has made, on one node: if it is to be deleted, one that the controller can delete. */
export function disk(prng: Prng, name: string, nodeName: string): Manifest {
  const storage = `${prng.between(1, 4)}Gi`;
  const policy = prng.pick(['Retain', 'Delete']);
  const values = [nodeName];
  const matchFields = [{ key: 'metadata.name', operator: 'In', values }];
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name },
    spec: {
      capacity: { storage },
      accessModes: ['ReadWriteOnce'],
      persistentVolumeReclaimPolicy: policy,
      storageClassName: prng.pick(diskClasses),
      ...(policy === 'Delete'
        ? { hostPath: { path: `/tmp/${name}` } }
        : { local: { path: `/disks/${name}` } }),
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchFields }] } },
    },
  };
}

/** A disruption budget for what has that label. */
export function budget(prng: Prng, namespace: string, app: string): Manifest {
  const selector = { matchLabels: { app } };
  const rule = prng.pick([
    { minAvailable: 1 },
    { minAvailable: 2 },
    { maxUnavailable: 1 },
    { minAvailable: '50%' },
  ]);
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { namespace, name: app },
    spec: { selector, ...rule },
  };
}

/** A ConfigMap, perhaps with owners or a finalizer. */
export function configMap(
  namespace: string,
  name: string,
  metadata: Partial<KubeObject['metadata']> = {},
): Manifest {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...metadata, namespace, name } };
}

/** A namespace. */
export function namespace(name: string): Manifest {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}
