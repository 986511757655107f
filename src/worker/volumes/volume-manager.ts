/**
 * A pod's volumes on the node: made before its containers start, kept up to date while it runs, taken away
 * afterwards. Every call is safe to repeat. Directories live in `<dataDir>/pods/<uid>/volumes/<name>`, what comes of
 * ConfigMaps, Secrets and tokens in a tmpfs (memory-volumes.ts), and sub-paths that containers mount in
 * `<dataDir>/pods/<uid>/volume-subpaths/<container>/<index>`.
 *
 * The contents of a volume are under its containers' control: only `src/lib/safe-files` touches them.
 */
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type {
  Container,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  Volume,
  VolumeMount,
} from '../../api/types/core.js';
import { parseQuantity } from '../../api/quantity.js';
import {
  checkedName,
  codeOf,
  Held,
  HeldDirectory,
  removeTree,
} from '../../lib/safe-files/index.js';
import { errorMessage } from '../../lib/errors.js';
import { isMounted } from '../../runtime/mounts.js';
import type { DeviceMapping, Mount } from '../../runtime/types.js';
import type { ConfigSource } from '../env.js';
import type { NodeFacts } from '../pod-fields.js';
import { writeAtomically } from './atomic-writer.js';
import { claimedVolume, isBlock } from './claimed-volume.js';
import { prepareHostPath } from './host-path.js';
import { isLocalPath, LocalPaths } from './local-path.js';
import { MemoryVolumes } from './memory-volumes.js';
import { bindHeld, mountMemory, unmountBelow } from './mounting.js';
import { giveToGroup } from './ownership.js';
import type { VolumeFile } from './volume-file.js';
import { hasPayload, tokenKey, tokenProjections, volumePayload } from './payload.js';
import { payloadHash } from './payload-checks.js';
import { bindSubPath, expandSubPath } from './sub-path.js';
import { VolumeError } from './volume-error.js';

/** The objects of the API that volumes are made from. */
export interface VolumeSources {
  /** ConfigMaps and Secrets of a namespace. */
  config(namespace: string): ConfigSource;
  claim(namespace: string, name: string): PersistentVolumeClaim | undefined;
  volume(name: string): PersistentVolume | undefined;
  /** A token of the pod's service account, fresh enough to be used; from a cache that renews it. */
  token(pod: Pod, audience: string | undefined, expirationSeconds: number): Promise<string>;
}

/** The dependencies of {@link VolumeManager}. */
export interface VolumeManagerOptions {
  readonly dataDir: string;
  readonly sources: VolumeSources;
  /** True when file systems may be mounted and files be given away. */
  readonly isRoot: boolean;
}

/** A mode for directories of the node that hold what pods keep: nobody else's to enter. */
const podDirectoryMode = 0o750;
const folders = { volumes: 'volumes', subPaths: 'volume-subpaths' } as const;

/** Makes pods' volumes, keeps their content up to date, says what to mount, and takes them down. */
export class VolumeManager {
  /** The directories of local-path volumes. */
  readonly localPaths: LocalPaths;
  readonly #options: VolumeManagerOptions;
  readonly #memory: MemoryVolumes;
  /** Of pods that are there: what was last written of each volume. */
  readonly #written = new Map<string, Map<string, string>>();
  /** The refreshes under way, by the pod's uid. */
  readonly #refreshes = new Map<string, Promise<boolean>>();

  constructor(options: VolumeManagerOptions) {
    this.#options = options;
    const { dataDir, isRoot } = options;
    this.#memory = new MemoryVolumes({ root: join(dataDir, 'memory-volumes'), mayMount: isRoot });
    this.localPaths = new LocalPaths(dataDir);
  }

