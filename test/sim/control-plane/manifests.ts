/** The objects that the users of the simulation make. */
import type { KubeObject } from '../../../src/api/object.js';
import type { Prng } from '../../../src/lib/prng.js';
import { runArgument } from './node-process.js';

/** An object to send. */
export type Manifest = KubeObject & { spec?: unknown; data?: unknown };

/** A pod's spec; a container that ends by itself where `run` says so. */
function podSpec(prng: Prng, run?: { readonly ms: number; readonly code: number }): object {
  return {
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

function template(prng: Prng, app: string): object {
  return { metadata: { labels: { app } }, spec: podSpec(prng) };
}

/** A Deployment. */
export function deployment(prng: Prng, namespace: string, name: string): Manifest {
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
      template: template(prng, name),
    },
  };
}

/** A ReplicaSet of its own. */
export function replicaSet(prng: Prng, namespace: string, name: string): Manifest {
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { namespace, name },
    spec: {
      replicas: prng.between(1, 5),
      selector: { matchLabels: { app: name } },
      template: template(prng, name),
    },
  };
}

/** A StatefulSet. */
export function statefulSet(prng: Prng, namespace: string, name: string): Manifest {
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { namespace, name },
    spec: {
      replicas: prng.between(1, 3),
      serviceName: name,
      podManagementPolicy: prng.pick(['OrderedReady', 'Parallel']),
      selector: { matchLabels: { app: name } },
      template: template(prng, name),
    },
  };
}

/** A DaemonSet. */
export function daemonSet(prng: Prng, namespace: string, name: string): Manifest {
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { namespace, name },
    spec: { selector: { matchLabels: { app: name } }, template: template(prng, name) },
  };
}

function jobSpec(prng: Prng): object {
  const code = prng.chance({ numerator: 1, denominator: 5 }) ? 1 : 0;
  const indexed = prng.chance({ numerator: 1, denominator: 3 });
  return {
    completions: prng.between(1, 4),
    parallelism: prng.between(1, 3),
    backoffLimit: prng.between(0, 1),
    completionMode: indexed ? 'Indexed' : 'NonIndexed',
    template: { spec: podSpec(prng, { ms: prng.between(200, 4_000), code }) },
  };
}

/** A Job. */
export function job(prng: Prng, namespace: string, name: string): Manifest {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { namespace, name },
    spec: jobSpec(prng),
  };
}

/** A CronJob of every minute. */
export function cronJob(prng: Prng, namespace: string, name: string): Manifest {
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { namespace, name },
    spec: {
      schedule: '* * * * *',
      concurrencyPolicy: prng.pick(['Allow', 'Forbid', 'Replace']),
      jobTemplate: { spec: jobSpec(prng) },
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
