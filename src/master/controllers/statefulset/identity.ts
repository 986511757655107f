/** Names, labels, volumes and claims of a StatefulSet's pods. Pure. */
import { cloneJson } from '../../../api/clone.js';
import type {
  PersistentVolumeClaim,
  Pod,
  PodTemplateSpec,
  Volume,
} from '../../../api/types/core.js';
import type { StatefulSet } from '../../../api/types/workloads.js';
import { podFromTemplate } from '../../../api/facts/pods.js';
import type { Owner } from '../../../api/facts/owners.js';
import { controllerReference } from '../../../api/facts/owners.js';
import { revisionHashLabel } from '../history/revisions.js';

const podNameLabel = 'statefulset.kubernetes.io/pod-name';
const podIndexLabel = 'apps.kubernetes.io/pod-index';

/** Returns a StatefulSet as the owner of its pods. */
export function ownerOf(set: StatefulSet): Owner {
  return { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: set.metadata };
}

/** Returns the name of the claim that a template gives the pod with that ordinal: `data-web-0`. */
export function claimNameOf(set: StatefulSet, template: string, ordinal: number): string {
  return `${template}-${set.metadata.name}-${ordinal}`;
}

/** True when a claim of that name is of one of the set's templates. */
export function mayHaveClaim(set: StatefulSet, claim: string): boolean {
  const templates = set.spec.volumeClaimTemplates ?? [];
  return templates.some(({ metadata }) =>
    claim.startsWith(`${metadata.name}-${set.metadata.name}-`),
  );
}

/** The pod with that number, of a template with the revision's name. */
export function statefulPod(
  set: StatefulSet,
  template: PodTemplateSpec,
  ordinal: number,
  revision: string,
): Pod {
  const name = `${set.metadata.name}-${ordinal}`;
  const pod = podFromTemplate(template, ownerOf(set), name);
  pod.metadata.generateName = `${set.metadata.name}-`;
  pod.metadata.labels = {
    ...pod.metadata.labels,
    [podNameLabel]: name,
    [podIndexLabel]: String(ordinal),
    [revisionHashLabel]: revision,
  };
  pod.spec.hostname = name;
  if (set.spec.serviceName !== undefined) pod.spec.subdomain = set.spec.serviceName;
  const templates = set.spec.volumeClaimTemplates ?? [];
  const replaced = new Set(templates.map(({ metadata }) => metadata.name));
  const volumes = templates.map(({ metadata }): Volume => ({
    name: metadata.name,
    persistentVolumeClaim: { claimName: claimNameOf(set, metadata.name, ordinal) },
  }));
  const others = (pod.spec.volumes ?? []).filter((volume) => !replaced.has(volume.name));
  if (volumes.length + others.length > 0) pod.spec.volumes = [...volumes, ...others];
  return pod;
}

/** The labels of its identity, for a pod of the set that does not have its name as a label; undefined when it does. */
export function missingIdentity(
  set: StatefulSet,
  { metadata }: Pod,
): Readonly<Record<string, string>> | undefined {
  const prefix = `${set.metadata.name}-`;
  if (!metadata.name.startsWith(prefix)) return undefined;
  if (metadata.labels?.[podNameLabel] === metadata.name) return undefined;
  return { [podNameLabel]: metadata.name, [podIndexLabel]: metadata.name.slice(prefix.length) };
}

/** The claims of the pod with that number. */
export function statefulClaims(set: StatefulSet, ordinal: number): PersistentVolumeClaim[] {
  return (set.spec.volumeClaimTemplates ?? []).map((template) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: claimNameOf(set, template.metadata.name, ordinal),
      ...(set.metadata.namespace === undefined ? {} : { namespace: set.metadata.namespace }),
      labels: { ...template.metadata.labels, ...set.spec.selector.matchLabels },
      ...(template.metadata.annotations === undefined
        ? {}
        : { annotations: { ...template.metadata.annotations } }),
    },
    spec: cloneJson(template.spec),
  }));
}

/**
 * Owners of a claim by the retention policy: the set (deleted with it) or the condemned pod (deleted when scaled down).
 * @returns undefined when the claim's references are right as they are
 */
export function wantedClaimOwners(
  set: StatefulSet,
  claim: PersistentVolumeClaim,
  pod: Pod | undefined,
  condemned: boolean,
): NonNullable<PersistentVolumeClaim['metadata']['ownerReferences']> | undefined {
  const policy = set.spec.persistentVolumeClaimRetentionPolicy;
  const present = claim.metadata.ownerReferences ?? [];
  const podUid = pod?.metadata.uid;
  const foreign = present.filter(
    ({ uid, kind }) => uid !== set.metadata.uid && !(kind === 'Pod' && uid === podUid),
  );
  const wanted = [...foreign];
  const bySet = policy?.whenDeleted === 'Delete';
  const byPod = policy?.whenScaled === 'Delete' && condemned && pod !== undefined;
  if (byPod) {
    wanted.push(controllerReference({ apiVersion: 'v1', kind: 'Pod', metadata: pod.metadata }));
  } else if (bySet) {
    wanted.push(controllerReference(ownerOf(set)));
  }
  const key = (list: typeof wanted): string =>
    list
      .map(({ uid }) => uid)
      .toSorted()
      .join(',');
  return key(wanted) === key(present) ? undefined : wanted;
}
