/**
 * A pod's volumes on the node: made before its containers start, kept up to date while it runs, taken away afterwards. Every call is
 * safe to repeat. Directories live in `<dataDir>/pods/<uid>/volumes/<name>`.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type {
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  Volume,
  VolumeMount,
} from '../../api/types/core.js';
import { parseQuantity } from '../../api/quantity.js';
import type { Mount } from '../../runtime/types.js';
import type { ConfigSource } from '../env.js';
import type { NodeFacts } from '../pod-fields.js';
import { writeAtomically } from './atomic-writer.js';
import { prepareHostPath } from './host-path.js';
import { localPathDirectory, makeLocalPath } from './local-path.js';
import { giveToGroup } from './ownership.js';
import { hasPayload, tokenKey, tokenProjections, VolumeError, volumePayload } from './payload.js';
import { expandSubPath, resolveSubPath } from './sub-path.js';

const execute = promisify(execFile);

/** What volumes need from the API. */
export interface VolumeSources {
  /** ConfigMaps and Secrets of a namespace. */
  config(namespace: string): ConfigSource;
  claim(namespace: string, name: string): PersistentVolumeClaim | undefined;
  volume(name: string): PersistentVolume | undefined;
  /** A token of the pod's service account, fresh enough to be used; from a cache that renews it. */
  token(pod: Pod, audience: string | undefined, expirationSeconds: number): Promise<string>;
}

export interface VolumeManagerOptions {
  readonly dataDir: string;
  readonly sources: VolumeSources;
  /** True when tmpfs may be mounted and files be given away. */
  readonly isRoot: boolean;
}

export class VolumeManager {
  readonly #options: VolumeManagerOptions;

  constructor(options: VolumeManagerOptions) {
    this.#options = options;
  }

