import { createHash } from 'node:crypto';
import { access, mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { renameDurably } from '../../lib/files/rename-durably.js';
import type { ImageProcess } from '../image-config.js';
import { imageIdOf, normalizeImageReference } from '../image-reference.js';
import type { RunCommand } from '../spawn.js';
import { StateStore } from '../state-store.js';
import type { ImageInfo } from '../types.js';
import { RuntimeError } from '../types.js';

/** An image as a directory. */
export interface ImageRecord extends ImageInfo {
  readonly process: ImageProcess;
  /** Absent: the host's own file system. */
  readonly rootfs?: string;
}

const timeoutMs = 120_000;

/**
 * Images without containerd: archives are unpacked with `tar` into directories; `host` is the machine's own root. There
 * is no registry client, so what was not imported cannot be pulled.
 */
export class ProcessImages {
  readonly #dir: string;
  readonly #run: RunCommand;
  readonly #store: StateStore<ImageRecord>;

  constructor(options: { readonly dir: string; readonly run: RunCommand }) {
    this.#dir = options.dir;
    this.#run = options.run;
    this.#store = new StateStore(join(options.dir, 'index'));
  }

  async load(): Promise<void> {
    await this.#store.load();
  }

  find(reference: string): ImageRecord | undefined {
    const name = normalizeImageReference(reference);
    if (name.startsWith('docker.io/library/host:')) return hostImage(name);
    return this.#store.get(keyOf(name));
  }

  list(): ImageRecord[] {
    return this.#store.values();
  }

  /** @throws RuntimeError ImagePullFailed unless it is here already */
  pull(reference: string): ImageRecord {
    const found = this.find(reference);
    if (found !== undefined) return found;
    throw new RuntimeError(
      'ImagePullFailed',
      `rpc error: code = Unimplemented desc = failed to pull image "${reference}": the process runtime has no registry client; import an archive, or use the image "host"`,
      { retryable: true },
    );
  }

  async import(archive: string): Promise<string[]> {
    await mkdir(this.#dir, { recursive: true });
    const work = await mkdtemp(join(this.#dir, 'import-'));
    try {
      await this.#must('tar', ['-xf', archive, '-C', work]);
      const index = await readJson<{ manifests?: Descriptor[] }>(join(work, 'index.json'));
      const names: string[] = [];
      for (const manifest of index.manifests ?? []) {
        const name = manifest.annotations?.['io.containerd.image.name'];
        if (name !== undefined) {
          await this.#unpack(work, normalizeImageReference(name), manifest);
          names.push(normalizeImageReference(name));
        }
      }
      return names;
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }

  async remove(reference: string): Promise<void> {
    const found = this.find(reference);
    if (found === undefined) return;
    const name = found.reference;
    await this.#store.delete(keyOf(name));
    const shared = this.list().some(({ rootfs }) => rootfs === found.rootfs);
    if (found.rootfs !== undefined && !shared) {
      await rm(found.rootfs, { recursive: true, force: true });
    }
  }

  async #unpack(work: string, name: string, top: Descriptor): Promise<void> {
    const blob = (digest: string): string => join(work, 'blobs', ...digest.split(':'));
    const { config, layers } = await readJson<Manifest>(blob(top.digest));
    const image = await readJson<{ config?: ImageProcess }>(blob(config.digest));
    const rootfs = join(this.#dir, top.digest.replace(':', '-').slice(0, 39));
    const present = await access(rootfs).then(
      () => true,
      () => false,
    );
    let sizeBytes = 0;
    const into = join(work, 'rootfs');
    await mkdir(into);
    for (const layer of layers) {
      sizeBytes += (await stat(blob(layer.digest))).size;
      if (!present) await this.#must('tar', ['-xf', blob(layer.digest), '-C', into]);
    }
    if (!present) await renameDurably(into, rootfs);
    else await rm(into, { recursive: true });
    await this.#store.set(keyOf(name), {
      reference: name,
      digest: top.digest,
      sizeBytes,
      process: image.config ?? {},
      rootfs,
    });
  }

  async #must(program: string, args: readonly string[]): Promise<void> {
    const result = await this.#run(program, args, { timeoutMs });
    if (result.code === 0) return;
    throw new RuntimeError('Failed', `${program}: ${result.stderr.trim()}`);
  }
}

interface Descriptor {
  readonly digest: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Manifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

async function readJson<T>(path: string): Promise<T> {
  return JSON.parse(await readFile(path, 'utf8')) as T;
}

function keyOf(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, 32);
}

function hostImage(name: string): ImageRecord {
  const digest = `sha256:${createHash('sha256').update('host').digest('hex')}`;
  return { reference: name, digest, sizeBytes: 0, process: { Cmd: ['sh'] } };
}

/** Returns the `imageID` of a container's status. */
export function imageIdOfRecord(image: ImageRecord): string {
  return imageIdOf(image.reference, image.digest);
}