  /**
   * Makes every volume of the pod.
   * @returns where each is on the node, by name
   * @throws VolumeError for the first that cannot be made: `MountVolume.SetUp failed for volume "x" : …`
   */
  async setUp(pod: Pod, facts: NodeFacts): Promise<Map<string, string>> {
    const made = await Promise.all(
      (pod.spec.volumes ?? []).map(async (volume) => {
        try {
          return [volume.name, await this.#make(pod, volume, facts)] as const;
        } catch (error) {
          throw setUpFailed(volume, error);
        }
      }),
    );
    return new Map(made);
  }

  /**
   * Writes anew what ConfigMaps, Secrets, fields and tokens have become. A volume that cannot be written keeps what it
   * has, and keeps no other from its own.
   * @returns true when something changed
   * @throws VolumeError at the end, with all that failed
   */
  async refresh(pod: Pod, facts: NodeFacts): Promise<boolean> {
    const { uid = '' } = pod.metadata;
    const refresh = this.#refresh(pod, facts);
    this.#refreshes.set(uid, refresh);
    try {
      return await refresh;
    } finally {
      if (this.#refreshes.get(uid) === refresh) this.#refreshes.delete(uid);
    }
  }

  async #refresh(pod: Pod, facts: NodeFacts): Promise<boolean> {
    let changed = false;
    const failures: VolumeError[] = [];
    for (const volume of pod.spec.volumes ?? []) {
      if (!hasPayload(volume)) continue;
      try {
        changed = (await this.#rewrite(pod, volume, facts)) || changed;
      } catch (error) {
        failures.push(setUpFailed(volume, error));
      }
    }
    const [first] = failures;
    if (first === undefined) return changed;
    throw new VolumeError(failures.map(({ message }) => message).join('; '), {
      cause: first.cause,
    });
  }

  /**
   * Takes away all that belonged to the pod alone. @throws SafeFileError CROSSES_MOUNT when something stays mounted
   * in it
   */
  async tearDown(podUid: string): Promise<void> {
    const directory = this.#podDirectory(podUid);
    if (this.#options.isRoot) {
      for (const folder of Object.values(folders)) await unmountBelow(join(directory, folder));
    }
    this.#written.delete(podUid);
    // A refresh that is under way would write again what is removed. Its failure is reported to its caller.
    await this.#refreshes.get(podUid)?.catch(() => undefined);
    this.#written.delete(podUid);
    await this.#memory.remove(podUid);
    const pod = await openIfThere(directory);
    if (pod === undefined) return;
    try {
      for (const folder of Object.values(folders)) await removeTree(pod, folder);
    } finally {
      await pod.close();
    }
  }

  /** The pods that have volumes in memory: after a restart some of them may be gone. */
  podUidsInMemory(): Promise<string[]> {
    return this.#memory.podUids();
  }

  /**
   * Returns the mounts of a container. Makes missing sub-paths.
   * @param env the container's environment, for `subPathExpr`
   * @throws VolumeError
   */
  async mountsFor(options: {
    readonly pod: Pod;
    readonly container: Pick<Container, 'name' | 'volumeMounts'>;
    readonly paths: ReadonlyMap<string, string>;
    readonly env: ReadonlyMap<string, string>;
  }): Promise<Mount[]> {
    const { pod, container, paths, env } = options;
    const volumes = new Map((pod.spec.volumes ?? []).map((volume) => [volume.name, volume]));
    const result: Mount[] = [];
    for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
      const volumePath = paths.get(mount.name);
      if (volumePath === undefined) {
        throw new VolumeError(`the volume "${mount.name}" of a mount does not exist`);
      }
      refuseRecursive(mount);
      const subPath = subPathOf(mount, env);
      const target = join(this.#podDirectory(pod), folders.subPaths, container.name, `${index}`);
      result.push({
        hostPath:
          subPath === ''
            ? volumePath
            : await this.#bindSubPath({
                mount,
                container: container.name,
                volumePath,
                subPath,
                target,
              }),
        containerPath: mount.mountPath,
        readOnly: mount.readOnly === true || isReadOnly(volumes.get(mount.name)),
        ...(mount.mountPropagation === undefined
          ? {}
          : { propagation: mount.mountPropagation as NonNullable<Mount['propagation']> }),
      });
    }
    return result;
  }

  /** The block volumes of a container, as devices. @throws VolumeError */
  devicesFor(
    pod: Pod,
    container: Pick<Container, 'volumeDevices'>,
    paths: ReadonlyMap<string, string>,
  ): DeviceMapping[] {
    const volumes = new Map((pod.spec.volumes ?? []).map((volume) => [volume.name, volume]));
    return (container.volumeDevices ?? []).map(({ name, devicePath }) => {
      const hostPath = paths.get(name);
      if (hostPath === undefined) {
        throw new VolumeError(`the volume "${name}" of a device does not exist`);
      }
      const permissions = isReadOnly(volumes.get(name)) ? 'r' : 'mrw';
      return { hostPath, containerPath: devicePath, permissions };
    });
  }