  #directory(pod: Pod, volume: string): string {
    return join(this.#options.dataDir, 'pods', pod.metadata.uid ?? '', 'volumes', volume);
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
          const reason = error instanceof Error ? error.message : String(error);
          throw new VolumeError(
            `MountVolume.SetUp failed for volume "${volume.name}" : ${reason}`,
            {
              cause: error,
            },
          );
        }
      }),
    );
    return new Map(made);
  }

  /** Writes anew what ConfigMaps, Secrets, fields and tokens have become. @returns true when something changed */
  async refresh(pod: Pod, facts: NodeFacts): Promise<boolean> {
    let changed = false;
    for (const volume of pod.spec.volumes ?? []) {
      if (hasPayload(volume)) changed = (await this.#writePayload(pod, volume, facts)) || changed;
    }
    return changed;
  }

  /** Takes away all that belonged to the pod alone. */
  async tearDown(podUid: string): Promise<void> {
    const directory = join(this.#options.dataDir, 'pods', podUid, 'volumes');
    const mounts = await readFile('/proc/self/mounts', 'utf8').catch(() => '');
    for (const line of mounts.split('\n').toReversed()) {
      const path = (line.split(' ')[1] ?? '').replaceAll('\\040', ' ');
      if (path.startsWith(`${directory}/`)) await execute('umount', ['-l', path]);
    }
    await rm(directory, { recursive: true, force: true });
  }

  /**
   * What to mount into a container. Sub-paths are made where they are missing.
   * @param env the container's environment, for `subPathExpr`
   * @throws VolumeError
   */
  async mountsFor(options: {
    readonly mounts: readonly VolumeMount[];
    readonly paths: ReadonlyMap<string, string>;
    readonly env: ReadonlyMap<string, string>;
  }): Promise<Mount[]> {
    const result: Mount[] = [];
    for (const mount of options.mounts) {
      const volumePath = options.paths.get(mount.name);
      if (volumePath === undefined) {
        throw new VolumeError(`the volume "${mount.name}" of a mount does not exist`);
      }
      const subPath =
        mount.subPathExpr === undefined || mount.subPathExpr === ''
          ? (mount.subPath ?? '')
          : expandSubPath(mount.subPathExpr, options.env);
      result.push({
        hostPath: subPath === '' ? volumePath : await resolveSubPath(volumePath, subPath),
        containerPath: mount.mountPath,
        readOnly: mount.readOnly ?? false,
        ...(mount.mountPropagation === undefined
          ? {}
          : { propagation: mount.mountPropagation as NonNullable<Mount['propagation']> }),
      });
    }
    return result;
  }

  async #make(pod: Pod, volume: Volume, facts: NodeFacts): Promise<string> {
    if (hasPayload(volume)) {
      await this.#writePayload(pod, volume, facts);
      return this.#directory(pod, volume.name);
    }
    if (volume.hostPath !== undefined) {
      await prepareHostPath(volume.hostPath.path, volume.hostPath.type ?? '');
      return volume.hostPath.path;
    }
    if (volume.emptyDir !== undefined) return this.#makeEmptyDirectory(pod, volume);
    if (volume.persistentVolumeClaim !== undefined) {
      return this.#makeClaimed(pod, volume.persistentVolumeClaim.claimName);
    }
    if (volume.ephemeral !== undefined) {
      return this.#makeClaimed(pod, `${pod.metadata.name}-${volume.name}`);
    }
    throw new VolumeError('the type of the volume is not supported');
  }

  async #writePayload(pod: Pod, volume: Volume, facts: NodeFacts): Promise<boolean> {
    const { sources, isRoot } = this.#options;
    const tokens = new Map<string, string>();
    for (const projection of tokenProjections(volume)) {
      const { audience, expirationSeconds = 3600 } = projection;
      tokens.set(tokenKey(projection), await sources.token(pod, audience, expirationSeconds));
    }
    const source = sources.config(pod.metadata.namespace ?? '');
    const files = volumePayload(volume, { pod, source, facts, tokens });
    const group = isRoot ? pod.spec.securityContext?.fsGroup : undefined;
    return writeAtomically(this.#directory(pod, volume.name), files, group);
  }

  async #makeEmptyDirectory(pod: Pod, volume: Volume): Promise<string> {
    const directory = this.#directory(pod, volume.name);
    await mkdir(directory, { recursive: true, mode: 0o777 });
    if (volume.emptyDir?.medium === 'Memory' && this.#options.isRoot) {
      await mountMemory(directory, volume.emptyDir.sizeLimit);
    }
    await chmod(directory, 0o777);
    await this.#applyGroup(pod, directory);
    return directory;
  }

  async #makeClaimed(pod: Pod, claimName: string): Promise<string> {
    const { sources } = this.#options;
    const claim = sources.claim(pod.metadata.namespace ?? '', claimName);
    if (claim === undefined)
      throw new VolumeError(`persistentvolumeclaim "${claimName}" not found`);
    const bound = claim.spec.volumeName ?? '';
    const volume = bound === '' ? undefined : sources.volume(bound);
    if (claim.status?.phase !== 'Bound' || volume === undefined) {
      throw new VolumeError(`persistentvolumeclaim "${claimName}" is not bound`);
    }
    const { hostPath, local } = volume.spec;
    if (hostPath !== undefined) {
      await prepareHostPath(hostPath.path, hostPath.type ?? '');
      await this.#applyGroup(pod, hostPath.path);
      return hostPath.path;
    }
    if (local !== undefined) {
      const owned = localPathDirectory(volume, this.#options.dataDir);
      if (owned === undefined) await prepareHostPath(local.path, 'Directory');
      else await makeLocalPath(owned);
      await this.#applyGroup(pod, owned ?? local.path);
      return owned ?? local.path;
    }
    throw new VolumeError(`the source of persistentvolume "${bound}" is not supported`);
  }

  async #applyGroup(pod: Pod, directory: string): Promise<void> {
    const group = pod.spec.securityContext?.fsGroup;
    if (group === undefined || !this.#options.isRoot) return;
    const policy = pod.spec.securityContext?.fsGroupChangePolicy;
    await giveToGroup(directory, group, policy === 'OnRootMismatch' ? 'OnRootMismatch' : 'Always');
  }
}

async function mountMemory(directory: string, sizeLimit: string | undefined): Promise<void> {
  const mounts = await readFile('/proc/self/mounts', 'utf8');
  if (mounts.includes(` ${directory.replaceAll(' ', '\\040')} tmpfs `)) return;
  const bytes = sizeLimit === undefined ? 0 : (parseQuantity(sizeLimit)?.value() ?? 0);
  const size = bytes > 0 ? [`-osize=${bytes},mode=777`] : ['-omode=777'];
  await execute('mount', ['-t', 'tmpfs', ...size, 'tmpfs', directory]);
}
