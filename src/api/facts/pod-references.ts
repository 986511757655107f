/**
 * Names the objects that a pod or a volume uses, field by field (kubernetes pkg/api/pod and pkg/api/persistentvolume).
 */
import { claimUseOf } from './pod-claims.js';
import type { PersistentVolume, Pod } from '../types/core.js';

/** Marks the API's picture of a pod that a node runs from a file of its own. */
export const mirrorAnnotation = 'kubernetes.io/config.mirror';

/** The objects that a pod names in its own namespace. */
export interface PodReferences {
  readonly secrets: ReadonlySet<string>;
  readonly configMaps: ReadonlySet<string>;
  readonly claims: ReadonlySet<string>;
  readonly resourceClaims: ReadonlySet<string>;
  /** Empty when the pod names none. */
  readonly serviceAccount: string;
}

type PodVolume = NonNullable<Pod['spec']['volumes']>[number];
type PodContainer = Pod['spec']['containers'][number];
type Named = { readonly name?: string | undefined } | undefined;

/** Collects names, leaving out the empty ones. */
class Names extends Set<string> {
  take(...found: readonly (string | undefined)[]): void {
    for (const name of found) if (name !== undefined && name !== '') this.add(name);
  }
}

/** Reads everything that a pod names. */
export function referencesOf(pod: Pod): PodReferences {
  const { spec } = pod;
  const found = { secrets: new Names(), configMaps: new Names(), claims: new Names() };
  for (const secret of spec.imagePullSecrets ?? []) found.secrets.take(secret.name);
  for (const container of [
    ...(spec.initContainers ?? []),
    ...spec.containers,
    ...(spec.ephemeralContainers ?? []),
  ]) {
    readContainer(container, found);
  }
  for (const volume of spec.volumes ?? []) readVolume(pod, volume, found);
  const serviceAccount = spec.serviceAccountName ?? '';
  return { ...found, resourceClaims: resourceClaimsOf(pod), serviceAccount };
}

type Found = { readonly [key in 'secrets' | 'configMaps' | 'claims']: Names };

function readContainer(
  { env, envFrom }: Pick<PodContainer, 'env' | 'envFrom'>,
  found: Found,
): void {
  for (const { valueFrom } of env ?? []) {
    found.secrets.take(valueFrom?.secretKeyRef?.name);
    found.configMaps.take(valueFrom?.configMapKeyRef?.name);
  }
  for (const source of envFrom ?? []) {
    found.secrets.take(source.secretRef?.name);
    found.configMaps.take(source.configMapRef?.name);
  }
}

function readVolume(pod: Pod, volume: PodVolume, found: Found): void {
  const { projected, csi, azureFile, secret, configMap } = volume;
  const withSecret: readonly Named[] = [
    volume.cephfs?.secretRef,
    volume.cinder?.secretRef,
    volume.flexVolume?.secretRef,
    volume.iscsi?.secretRef,
    volume.rbd?.secretRef,
    volume.scaleIO?.secretRef,
    volume.storageos?.secretRef,
    csi?.nodePublishSecretRef,
  ];
  found.secrets.take(azureFile?.secretName, secret?.secretName);
  for (const reference of withSecret) found.secrets.take(reference?.name);
  found.configMaps.take(configMap?.name);
  for (const source of projected?.sources ?? []) {
    found.secrets.take(source.secret?.name);
    found.configMaps.take(source.configMap?.name);
  }
  found.claims.take(claimUseOf(pod, volume)?.name);
}

/** Claims of devices: named by the spec, or made from a template and then named by the status. */
function resourceClaimsOf({ spec, status }: Pod): ReadonlySet<string> {
  const names = new Names();
  for (const claim of spec.resourceClaims ?? []) names.take(claim.resourceClaimName);
  for (const made of status?.resourceClaimStatuses ?? []) names.take(made.resourceClaimName);
  return names;
}

interface Reference {
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
}

/** `namespace/name` of the Secrets that a node needs for a bound volume; the controllers' own are left out. */
export function secretsOfVolume({ spec }: PersistentVolume): ReadonlySet<string> {
  const home = spec.claimRef?.namespace ?? '';
  const keys = new Set<string>();
  const take = (reference: Reference | undefined): void => {
    const { name = '', namespace = home } = reference ?? {};
    if (name !== '') keys.add(`${namespace === '' ? home : namespace}/${name}`);
  };
  const { azureFile, csi } = spec;
  if (azureFile !== undefined) {
    take({ namespace: azureFile.secretNamespace ?? home, name: azureFile.secretName });
  }
  for (const reference of [
    spec.cephfs?.secretRef,
    spec.cinder?.secretRef,
    spec.flexVolume?.secretRef,
    spec.iscsi?.secretRef,
    spec.rbd?.secretRef,
    spec.scaleIO?.secretRef,
    spec.storageos?.secretRef,
    csi?.nodePublishSecretRef,
    csi?.nodeStageSecretRef,
    csi?.nodeExpandSecretRef,
  ]) {
    take(reference);
  }
  return keys;
}
