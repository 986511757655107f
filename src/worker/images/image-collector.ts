/** Removes images that nobody uses when the disk fills up, the longest unused first. @see kubelet image GC */
import { statfs } from 'node:fs/promises';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import { normalizeImageReference } from '../../runtime/image-reference.js';
import type { ContainerRuntime, ImageInfo } from '../../runtime/types.js';
import { isRuntimeError } from '../../runtime/types.js';

/** The dependencies of {@link ImageCollector}. */
export interface ImageCollectorOptions {
  /** How much of the disk is used, from 0 to 100; absent: measured. For tests. */
  readonly diskPercent?: () => Promise<number>;
  readonly runtime: ContainerRuntime;
  readonly dataDir: string;
  readonly imported: ReadonlySet<string>;
  /** References that pods name, as they name them. */
  readonly inUse: () => ReadonlySet<string>;
  readonly clock: Clock;
  readonly log: Logger;
}

const checkMs = 300_000;
/** Begins above the high share of the disk in use, ends below the low one; takes what was unused for so long. */
export const imageCollection = {
  highPercent: 85,
  lowPercent: 80,
  unusedMsMin: 120_000,
} as const;

/** Removes unused images while the disk is too full. @see kubelet image garbage collection */
export class ImageCollector {
  readonly #options: ImageCollectorOptions;
  readonly #lastUsedMs = new Map<string, number>();
  #cancel: () => void = () => undefined;
  #stopped = false;

  constructor(options: ImageCollectorOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#stopped) return;
    this.#cancel = this.#options.clock.schedule(checkMs, () => {
      void this.collect()
        .catch((error: unknown) =>
          this.#options.log.warn({ error }, 'images could not be collected'),
        )
        .finally(() => this.start());
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  /** Removes all images that nobody uses, however full the disk is. */
  async removeUnused(): Promise<void> {
    const images = await this.#options.runtime.listImages();
    const used = await this.#used(images);
    await this.#remove(this.#idle(images, used), () => Promise.resolve(false));
  }

  /** Runs one round of collection. */
  async collect(): Promise<void> {
    const { runtime, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    const images = await runtime.listImages();
    const used = await this.#used(images);
    const present = new Set(images.map(({ reference }) => reference));
    for (const reference of this.#lastUsedMs.keys()) {
      if (!present.has(reference)) this.#lastUsedMs.delete(reference);
    }
    for (const { reference } of images) {
      if (used.has(reference) || !this.#lastUsedMs.has(reference)) {
        this.#lastUsedMs.set(reference, nowMs);
      }
    }
    if ((await this.#diskPercent()) < imageCollection.highPercent) return;
    const isYoung = ({ reference }: ImageInfo): boolean =>
      nowMs - (this.#lastUsedMs.get(reference) ?? nowMs) < imageCollection.unusedMsMin;
    const idle = this.#idle(images, used, isYoung)
      .map((image) => ({ ...image, lastUsedMs: this.#lastUsedMs.get(image.reference) ?? nowMs }))
      .toSorted((a, b) => a.lastUsedMs - b.lastUsedMs);
    await this.#remove(idle, async () => (await this.#diskPercent()) < imageCollection.lowPercent);
  }

  /** Those of which no name is to be kept, as kubelet: some runtimes remove an image with all its names. */
  #idle(
    images: readonly ImageInfo[],
    used: ReadonlySet<string>,
    isYoung: (image: ImageInfo) => boolean = () => false,
  ): ImageInfo[] {
    const { imported } = this.#options;
    const isKept = (image: ImageInfo): boolean =>
      used.has(image.reference) || imported.has(image.reference) || isYoung(image);
    const kept = new Set(images.filter(isKept).map(({ digest }) => digest));
    return images.filter(({ digest }) => !kept.has(digest));
  }

  async #remove(images: readonly ImageInfo[], isEnough: () => Promise<boolean>): Promise<void> {
    const { runtime, log } = this.#options;
    for (const { reference } of images) {
      if (await isEnough()) return;
      try {
        await runtime.removeImage(reference);
        log.info({ image: reference }, 'removed an unused image');
      } catch (error) {
        // Somebody else's container may have it: the others go all the same.
        log.warn({ error, image: reference }, 'an unused image could not be removed');
      }
    }
  }

  /**
   * The references of images that containers run from, or are about to: by name, and by the digest that a container
   * has kept.
   */
  async #used(images: readonly ImageInfo[]): Promise<ReadonlySet<string>> {
    const { runtime, inUse } = this.#options;
    const { containers } = await runtime.list();
    const names = new Set([...inUse(), ...containers.map(({ image }) => image)].map(fullName));
    const digests = new Set(
      containers.map(({ imageId }) => imageId.slice(imageId.indexOf('@') + 1)),
    );
    const isUsed = ({ reference, digest }: ImageInfo): boolean =>
      names.has(reference) || digests.has(digest);
    return new Set(images.filter(isUsed).map(({ reference }) => reference));
  }

  async #diskPercent(): Promise<number> {
    const { diskPercent } = this.#options;
    if (diskPercent !== undefined) return diskPercent();
    const disk = await statfs(this.#options.dataDir);
    return 100 * (1 - Number(disk.bavail) / Math.max(1, Number(disk.blocks)));
  }
}

/** As the runtime lists it: a pod says `busybox` for `docker.io/library/busybox:latest`. */
function fullName(reference: string): string {
  try {
    return normalizeImageReference(reference);
  } catch (error) {
    if (isRuntimeError(error, 'InvalidImageName')) return reference;
    throw error;
  }
}
