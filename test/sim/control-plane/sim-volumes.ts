/** The volumes of a hollow machine: claims are looked at as on a real one, directories there are none. */
import type { PersistentVolume } from '../../../src/api/types/core.js';
import type { ApiClient, InformerFactory } from '../../../src/client/index.js';
import { resources } from '../../../src/client/resources.js';
import type { Clock } from '../../../src/lib/clock.js';
import type { Logger } from '../../../src/lib/log.js';
import type { NodeVolumes } from '../../../src/worker/run/node-context.js';
import type { ClaimSources } from '../../../src/worker/volumes/claimed-volume.js';
import { claimedVolume } from '../../../src/worker/volumes/claimed-volume.js';
import { removeDeletedLocalPaths } from '../../../src/worker/volumes/local-path.js';

/** Volumes that exist where their claims are bound. */
export function simVolumes(sources: ClaimSources): NodeVolumes {
  return {
    setUp: async (pod) => {
      const paths = new Map<string, string>();
      for (const volume of pod.spec.volumes ?? []) {
        if (volume.persistentVolumeClaim === undefined) continue;
        paths.set(volume.name, `/volumes/${claimedVolume(pod, volume, sources).metadata.name}`);
      }
      return paths;
    },
    refresh: () => Promise.resolve(false),
    tearDown: () => Promise.resolve(),
    mountsFor: () => Promise.resolve([]),
    podUidsInMemory: () => Promise.resolve([]),
    devicesFor: () => [],
  };
}

/** Lets deleted volumes of the machine go, as its worker does. */
export function letVolumesGo(parts: {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly informers: InformerFactory;
  readonly nodeName: string;
}): void {
  removeDeletedLocalPaths({
    ...parts,
    volumes: parts.informers.informer<PersistentVolume>(resources.volumes),
    paths: { remove: () => Promise.resolve(true) },
  });
}
