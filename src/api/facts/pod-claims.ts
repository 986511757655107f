/** The PersistentVolumeClaims that a pod's volumes use. Pure. */
import type { Pod, Volume } from '../types/core.js';

/** A claim in the pod's namespace that one of its volumes uses. */
export interface ClaimUse {
  readonly name: string;
  /** Made for this pod alone (`ephemeral`), and named after it. */
  readonly ephemeral: boolean;
}

/** The claim of one volume of the pod; undefined when the volume has none. */
export function claimUseOf(pod: Pod, volume: Volume): ClaimUse | undefined {
  if (volume.persistentVolumeClaim !== undefined) {
    return { name: volume.persistentVolumeClaim.claimName, ephemeral: false };
  }
  if (volume.ephemeral === undefined) return undefined;
  return { name: `${pod.metadata.name}-${volume.name}`, ephemeral: true };
}

/** The claims of all volumes of the pod, in their order. */
export function claimUses(pod: Pod): ClaimUse[] {
  return (pod.spec.volumes ?? []).flatMap((volume) => claimUseOf(pod, volume) ?? []);
}

/** The names of the claims of all volumes of the pod. */
export function claimNames(pod: Pod): string[] {
  return claimUses(pod).map(({ name }) => name);
}
