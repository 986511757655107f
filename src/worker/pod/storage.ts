/**
 * What a pod may write on its node's disk: the limits of its emptyDirs, and of its containers' `ephemeral-storage`.
 * Pure.
 * @see kubelet eviction/eviction_manager.go, localStorageEviction
 */
import { podAmounts } from '../../api/facts/amounts.js';
import { amountOf } from '../../api/facts/pod-requests.js';
import type { Container, Pod, Volume } from '../../api/types/core.js';
import { containersByRole } from './state.js';

const resource = 'ephemeral-storage';

/** The bytes that a pod has written. */
export interface StorageUse {
  /** Of emptyDirs, by the volume's name. */
  readonly volumes: ReadonlyMap<string, number>;
  /** Of containers' own layers and logs, by name. */
  readonly containers: ReadonlyMap<string, number>;
}

/** The emptyDirs of a pod that are on the disk; a `sizeLimit` of one in memory is that of its tmpfs. */
export function emptyDirsOnDisk(pod: Pod): Volume[] {
  return (pod.spec.volumes ?? []).filter(
    ({ emptyDir }) => emptyDir !== undefined && emptyDir.medium !== 'Memory',
  );
}

/** Tells whether it has to be known how much a pod has written. */
export function hasStorageLimits(pod: Pod): boolean {
  return (
    emptyDirsOnDisk(pod).some(({ emptyDir }) => limitOf(emptyDir?.sizeLimit) !== undefined) ||
    podAmounts(pod.spec, 'limits').has(resource)
  );
}

/** @returns the message of the eviction of a pod that has written too much */
export function storageExcess(pod: Pod, use: StorageUse): string | undefined {
  for (const { name, emptyDir } of emptyDirsOnDisk(pod)) {
    const limit = limitOf(emptyDir?.sizeLimit);
    if (limit === undefined || (use.volumes.get(name) ?? 0) <= limit) continue;
    return `Usage of EmptyDir volume "${name}" exceeds the limit "${emptyDir?.sizeLimit}". `;
  }
  const whole = podAmounts(pod.spec, 'limits').get(resource);
  const all = [...use.volumes.values(), ...use.containers.values()];
  const total = all.reduce((sum, bytes) => sum + bytes, 0);
  if (whole !== undefined && total > whole.value()) {
    return `Pod ephemeral local storage usage exceeds the total limit of containers ${whole.toString()}. `;
  }
  for (const { container } of containersByRole(pod)) {
    const text = limitText(container);
    const limit = limitOf(text);
    if (limit === undefined || (use.containers.get(container.name) ?? 0) <= limit) continue;
    return `Container ${container.name} exceeded its local ephemeral storage limit "${text}". `;
  }
  return undefined;
}

function limitText(container: Container): string | undefined {
  return container.resources?.limits?.[resource];
}

/** None, or zero, is no limit. */
function limitOf(text: string | undefined): number | undefined {
  const bytes = text === undefined ? 0 : amountOf(resource, text);
  return bytes > 0 ? bytes : undefined;
}
