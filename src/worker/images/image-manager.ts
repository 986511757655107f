/** Gets the image of a container as its pull policy says. @see kubelet pkg/kubelet/images */
import type { Container, Pod, Secret } from '../../api/types/core.js';
import type { Clock } from '../../lib/clock.js';
import type { ContainerRuntime, ImageInfo } from '../../runtime/types.js';
import { isRuntimeError } from '../../runtime/types.js';
import type { EventType } from '../../client/events/correlator.js';
import { Gate } from '../../lib/gate.js';
import { errorMessage } from '../../lib/errors.js';
import { registryAuth } from './registry-auth.js';

/** The image cannot be had now; reason and message are for the container's waiting state. */
export class ImageError extends Error {
  override readonly name = 'ImageError';
  readonly code = 'IMAGE';
  readonly reason: string;
  /** The waiting state that the status shows until the next attempt. */
  readonly waiting: { readonly reason: string; readonly message: string } | undefined;

  constructor(reason: string, message: string, waiting?: { reason: string; message: string }) {
    super(message);
    this.reason = reason;
    this.waiting = waiting;
  }
}

/** The dependencies of {@link ImageManager}. */
export interface ImageManagerOptions {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  /** Images that the node's owner put here: used when their registry does not answer. */
  readonly imported: ReadonlySet<string>;
}

/** For whom an image is fetched. */
export interface ImageRequest {
  readonly pod: Pod;
  readonly container: Container;
  /** Of `imagePullSecrets`. */
  readonly secrets: readonly Secret[];
  readonly event: (type: EventType, reason: string, message: string) => void;
}

/** Downloads at once. */
const pullsMax = 4;

/** Fetches images as pull policies say; equal pulls at the same time are one. */
export class ImageManager {
  readonly #options: ImageManagerOptions;
  readonly #pulls = new Map<string, Promise<ImageInfo>>();
  readonly #gate = new Gate(pullsMax);

  constructor(options: ImageManagerOptions) {
    this.#options = options;
  }

  /** @throws ImageError */
  async ensure(request: ImageRequest): Promise<ImageInfo> {
    const image = request.container.image ?? '';
    const policy = request.container.imagePullPolicy ?? defaultPolicy(image);
    const present = await this.#present(image, request);
    if (policy === 'Never' && present === undefined) {
      const message = `Container image "${image}" is not present with pull policy of Never`;
      request.event('Warning', 'ErrImageNeverPull', message);
      request.event('Warning', 'Failed', 'Error: ErrImageNeverPull');
      throw new ImageError('ErrImageNeverPull', message);
    }
    if (present !== undefined && policy !== 'Always') return this.#use(present, image, request);
    return this.#pull(image, present, request);
  }

  async #present(image: string, request: ImageRequest): Promise<ImageInfo | undefined> {
    try {
      return await this.#options.runtime.imageStatus(image);
    } catch (error) {
      if (!isRuntimeError(error, 'InvalidImageName')) throw error;
      const message = `Failed to apply default image tag "${image}": couldn't parse image name "${image}": invalid reference format`;
      request.event('Warning', 'InspectFailed', message);
      request.event('Warning', 'Failed', 'Error: InvalidImageName');
      throw new ImageError('InvalidImageName', message);
    }
  }

  #use(info: ImageInfo, image: string, request: ImageRequest): ImageInfo {
    request.event('Normal', 'Pulled', `Container image "${image}" already present on machine`);
    return info;
  }

  async #pull(
    image: string,
    present: ImageInfo | undefined,
    request: ImageRequest,
  ): Promise<ImageInfo> {
    const { clock, imported } = this.#options;
    const startedMs = clock.monotonicMs();
    request.event('Normal', 'Pulling', `Pulling image "${image}"`);
    try {
      const info = await this.#pullOnce(image, request);
      const took = formatSeconds(clock.monotonicMs() - startedMs);
      request.event(
        'Normal',
        'Pulled',
        `Successfully pulled image "${image}" in ${took} (${took} including waiting). Image size: ${info.sizeBytes} bytes.`,
      );
      return info;
    } catch (error) {
      if (present !== undefined && imported.has(present.reference)) {
        return this.#use(present, image, request);
      }
      const message = errorMessage(error);
      request.event('Warning', 'Failed', `Failed to pull image "${image}": ${message}`);
      request.event('Warning', 'Failed', 'Error: ErrImagePull');
      throw new ImageError('ErrImagePull', message, {
        reason: 'ImagePullBackOff',
        message: `Back-off pulling image "${image}": ErrImagePull: ${message}`,
      });
    }
  }

  /** Pulls an image; requests for it that come meanwhile share the download. */
  #pullOnce(image: string, { secrets }: ImageRequest): Promise<ImageInfo> {
    const auth = registryAuth(image, secrets);
    const key = `${image}|${auth?.username ?? ''}|${auth?.password ?? ''}`;
    let pull = this.#pulls.get(key);
    if (pull === undefined) {
      pull = this.#gate
        .run(() => this.#options.runtime.pullImage(image, auth))
        .finally(() => this.#pulls.delete(key));
      this.#pulls.set(key, pull);
    }
    return pull;
  }
}

/** The API server sets a policy; this is its rule for objects that have none. */
function defaultPolicy(image: string): string {
  const [, tag] = /:([^/:@]+)$/.exec(image) ?? [];
  const latest = !image.includes('@') && (tag === undefined || tag === 'latest');
  return latest ? 'Always' : 'IfNotPresent';
}

function formatSeconds(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)}ms` : `${(ms / 1000).toFixed(3)}s`;
}
