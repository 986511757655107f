/**
 * Volumes of the local-path provisioner: directories of this node, which the worker makes for the first pod that uses
 * one and removes when the volume is deleted. The contract stands in src/master/controllers/volumes/README.md.
 *
 * A volume is an object of the API: it says which directory it means, and may say anything. Removed is only what this
 * worker has made and noted.
 */
import { resources } from '../../client/resources.js';
import { isAbsolute, join } from 'node:path';
import type { PersistentVolume } from '../../api/types/core.js';
import { isLocalTo, localPath } from '../../api/facts/local-path.js';
import type { ApiClient, Informer } from '../../client/index.js';
import { isApiError } from '../../client/index.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import type { Held } from '../../lib/safe-files/index.js';
import { codeOf, HeldDirectory, removeTree } from '../../lib/safe-files/index.js';
import { WorkQueue } from '../../lib/work-queue.js';
import { StateStore } from '../../runtime/state-store.js';
import { VolumeError } from './volume-error.js';

/** The record of a directory that was made: the inode tells it from another that took its place. */
interface MadeDirectory {
  readonly path: string;
  readonly device: number;
  readonly inode: number;
}

/** True for a volume whose directory the worker makes and removes; one without the annotation is the user's. */
export function isLocalPath(volume: PersistentVolume): boolean {
  return (
    volume.spec.local?.path !== undefined && volume.metadata.annotations?.[localPath] !== undefined
  );
}

/** The directories of this node's local-path volumes. */
export class LocalPaths {
  readonly #dataDir: string;
  readonly #made: StateStore<MadeDirectory>;
  #loaded: Promise<void> | undefined;

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
    this.#made = new StateStore(join(dataDir, 'local-path-records'));
  }

  /**
   * Makes the directory, for any user, and holds it.
   * @throws VolumeError when the volume names a directory that cannot be one of the provisioner's
   */
  async open(volume: PersistentVolume): Promise<Held> {
    const { parent, name, path } = await this.#locate(volume, true);
    try {
      const before = await parent.tryEntry(name);
      await before?.close();
      const directory = await parent.makeDirectory(name, 0o777);
      if (before === undefined || this.#isOfEarlierVersion(volume, name)) {
        const { dev, ino } = await directory.stat();
        await this.#note(volume, { path, device: dev, inode: ino });
      }
      return directory;
    } finally {
      await parent.close();
    }
  }

  /** Removes the directory of a deleted volume, if this worker made it. @returns false when it is left alone */
  async remove(volume: PersistentVolume): Promise<boolean> {
    const { uid = '' } = volume.metadata;
    await this.#load();
    const found = await this.#locate(volume, false).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'NOT_FOUND') return undefined;
      throw error;
    });
    if (found === undefined) {
      await this.#made.delete(uid);
      return true;
    }
    const { parent, name, path } = found;
    try {
      const entry = await parent.tryEntry(name);
      if (entry === undefined) return true;
      const { dev, ino } = await entry.statAndClose();
      const noted = this.#made.get(uid);
      const isOurs =
        noted === undefined
          ? this.#isOfEarlierVersion(volume, name)
          : noted.path === path && noted.device === dev && noted.inode === ino;
      if (!isOurs) return false;
      await removeTree(parent, name);
      return true;
    } finally {
      await parent.close();
      await this.#made.delete(uid);
    }
  }

  /** Earlier versions noted nothing: theirs are below the data directory and called after the volume. */
  #isOfEarlierVersion(volume: PersistentVolume, name: string): boolean {
    const { metadata, spec } = volume;
    return !isAbsolute(spec.local?.path ?? '/') && name.startsWith(`${metadata.name}_`);
  }

  async #locate(
    volume: PersistentVolume,
    make: boolean,
  ): Promise<{ readonly parent: HeldDirectory; readonly name: string; readonly path: string }> {
    const path = volume.spec.local?.path ?? '';
    const names = path.split('/').filter((part) => part !== '' && part !== '.');
    const name = names.pop();
    if (name === undefined || names.includes('..') || name === '..') {
      throw new VolumeError(`the path "${path}" of a local-path volume is not allowed`);
    }
    if (!isAbsolute(path) && (names.length === 0 || ownFolders.has(names[0] ?? ''))) {
      throw new VolumeError(`the path "${path}" of a local-path volume is the node agent's own`);
    }
    // Links are not followed: the path may lead through a directory that a container fills.
    const top = await HeldDirectory.open(isAbsolute(path) ? '/' : this.#dataDir);
    try {
      const parent = await walkDown(top, names, make);
      return { parent, name, path };
    } finally {
      await top.close();
    }
  }

  #load(): Promise<void> {
    this.#loaded ??= this.#made.load().catch((error: unknown) => {
      this.#loaded = undefined;
      throw error;
    });
    return this.#loaded;
  }

  async #note(volume: PersistentVolume, made: MadeDirectory): Promise<void> {
    await this.#load();
    await this.#made.set(volume.metadata.uid ?? '', made);
  }
}

/** Folders of the data directory that are never a volume's. */
const ownFolders: ReadonlySet<string> = new Set([
  'pods',
  'memory-volumes',
  'local-path-records',
  'runtime',
  'network',
  'netproxy',
]);

async function walkDown(
  top: HeldDirectory,
  names: readonly string[],
  make: boolean,
): Promise<HeldDirectory> {
  let current = await top.again();
  for (const name of names) {
    try {
      const next = make ? await current.makeDirectory(name, 0o755) : await current.directory(name);
      await current.close();
      current = next;
    } catch (error) {
      await current.close();
      throw error;
    }
  }
  return current;
}

/** True when the volume is on this node, and only the worker still holds it. */
function isOursToRemove(volume: PersistentVolume, nodeName: string): boolean {
  const { deletionTimestamp, finalizers = [] } = volume.metadata;
  if (deletionTimestamp === undefined || finalizers.length !== 1) return false;
  if (finalizers[0] !== localPath) return false;
  return isLocalTo(volume, nodeName);
}

/** Removes the directories of deleted volumes, then lets the volumes go. @returns a function that ends it */
export function removeDeletedLocalPaths(options: {
  readonly client: ApiClient;
  readonly volumes: Informer<PersistentVolume>;
  readonly paths: Pick<LocalPaths, 'remove'>;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly log: Logger;
}): () => Promise<void> {
  const { client, clock, log, nodeName, paths } = options;
  const queue = new WorkQueue({
    name: 'local-path',
    clock,
    log,
    reconcile: async (name) => {
      const volume = options.volumes.get({ name });
      if (volume === undefined || !isOursToRemove(volume, nodeName)) return;
      if (isLocalPath(volume) && !(await removed(volume))) {
        log.warn({ volume: name }, 'left a directory alone that a volume names but does not own');
      }
      const { uid, resourceVersion } = volume.metadata;
      const patch = { metadata: { uid, resourceVersion, finalizers: null } };
      try {
        await client.patch(resources.volumes, { name }, 'application/merge-patch+json', patch);
      } catch (error) {
        if (!isApiError(error, 'NotFound')) throw error;
      }
    },
  });
  const removed = async (volume: PersistentVolume): Promise<boolean> => {
    try {
      return await paths.remove(volume);
    } catch (error) {
      if (error instanceof VolumeError) return false;
      throw error;
    }
  };
  const ignore = options.volumes.onChange((change) => {
    if (change.type !== 'delete') queue.add(change.object.metadata.name);
  });
  return async () => {
    ignore();
    await queue.stop();
  };
}
