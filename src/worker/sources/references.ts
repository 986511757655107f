/** Which objects a pod uses: those that its node may read. */
import type { Pod, Volume } from '../../api/types/core.js';
import { containersByRole } from '../pod/state.js';

export interface PodReferences {
  readonly configMaps: ReadonlySet<string>;
  readonly secrets: ReadonlySet<string>;
  readonly claims: ReadonlySet<string>;
}

export function podReferences(pod: Pod): PodReferences {
  const configMaps = new Set<string | undefined>();
  const secrets = new Set<string | undefined>();
  const claims = new Set<string>();
  for (const { name } of pod.spec.imagePullSecrets ?? []) secrets.add(name);
  for (const { container } of containersByRole(pod)) {
    for (const { configMapRef, secretRef } of container.envFrom ?? []) {
      configMaps.add(configMapRef?.name);
      secrets.add(secretRef?.name);
    }
    for (const { valueFrom } of container.env ?? []) {
      configMaps.add(valueFrom?.configMapKeyRef?.name);
      secrets.add(valueFrom?.secretKeyRef?.name);
    }
  }
  for (const volume of pod.spec.volumes ?? []) {
    addVolume(volume, configMaps, secrets);
    const claim = volume.persistentVolumeClaim?.claimName;
    if (claim !== undefined) claims.add(claim);
    if (volume.ephemeral !== undefined) claims.add(`${pod.metadata.name}-${volume.name}`);
  }
  return { configMaps: named(configMaps), secrets: named(secrets), claims };
}

function addVolume(
  volume: Volume,
  configMaps: Set<string | undefined>,
  secrets: Set<string | undefined>,
): void {
  configMaps.add(volume.configMap?.name);
  secrets.add(volume.secret?.secretName);
  for (const { configMap, secret } of volume.projected?.sources ?? []) {
    configMaps.add(configMap?.name);
    secrets.add(secret?.name);
  }
}

function named(names: ReadonlySet<string | undefined>): Set<string> {
  return new Set([...names].filter((name): name is string => name !== undefined && name !== ''));
}