  /** The texts are kubelet's. */
  async #bindSubPath(options: {
    readonly mount: VolumeMount;
    readonly container: string;
    readonly volumePath: string;
    readonly subPath: string;
    readonly target: string;
  }): Promise<string> {
    const { mount, container, ...wanted } = options;
    try {
      return await bindSubPath({ ...wanted, mayMount: this.#options.isRoot });
    } catch (cause) {
      const reason = errorMessage(cause);
      const text = `failed to prepare subPath for volumeMount "${mount.name}" of container "${container}"`;
      throw new VolumeError(`${text}: ${reason}`, { cause });
    }
  }

  async #make(pod: Pod, volume: Volume, facts: NodeFacts): Promise<string> {
    if (hasPayload(volume)) {
      const files = await this.#payload(pod, volume, facts);
      return (await this.#writeFiles(pod, volume, files)).path;
    }
    if (volume.hostPath !== undefined) {
      await prepareHostPath(volume.hostPath.path, volume.hostPath.type ?? '');
      return volume.hostPath.path;
    }
    if (volume.emptyDir !== undefined) return this.#makeEmptyDirectory(pod, volume);
    if (volume.persistentVolumeClaim !== undefined || volume.ephemeral !== undefined) {
      return this.#makeClaimed(pod, volume);
    }
    throw new VolumeError('the type of the volume is not supported');
  }

  /** Looks at the files on the node only when they are to be others than those that were written last. */
  async #rewrite(pod: Pod, volume: Volume, facts: NodeFacts): Promise<boolean> {
    const files = await this.#payload(pod, volume, facts);
    const { uid = '' } = pod.metadata;
    const written = this.#written.get(uid);
    // Without any, the pod's volumes are being taken down, or never were made.
    if (written === undefined || written.get(volume.name) === payloadHash(files)) return false;
    return (await this.#writeFiles(pod, volume, files)).changed;
  }

  async #payload(pod: Pod, volume: Volume, facts: NodeFacts): Promise<VolumeFile[]> {
    const { sources } = this.#options;
    const tokens = new Map<string, string>();
    for (const projection of tokenProjections(volume)) {
      const { audience, expirationSeconds = 3600 } = projection;
      tokens.set(tokenKey(projection), await sources.token(pod, audience, expirationSeconds));
    }
    const source = sources.config(pod.metadata.namespace ?? '');
    return volumePayload(volume, { pod, source, facts, tokens });
  }

  async #writeFiles(
    pod: Pod,
    volume: Volume,
    files: readonly VolumeFile[],
  ): Promise<{ readonly path: string; readonly changed: boolean }> {
    const { isRoot } = this.#options;
    const group = isRoot ? pod.spec.securityContext?.fsGroup : undefined;
    const { path, directory } = await this.#openPayload(pod, volume.name);
    try {
      if (group !== undefined) {
        await directory.chown(-1, group);
        await directory.chmod(((await directory.stat()).mode & 0o7777) | 0o2550);
      }
      const own = isRoot ? files : files.map(({ path, data, mode }) => ({ path, data, mode }));
      const changed = await writeAtomically(directory, own, group);
      const { uid = '' } = pod.metadata;
      const written = this.#written.get(uid) ?? new Map<string, string>();
      this.#written.set(uid, written.set(volume.name, payloadHash(files)));
      return { path, changed };
    } finally {
      await directory.close();
    }
  }

  /**
   * Opens the directory of a ConfigMap, Secret, downward or projected volume. A pod that an earlier version of this
   * agent started has its files on disk, mounted into its containers: they are kept up to date there until it ends.
   */
  async #openPayload(
    pod: Pod,
    volume: string,
  ): Promise<{ readonly path: string; readonly directory: HeldDirectory }> {
    const uid = pod.metadata.uid ?? '';
    const earlier = join(this.#podDirectory(pod), folders.volumes, checkedName(volume));
    const directory = await openIfThere(earlier);
    if (directory !== undefined) return { path: earlier, directory };
    return {
      path: this.#memory.path(uid, volume),
      directory: await this.#memory.open(uid, volume),
    };
  }

  async #makeEmptyDirectory(pod: Pod, volume: Volume): Promise<string> {
    const directory = await this.#makeDirectory(pod, volume.name);
    const { medium, sizeLimit } = volume.emptyDir ?? {};
    if (medium === 'Memory' && this.#options.isRoot) {
      const bytes = sizeLimit === undefined ? 0 : (parseQuantity(sizeLimit)?.value() ?? 0);
      await mountMemory(directory, {
        mode: '0777',
        isSecret: false,
        ...(bytes > 0 ? { sizeBytes: bytes } : {}),
      });
    }
    await chmod(directory, 0o777);
    await this.#applyGroup(pod, directory);
    return directory;
  }

  async #makeClaimed(pod: Pod, volume: Volume): Promise<string> {
    const found = claimedVolume(pod, volume, this.#options.sources);
    const { hostPath, local } = found.spec;
    if (isBlock(found)) {
      if (local === undefined || isLocalPath(found)) {
        const text = `failed to find BlockVolumeMapper plugin for volume ${found.metadata.name}`;
        throw new VolumeError(text);
      }
      await prepareHostPath(local.path, 'BlockDevice');
      return local.path;
    }
    if (hostPath !== undefined) {
      await prepareHostPath(hostPath.path, hostPath.type ?? '');
      return hostPath.path;
    }
    if (local === undefined) {
      throw new VolumeError(
        `the source of persistentvolume "${found.metadata.name}" is not supported`,
      );
    }
    if (!isLocalPath(found)) await prepareHostPath(local.path, 'Directory');
    const held = isLocalPath(found)
      ? await this.localPaths.open(found)
      : await Held.open(local.path);
    try {
      const target = await this.#bindLocal(pod, volume.name, held);
      await this.#applyGroup(pod, target);
      return target;
    } finally {
      await held.close();
    }
  }

  /** As kubelet does, the directory is mounted below the pod's own, where its name cannot change any more. */
  async #bindLocal(pod: Pod, volume: string, held: Held): Promise<string> {
    if (!this.#options.isRoot) return held.resolve();
    const target = await this.#makeDirectory(pod, volume);
    if (!(await isMounted(target))) await bindHeld(held, target);
    return target;
  }

  async #makeDirectory(pod: Pod, volume: string): Promise<string> {
    const directory = join(this.#podDirectory(pod), folders.volumes, checkedName(volume));
    await mkdir(directory, { recursive: true, mode: podDirectoryMode });
    return directory;
  }

  #podDirectory(pod: Pod | string): string {
    const uid = typeof pod === 'string' ? pod : (pod.metadata.uid ?? '');
    return join(this.#options.dataDir, 'pods', checkedName(uid));
  }

  async #applyGroup(pod: Pod, directory: string): Promise<void> {
    const group = pod.spec.securityContext?.fsGroup;
    if (group === undefined || !this.#options.isRoot) return;
    const policy = pod.spec.securityContext?.fsGroupChangePolicy;
    await giveToGroup(directory, group, policy === 'OnRootMismatch' ? 'OnRootMismatch' : 'Always');
  }
}

