/**
 * Volumes of the local-path provisioner: directories of this node, which the worker makes for the first pod that uses one and removes when
 * the volume is deleted. The contract stands in src/master/controllers/volumes/README.md.
 */
import { chmod, mkdir, rm } from 'node:fs/promises';
import { isAbsolute, join, normalize } from 'node:path';
import type { PersistentVolume } from '../../api/types/core.js';
import type { ApiClient, Informer } from '../../client/index.js';
import { isApiError } from '../../client/index.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import { WorkQueue } from '../../lib/work-queue.js';

const marker = 'trireme.dev/local-path';
const volumes = { group: '', version: 'v1', resource: 'persistentvolumes' } as const;

/** The directory of a volume that the worker owns; undefined for one that is the user's. */
export function localPathDirectory(volume: PersistentVolume, dataDir: string): string | undefined {
  const path = volume.spec.local?.path;
  if (path === undefined || volume.metadata.annotations?.[marker] === undefined) return undefined;
  if (isAbsolute(path)) return path;
  const directory = normalize(join(dataDir, path));
  return directory.startsWith(`${normalize(dataDir)}/`) ? directory : undefined;
}

/** Makes the directory, for any user. */
export async function makeLocalPath(directory: string): Promise<void> {
  const made = await mkdir(directory, { recursive: true });
  if (made !== undefined) await chmod(directory, 0o777);
}

/** True when the volume is on this node, and only the worker still holds it. */
function isOursToRemove(volume: PersistentVolume, nodeName: string): boolean {
  const { deletionTimestamp, finalizers = [] } = volume.metadata;
  if (deletionTimestamp === undefined || finalizers.length !== 1) return false;
  if (finalizers[0] !== marker) return false;
  const terms = volume.spec.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  return terms.some((term) =>
    [...(term.matchFields ?? []), ...(term.matchExpressions ?? [])].some(
      ({ values }) => values?.includes(nodeName) === true,
    ),
  );
}

/** Removes the directories of deleted volumes, then lets the volumes go. @returns a function that ends it */
export function removeDeletedLocalPaths(options: {
  readonly client: ApiClient;
  readonly volumes: Informer<PersistentVolume>;
  readonly nodeName: string;
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
}): () => Promise<void> {
  const { client, clock, dataDir, log, nodeName } = options;
  const queue = new WorkQueue({
    name: 'local-path',
    clock,
    log,
    reconcile: async (name) => {
      const volume = options.volumes.get({ name });
      if (volume === undefined || !isOursToRemove(volume, nodeName)) return;
      const directory = localPathDirectory(volume, dataDir);
      if (directory !== undefined) await rm(directory, { recursive: true, force: true });
      const { uid, resourceVersion } = volume.metadata;
      const patch = { metadata: { uid, resourceVersion, finalizers: null } };
      try {
        await client.patch(volumes, { name }, 'application/merge-patch+json', patch);
      } catch (error) {
        if (!isApiError(error, 'NotFound')) throw error;
      }
    },
  });
  const ignore = options.volumes.onChange((change) => {
    if (change.type !== 'delete') queue.add(change.object.metadata.name);
  });
  return async () => {
    ignore();
    await queue.stop();
  };
}
