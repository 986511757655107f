/** The new ReplicaSet of a Deployment, revisions and annotations. Pure. @see kubernetes deployment_util.go */
import { cloneJson } from '../../../api/clone.js';
import { templateHash } from '../../../api/facts/hash.js';
import { jsonEqual } from '../../../api/equal.js';
import { scaledValue } from '../../../api/facts/int-or-string.js';
import { byCreation } from '../../../api/facts/time.js';
import type { PodTemplateSpec } from '../../../api/types/core.js';
import type { Deployment, DeploymentSpec, ReplicaSet } from '../../../api/types/workloads.js';
import { controllerReference } from '../../../api/facts/owners.js';
import { maxInt64 } from '../../../lib/json.js';

const hashLabel = 'pod-template-hash';

/** The annotation of a Deployment and its ReplicaSets that holds the revision, a decimal number. */
export const revisionAnnotation = 'deployment.kubernetes.io/revision';
const historyAnnotation = 'deployment.kubernetes.io/revision-history';
const desiredAnnotation = 'deployment.kubernetes.io/desired-replicas';
const maxAnnotation = 'deployment.kubernetes.io/max-replicas';
const notCopied: ReadonlySet<string> = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  revisionAnnotation,
  historyAnnotation,
  desiredAnnotation,
  maxAnnotation,
  'deprecated.deployment.rollback.to',
]);

/** Returns the number of replicas that the spec asks for; 1 where it names none. */
export function replicasOf(object: { spec: Pick<DeploymentSpec, 'replicas'> }): number {
  return object.spec.replicas ?? 1;
}

/** Tells whether a Deployment replaces its pods by RollingUpdate, the default, and not by Recreate. */
export function isRolling(deployment: Deployment): boolean {
  return deployment.spec.strategy?.type !== 'Recreate';
}

/** maxSurge rounded up and maxUnavailable rounded down; when both come out 0, one may be unavailable. */
export function rollingBounds(deployment: Deployment): {
  readonly maxSurge: number;
  readonly maxUnavailable: number;
} {
  const replicas = replicasOf(deployment);
  if (!isRolling(deployment)) return { maxSurge: 0, maxUnavailable: 0 };
  const rolling = deployment.spec.strategy?.rollingUpdate;
  const maxSurge = scaledValue(rolling?.maxSurge ?? '25%', replicas, 'up');
  const unavailable = scaledValue(rolling?.maxUnavailable ?? '25%', replicas, 'down');
  const maxUnavailable = maxSurge === 0 && unavailable === 0 ? 1 : unavailable;
  return { maxSurge, maxUnavailable: Math.min(maxUnavailable, replicas) };
}

function withoutHash(template: PodTemplateSpec): PodTemplateSpec {
  const { [hashLabel]: _, ...labels } = template.metadata?.labels ?? {};
  return { ...template, metadata: { ...template.metadata, labels } };
}

/** The oldest set with the deployment's present template. */
export function findNew(
  deployment: Deployment,
  sets: readonly ReplicaSet[],
): ReplicaSet | undefined {
  const wanted = withoutHash(deployment.spec.template);
  return sets.toSorted(byCreation).find((set) => jsonEqual(withoutHash(set.spec.template), wanted));
}

/**
 * Returns the revision that the annotation holds, an int64; 0 where it is absent or none. Kubernetes' conformance test
 * has one of 3546343826724305832.
 */
export function revisionOf(object: { metadata: { annotations?: Record<string, string> } }): bigint {
  const text = object.metadata.annotations?.[revisionAnnotation] ?? '';
  if (!/^\d{1,19}$/.test(text)) return 0n;
  const revision = BigInt(text);
  return revision > maxInt64 ? 0n : revision;
}

/**
 * Returns the `desired-replicas` or `max-replicas` that a ReplicaSet is annotated with; undefined without a number.
 */
export function annotatedCount(set: ReplicaSet, which: 'desired' | 'max'): number | undefined {
  const name = which === 'desired' ? desiredAnnotation : maxAnnotation;
  const text = set.metadata.annotations?.[name] ?? '';
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Annotations that record for which size of the deployment the set was scaled. */
export function sizeAnnotations(deployment: Deployment): Record<string, string> {
  const replicas = replicasOf(deployment);
  return {
    [desiredAnnotation]: String(replicas),
    [maxAnnotation]: String(replicas + rollingBounds(deployment).maxSurge),
  };
}

/** Annotations of the new set: the deployment's own, its revision and the revisions it had before. */
export function newSetAnnotations(
  deployment: Deployment,
  revision: bigint,
  set: ReplicaSet | undefined,
): Record<string, string> {
  const result: Record<string, string> = { ...set?.metadata.annotations };
  for (const [name, value] of Object.entries(deployment.metadata.annotations ?? {})) {
    if (!notCopied.has(name)) result[name] = value;
  }
  const old = set === undefined ? 0n : revisionOf(set);
  if (old < revision) {
    if (old > 0n) {
      const history = result[historyAnnotation];
      result[historyAnnotation] = history === undefined ? String(old) : `${history},${old}`;
    }
    result[revisionAnnotation] = String(revision);
  }
  return set === undefined ? { ...result, ...sizeAnnotations(deployment) } : result;
}

/** A set for the present template. */
export function makeReplicaSet(
  deployment: Deployment,
  options: { readonly replicas: number; readonly revision: bigint },
): ReplicaSet {
  const { spec, metadata } = deployment;
  const hash = templateHash(spec.template, deployment.status?.collisionCount);
  const template = cloneJson(spec.template);
  template.metadata = {
    ...template.metadata,
    labels: { ...template.metadata?.labels, [hashLabel]: hash },
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${metadata.name}-${hash}`,
      ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
      labels: { ...template.metadata.labels },
      annotations: newSetAnnotations(deployment, options.revision, undefined),
      ownerReferences: [
        controllerReference({ apiVersion: 'apps/v1', kind: 'Deployment', metadata }),
      ],
    },
    spec: {
      replicas: options.replicas,
      ...(spec.minReadySeconds === undefined ? {} : { minReadySeconds: spec.minReadySeconds }),
      selector: {
        ...spec.selector,
        matchLabels: { ...spec.selector.matchLabels, [hashLabel]: hash },
      },
      template,
    },
  };
}