function setUpFailed({ name }: Volume, cause: unknown): VolumeError {
  const reason = errorMessage(cause);
  return new VolumeError(`MountVolume.SetUp failed for volume "${name}" : ${reason}`, { cause });
}

/**
 * A promise that is not kept is worse than a container that does not start: what is mounted inside the volume would
 * stay writable.
 * @see kubelet resolveRecursiveReadOnly
 */
function refuseRecursive({ name, recursiveReadOnly }: VolumeMount): void {
  if (recursiveReadOnly !== 'Enabled') return;
  throw new VolumeError(
    `failed to resolve recursive read-only mode: volume ${JSON.stringify(name)} requested recursive read-only mode, but it is not supported by the runtime`,
  );
}

function subPathOf(mount: VolumeMount, env: ReadonlyMap<string, string>): string {
  return mount.subPathExpr === undefined || mount.subPathExpr === ''
    ? (mount.subPath ?? '')
    : expandSubPath(mount.subPathExpr, env);
}

/** Volumes that no container may write to, whatever its mount says. */
function isReadOnly(volume: Volume | undefined): boolean {
  if (volume === undefined) return false;
  return hasPayload(volume) || volume.persistentVolumeClaim?.readOnly === true;
}

async function openIfThere(path: string): Promise<HeldDirectory | undefined> {
  try {
    return await HeldDirectory.open(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
