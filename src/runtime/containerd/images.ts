import { imageIdOf, normalizeImageReference } from '../image-reference.js';
import type { ImageInfo, RegistryAuth } from '../types.js';
import { RuntimeError } from '../types.js';
import * as commands from './commands.js';
import { canBeTyped } from './typed-password.js';
import type { Ctr } from './ctr.js';
import type { ImageViews, MountedView } from './image-views.js';

/** The parts of an image that running it needs; its root file system is the lower layer of all its containers. */
export interface ImageView extends MountedView {
  /** The digest that the file system is of, with the repository. */
  readonly imageId: string;
}

/** Images of one containerd, by reference. */
export class Images {
  readonly #ctr: Ctr;
  readonly #views: ImageViews;
  readonly #hostsDir: string | undefined;
  readonly #known = new Map<string, ImageInfo>();
  readonly #pulls = new Map<string, Promise<ImageInfo>>();

  constructor(options: {
    readonly ctr: Ctr;
    readonly views: ImageViews;
    readonly hostsDir?: string;
  }) {
    this.#ctr = options.ctr;
    this.#views = options.views;
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
    this.#views.scheduleRelease();
    await this.list();
    return names;
  }

  /** Takes the name away; what containers run from stays for as long as they do. */
  async remove(reference: string): Promise<void> {
    const name = normalizeImageReference(reference);
    this.#known.delete(name);
    await this.#views.release();
    await this.#ctr.callIfPresent(commands.imagesRemove(name));
  }

  /**
   * Calls `work` with the image's view, which stays while that runs, and afterwards while a container has it.
   * @throws RuntimeError ImageNotFound
   */
  async use<T>(reference: string, work: (view: ImageView) => Promise<T>): Promise<T> {
    const image = await this.status(reference);
    if (image === undefined) {
      throw new RuntimeError('ImageNotFound', `image "${reference}" not found`);
    }
    const imageId = imageIdOf(image.reference, image.digest);
    try {
      return await this.#views.use(image, (view) => work({ ...view, imageId }));
    } catch (error) {
      // The next call asks again which image the name means: another client may have changed it.
      this.#known.delete(image.reference);
      throw error;
    }
  }

  async #pull(name: string, auth: RegistryAuth | undefined): Promise<ImageInfo> {
    const local = /^(?:localhost|127\.\d+\.\d+\.\d+)(?::\d+)?\//.test(name);
    // A password that cannot be typed, a key of several lines for one, has no other way than the command line.
    const typed = auth !== undefined && canBeTyped(auth);
    const command = commands.imagesPull(name, {
      plainHttp: local,
      ...(this.#hostsDir === undefined ? {} : { hostsDir: this.#hostsDir }),
      ...(auth === undefined
        ? {}
        : { user: typed ? auth.username : `${auth.username}:${auth.password}` }),
    });
    const result = await this.#ctr.attempt(command, typed ? auth.password : undefined);
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
    this.#views.scheduleRelease();
    const image = this.#known.get(name);
    if (image === undefined) {
      throw new RuntimeError('ImagePullFailed', `image "${name}" was pulled and is not there`, {
        retryable: true,
      });
    }
    return image;
  }
}
