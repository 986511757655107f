import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isMounted } from '../mounts.js';
import { imageIdOf, normalizeImageReference } from '../image-reference.js';
import type { RunCommand } from '../spawn.js';
import type { ImageInfo, RegistryAuth } from '../types.js';
import { RuntimeError } from '../types.js';
import type { AccountFiles } from './accounts.js';
import * as commands from './commands.js';
import type { Ctr } from './ctr.js';
import type { ImageProcess } from '../image-config.js';

/** What is needed of an image to run it. */
export interface ImageView {
  readonly imageId: string;
  readonly process: ImageProcess;
  readonly accounts: AccountFiles;
  /** The image's file system, mounted read-only; the lower layer of every container of it. */
  readonly rootfs: string;
}

interface Descriptor {
  readonly digest: string;
  readonly mediaType?: string;
  readonly platform?: { readonly architecture?: string; readonly os?: string };
}

/** Images of one containerd. Views are mounted once an image and shared by its containers. */
export class Images {
  readonly #ctr: Ctr;
  readonly #run: RunCommand;
  readonly #dir: string;
  readonly #hostsDir: string | undefined;
  readonly #known = new Map<string, ImageInfo>();
  readonly #views = new Map<string, Promise<ImageView>>();
  readonly #pulls = new Map<string, Promise<ImageInfo>>();

  constructor(options: {
    readonly ctr: Ctr;
    readonly run: RunCommand;
    readonly dir: string;
    readonly hostsDir?: string;
  }) {
    this.#ctr = options.ctr;
    this.#run = options.run;
    this.#dir = options.dir;
    this.#hostsDir = options.hostsDir;
  }

  /** Known images come from memory: only what is missing is asked for, so that imports by hand are seen. */
  async status(reference: string): Promise<ImageInfo | undefined> {
    const name = normalizeImageReference(reference);
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    await this.list();
    return this.#known.get(name);
  }

  async list(): Promise<ImageInfo[]> {
    const listed = commands.parseImages(await this.#ctr.call(commands.imagesList()));
    this.#known.clear();
    for (const image of listed) this.#known.set(image.reference, image);
    return listed;
  }

  /** Pulls of one reference are made once for all who wait for it. */
  pull(reference: string, auth?: RegistryAuth): Promise<ImageInfo> {
    const name = normalizeImageReference(reference);
    const key = JSON.stringify([name, auth?.username]);
    const under = this.#pulls.get(key);
    if (under !== undefined) return under;
    const pull = this.#pull(name, auth).finally(() => this.#pulls.delete(key));
    this.#pulls.set(key, pull);
    return pull;
  }

  async import(archive: string): Promise<string[]> {
    const names = commands.parseImported(await this.#ctr.call(commands.imagesImport(archive)));
    this.#views.clear();
    await this.list();
    return names;
  }

  async remove(reference: string): Promise<void> {
    const name = normalizeImageReference(reference);
    const known = this.#known.get(name);
    this.#known.delete(name);
    if (known !== undefined) {
      const target = this.#target(known.digest);
      this.#views.delete(known.digest);
      if (await isMounted(target)) await this.#ctr.attempt(commands.imagesUnmount(target));
    }
    await this.#ctr.callIfPresent(commands.imagesRemove(name));
  }

  /** @throws RuntimeError ImageNotFound */
  async view(reference: string): Promise<ImageView> {
    const image = await this.status(reference);
    if (image === undefined) {
      throw new RuntimeError('ImageNotFound', `image "${reference}" not found`);
    }
    let view = this.#views.get(image.digest);
    if (view === undefined) {
      view = this.#open(image);
      this.#views.set(image.digest, view);
      view.catch(() => this.#views.delete(image.digest));
    }
    return view;
  }

  async #pull(name: string, auth: RegistryAuth | undefined): Promise<ImageInfo> {
    const local = /^(?:localhost|127\.\d+\.\d+\.\d+)(?::\d+)?\//.test(name);
    const command = commands.imagesPull(name, {
      plainHttp: local,
      ...(this.#hostsDir === undefined ? {} : { hostsDir: this.#hostsDir }),
      ...(auth === undefined ? {} : { user: `${auth.username}:${auth.password}` }),
    });
    const result = await this.#ctr.attempt(command);
    if (result.code !== 0) {
      const error = this.#ctr.errorOf(command, result);
      const missing = error.code === 'NotFound';
      throw new RuntimeError(
        missing ? 'ImageNotFound' : 'ImagePullFailed',
        `rpc error: code = ${missing ? 'NotFound' : 'Unknown'} desc = failed to pull and unpack image "${name}": ${error.message}`,
        { retryable: true, cause: error },
      );
    }
    await this.list();
    const image = this.#known.get(name);
    if (image === undefined) {
      throw new RuntimeError('ImagePullFailed', `image "${name}" was pulled and is not there`, {
        retryable: true,
      });
    }
    return image;
  }

  async #open(image: ImageInfo): Promise<ImageView> {
    const target = this.#target(image.digest);
    const [process] = await Promise.all([this.#config(image), this.#mount(image, target)]);
    const [passwd, group] = await Promise.all([
      readFile(join(target, 'etc/passwd'), 'utf8').catch(() => ''),
      readFile(join(target, 'etc/group'), 'utf8').catch(() => ''),
    ]);
    const imageId = imageIdOf(image.reference, image.digest);
    return { imageId, process, accounts: { passwd, group }, rootfs: target };
  }

  async #mount(image: ImageInfo, target: string): Promise<void> {
    if (await isMounted(target)) return;
    await mkdir(target, { recursive: true });
    const result = await this.#ctr.attempt(commands.imagesMount(image.reference, target));
    if (result.code === 0) return;
    const command = commands.imagesMount(image.reference, target);
    const error = this.#ctr.errorOf(command, result);
    // A snapshot of that name is left from before a reboot: it is taken back, and made again.
    if (!/already exists/.test(error.message)) throw error;
    await this.#run('umount', [target], { timeoutMs: 10_000 });
    await this.#ctr.attempt({ args: ['snapshots', 'rm', target], timeoutMs: 10_000 });
    await this.#ctr.call(command);
  }

  async #config(image: ImageInfo): Promise<ImageProcess> {
    const top = JSON.parse(await this.#ctr.call(commands.contentGet(image.digest))) as {
      manifests?: Descriptor[];
      config?: Descriptor;
    };
    let config = top.config;
    if (top.manifests !== undefined) {
      const arch = { x64: 'amd64', arm64: 'arm64' }[process.arch as string] ?? process.arch;
      const chosen =
        top.manifests.find(
          ({ platform }) => platform?.os === 'linux' && platform.architecture === arch,
        ) ?? top.manifests[0];
      const manifest = JSON.parse(
        await this.#ctr.call(commands.contentGet(chosen?.digest ?? '')),
      ) as { config?: Descriptor };
      config = manifest.config;
    }
    if (config === undefined) {
      throw new RuntimeError('CreateFailed', `image "${image.reference}" has no configuration`);
    }
    const parsed = JSON.parse(await this.#ctr.call(commands.contentGet(config.digest))) as {
      config?: ImageProcess;
    };
    return parsed.config ?? {};
  }

  #target(digest: string): string {
    return join(this.#dir, digest.replace(':', '-').slice(0, 39));
  }
}
