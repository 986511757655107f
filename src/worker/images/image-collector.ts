/** Removes images that nobody uses when the disk fills up, the longest unused first. @see kubelet image GC */
import { statfs } from 'node:fs/promises';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import { normalizeImageReference } from '../../runtime/image-reference.js';
import type { ContainerRuntime, ImageInfo } from '../../runtime/types.js';
import { isRuntimeError } from '../../runtime/types.js';

/** The dependencies of {@link ImageCollector}. */
export interface ImageCollectorOptions {
  /** The share of the disk that is used, from 0 to 1; absent: measured. For tests. */
  readonly diskShare?: () => Promise<number>;
  readonly runtime: ContainerRuntime;
  readonly dataDir: string;
  readonly imported: ReadonlySet<string>;
  /** References that pods name, as they name them. */
  readonly inUse: () => ReadonlySet<string>;
  readonly clock: Clock;
  readonly log: Logger;
}

const checkMs = 300_000;
/** Begins above the high share of the disk in use, ends below the low one. */
const shares = { high: 0.85, low: 0.8 } as const;
const unusedMsMin = 120_000;

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

  /** Runs one round of collection. */
  async collect(): Promise<void> {
    const { runtime, clock, imported, log } = this.#options;
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
    if ((await this.#diskShare()) < shares.high) return;
    // As kubelet, by image: some runtimes remove one with all its names.
    const kept = new Set(
      images
        .filter(
          ({ reference }) =>
            used.has(reference) ||
            imported.has(reference) ||
            nowMs - (this.#lastUsedMs.get(reference) ?? nowMs) < unusedMsMin,
        )
        .map(({ digest }) => digest),
    );
    const idle = images
      .filter(({ digest }) => !kept.has(digest))
      .map((image) => ({ ...image, lastUsedMs: this.#lastUsedMs.get(image.reference) ?? nowMs }))
      .toSorted((a, b) => a.lastUsedMs - b.lastUsedMs);
    for (const { reference } of idle) {
      if ((await this.#diskShare()) < shares.low) return;
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

  async #diskShare(): Promise<number> {
    const { diskShare } = this.#options;
    if (diskShare !== undefined) return diskShare();
    const disk = await statfs(this.#options.dataDir);
    return 1 - Number(disk.bavail) / Math.max(1, Number(disk.blocks));
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
