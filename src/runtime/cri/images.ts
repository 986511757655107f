import type { Clock } from '../../lib/clock.js';
import { delay } from '../../lib/clock.js';
import type { Image, ImageSpec } from '../../gen/cri/api.js';
import { normalizeImageReference } from '../image-reference.js';
import type { ImageInfo, RegistryAuth } from '../types.js';
import { RuntimeError } from '../types.js';
import type { CriClient } from './client.js';
import { called, calledIfThere, runtimeError } from './client.js';
import { imageInfo, imageInfos } from './states.js';

/** A pull ends by itself when nothing comes; this is for one that does not. @see kubelet has no limit */
const pullMs = 3_600_000;
/** A runtime hears of an image that came by another door after a moment. */
const noticeMs = 10_000;
const noticeEveryMs = 20;

/** Images of one runtime. */
export class CriImages {
  readonly #client: CriClient;
  readonly #isKept: (image: Image) => boolean;
  readonly #importArchive: (path: string) => Promise<string[]>;
  readonly #clock: Clock;
  readonly #pulls = new Map<string, Promise<ImageInfo>>();

  constructor(options: {
    readonly client: CriClient;
    /** True for images that the runtime needs itself. */
    readonly isKept: (image: Image) => boolean;
    /** Brings what is in an archive to the runtime. @throws RuntimeError Unsupported where it has no way for that */
    readonly importArchive: (path: string) => Promise<string[]>;
    readonly clock: Clock;
  }) {
    this.#clock = options.clock;
    this.#client = options.client;
    this.#isKept = options.isKept;
    this.#importArchive = options.importArchive;
  }

  /** The image as the runtime has it. @throws RuntimeError InvalidImageName */
  async find(reference: string): Promise<Image | undefined> {
    const image = spec(normalizeImageReference(reference));
    const answer = await calledIfThere(this.#client.images.imageStatus({ image, verbose: false }));
    return answer?.image;
  }

  async status(reference: string): Promise<ImageInfo | undefined> {
    const image = await this.find(reference);
    return image === undefined ? undefined : imageInfo(image, reference);
  }

  /** Those that the runtime needs itself are not told: nobody is to remove them. */
  async list(): Promise<ImageInfo[]> {
    const { images } = await called(this.#client.images.listImages({ filter: undefined }));
    return images
      .filter((image) => !image.pinned && !this.#isKept(image))
      .flatMap((image) => imageInfos(image));
  }

  /** Pulls of one reference are made once for all who wait for it. */
  pull(reference: string, auth?: RegistryAuth): Promise<ImageInfo> {
    const name = normalizeImageReference(reference);
    const key = JSON.stringify([name, auth]);
    const under = this.#pulls.get(key);
    if (under !== undefined) return under;
    const pull = this.#pull(name, auth).finally(() => this.#pulls.delete(key));
    this.#pulls.set(key, pull);
    return pull;
  }

  async #pull(name: string, auth: RegistryAuth | undefined): Promise<ImageInfo> {
    const request = {
      image: spec(name),
      auth:
        auth === undefined
          ? undefined
          : { ...auth, auth: '', serverAddress: '', identityToken: '', registryToken: '' },
      sandboxConfig: undefined,
    };
    try {
      await this.#client.images.pullImage(request, { deadlineMs: pullMs });
    } catch (cause) {
      const error = runtimeError(cause);
      const code = error.code === 'NotFound' ? 'ImageNotFound' : 'ImagePullFailed';
      throw new RuntimeError(code, error.message, { retryable: true, cause });
    }
    const image = await this.status(name);
    if (image !== undefined) return image;
    throw new RuntimeError('ImagePullFailed', `image "${name}" was pulled and is not there`, {
      retryable: true,
    });
  }

  /** @throws RuntimeError Unsupported where the runtime has no way to do it */
  async import(archive: string): Promise<string[]> {
    const names = await this.#importArchive(archive);
    const untilMs = this.#clock.monotonicMs() + noticeMs;
    for (const name of names) {
      while ((await this.find(name)) === undefined) {
        if (this.#clock.monotonicMs() > untilMs) {
          const text = `image "${name}" was imported and the runtime does not see it`;
          throw new RuntimeError('Failed', text, { retryable: true });
        }
        await delay(this.#clock, noticeEveryMs);
      }
    }
    return names;
  }

  /**
   * Runtimes remove an image with all its names, so one that a container has is left alone.
   * @throws RuntimeError Failed
   */
  async remove(reference: string): Promise<void> {
    const image = await this.find(reference);
    if (image === undefined) return;
    const { containers } = await called(this.#client.runtime.listContainers({ filter: undefined }));
    const names = new Set([image.id, ...image.repoDigests, ...image.repoTags]);
    const user = containers.find(
      (container) =>
        names.has(container.imageRef) ||
        names.has(container.imageId) ||
        names.has(container.image?.image ?? ''),
    );
    if (user !== undefined) {
      throw new RuntimeError('Failed', `image "${reference}" is used by container ${user.id}`);
    }
    await calledIfThere(this.#client.images.removeImage({ image: spec(image.id) }));
  }
}

/** How an image is named in calls. */
function spec(image: string): ImageSpec {
  return { image, annotations: {}, userSpecifiedImage: '', runtimeHandler: '' };
}

/** The image that sandboxes of a runtime run, if its status says which: containerd's does. */
export function sandboxImageOf(info: Readonly<Record<string, string>>): string | undefined {
  try {
    const config = JSON.parse(info['config'] ?? '{}') as { readonly sandboxImage?: unknown };
    const { sandboxImage: name } = config;
    return typeof name === 'string' ? normalizeImageReference(name) : undefined;
  } catch {
    // What is no JSON, or no name of an image, says nothing.
    return undefined;
  }
}
