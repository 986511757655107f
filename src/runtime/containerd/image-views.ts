/**
 * Read-only views of images, mounted once an image and shared, as the lower layer, by its containers.
 *
 * `ctr images mount` makes a snapshot under a lease that ends after a day. From then on only the image's tag keeps
 * it, so once the tag has moved (any new `:latest`), containerd's collector empties the root of containers that run.
 * So each snapshot is labelled as a root of the collection, and its lease ended: it lives until it is removed here,
 * which happens when no container has used it for a while.
 */
import { mkdir, rmdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import { HeldDirectory, readStart, tryOpenInside } from '../../lib/safe-files/index.js';
import type { ImageProcess } from '../image-config.js';
import { isMounted, mountsBelow } from '../mounts.js';
import type { RunCommand } from '../spawn.js';
import type { ImageInfo } from '../types.js';
import { RuntimeError } from '../types.js';
import type { AccountFiles } from './accounts.js';
import type { CtrCommand } from './commands.js';
import * as commands from './commands.js';
import type { Ctr } from './ctr.js';
import { imageContent } from './image-content.js';
import type { ImageContent } from './image-content.js';
import * as viewCommands from './view-commands.js';

/** An image's file system and how to run it. */
export interface MountedView {
  readonly process: ImageProcess;
  readonly accounts: AccountFiles;
  readonly rootfs: string;
}

/** The dependencies and settings of {@link ImageViews}. */
export interface ImageViewsOptions {
  readonly ctr: Ctr;
  readonly run: RunCommand;
  /** The directory of the views: each is mounted at a directory named after the image's digest. */
  readonly dir: string;
  /** Digests of the images that containers were made from and are not removed. */
  readonly digestsInUse: () => ReadonlySet<string>;
  /** A view stays so long after its last container, for the next one to come. @default viewLimits.idleMs */
  readonly idleMs?: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Bounds of what is done about views, and how long unused ones stay. */
export const viewLimits = {
  idleMs: 20_000,
  /** Of `/etc/passwd` and `/etc/group` each: more is no list of accounts. */
  accountsBytesMax: 4 * 1024 * 1024,
  mountTimeoutMs: 10_000,
} as const;

/** The read-only views of images, one each, mounted as long as containers use them; see the head of this file. */
export class ImageViews {
  readonly #options: ImageViewsOptions;
  readonly #open = new Map<string, Promise<MountedView>>();
  /** By name: how many are about to make a container from it. */
  readonly #pins = new Map<string, number>();
  /** The last of the changes of mounts, which run one after another. */
  #turn: Promise<unknown> = Promise.resolve();
  #cancelRelease: (() => void) | undefined;
  #stopped = false;

  constructor(options: ImageViewsOptions) {
    this.#options = options;
  }

  /**
   * Takes over the views of an earlier agent, of versions before this one too: holds their snapshots and ends their
   * leases. A mounted view whose snapshot is lost gets another, so that its contents are kept.
   */
  async start(): Promise<void> {
    const { ctr, dir, log } = this.#options;
    const prefix = `${dir}/`;
    const [snapshots, leases, mounted] = await Promise.all([
      ctr.call(viewCommands.snapshotsList()).then((text) => viewCommands.parseNames(text, prefix)),
      ctr.call(viewCommands.leasesList()).then((text) => viewCommands.parseNames(text, prefix)),
      mountsBelow(dir),
    ]);
    const isHeld = await this.#holdAll(snapshots);
    for (const digest of this.#options.digestsInUse()) {
      const key = this.#target(digest);
      if (!mounted.includes(key) || snapshots.includes(key)) continue;
      try {
        const { chainId } = await imageContent(ctr, digest);
        await ctr.call(viewCommands.snapshotsView(key, chainId));
        await ctr.call(this.#holding(key));
      } catch (error) {
        log.error({ error, digest }, 'containerd has lost the image of a container');
      }
    }
    // What nothing else holds is held by its lease.
    if (isHeld) await this.#endLeases(leases);
    this.scheduleRelease();
  }

  /** On a full disk containerd cannot note that; the agent has to come up to make room. @returns whether all are */
  async #holdAll(keys: readonly string[]): Promise<boolean> {
    const { ctr, log } = this.#options;
    const results = await Promise.allSettled(
      keys.map((key) => ctr.callIfPresent(this.#holding(key))),
    );
    for (const result of results) {
      if (result.status === 'fulfilled') continue;
      log.warn({ error: result.reason as unknown }, 'the view of an image could not be held anew');
    }
    return results.every(({ status }) => status === 'fulfilled');
  }

  async #endLeases(ids: readonly string[]): Promise<void> {
    const { ctr, log } = this.#options;
    try {
      await Promise.all(ids.map((id) => ctr.callIfPresent(viewCommands.leasesDelete(id))));
    } catch (error) {
      log.warn({ error }, 'leases of an earlier agent stay until the next start');
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelRelease?.();
  }

  /** Calls `work` with the image's view, which stays while that runs, and afterwards while a container uses it. */
  async use<T>(image: ImageInfo, work: (view: MountedView) => Promise<T>): Promise<T> {
    const name = nameOf(image.digest);
    this.#pins.set(name, (this.#pins.get(name) ?? 0) + 1);
    try {
      return await work(await this.#view(image));
    } finally {
      const left = (this.#pins.get(name) ?? 1) - 1;
      if (left === 0) this.#pins.delete(name);
      else this.#pins.set(name, left);
      this.scheduleRelease();
    }
  }

  /** Has unused views released after a while. */
  scheduleRelease(): void {
    if (this.#stopped) return;
    const { clock, log, idleMs = viewLimits.idleMs } = this.#options;
    this.#cancelRelease?.();
    this.#cancelRelease = clock.schedule(idleMs, () => {
      this.release().catch((error: unknown) => {
        log.warn({ error }, 'unused views of images could not be released');
      });
    });
  }

  /** Releases every view that no container uses: unmounts it, and lets containerd collect what only it had kept. */
  release(): Promise<void> {
    return this.#inTurn(async () => {
      const { ctr, dir, digestsInUse } = this.#options;
      const prefix = `${dir}/`;
      const listed = await ctr.call(viewCommands.snapshotsList());
      const keys = new Set([
        ...viewCommands.parseNames(listed, prefix),
        ...(await mountsBelow(dir)).filter((path) => path.startsWith(prefix)),
      ]);
      for (const key of keys) {
        const used = new Set([...digestsInUse()].map(nameOf));
        const name = basename(key);
        if (used.has(name) || this.#pins.has(name)) continue;
        this.#open.delete(name);
        await this.#remove(key);
      }
    });
  }

  #view(image: ImageInfo): Promise<MountedView> {
    const name = nameOf(image.digest);
    let view = this.#open.get(name);
    if (view === undefined) {
      view = this.#inTurn(() => this.#make(image));
      this.#open.set(name, view);
      const opened = view;
      opened.catch(() => {
        if (this.#open.get(name) === opened) this.#open.delete(name);
      });
    }
    return view;
  }

  async #make(image: ImageInfo): Promise<MountedView> {
    const target = this.#target(image.digest);
    const content = await imageContent(this.#options.ctr, image.digest);
    await this.#mount(image, target, content);
    return { process: content.process, accounts: await readAccounts(target), rootfs: target };
  }

  async #mount(image: ImageInfo, target: string, content: ImageContent): Promise<void> {
    const { ctr } = this.#options;
    if (await isMounted(target)) return;
    await mkdir(target, { recursive: true, mode: 0o700 });
    const command = commands.imagesMount(image.reference, target);
    const result = await ctr.attempt(command);
    if (result.code !== 0) {
      const error = ctr.errorOf(command, result);
      // A snapshot of that name is left from before a reboot: it is taken back, and made again.
      if (!/already exists/.test(error.message)) throw error;
      await this.#remove(target);
      await mkdir(target, { recursive: true, mode: 0o700 });
      await ctr.call(command);
    }
    // The image was mounted by its name, which may have come to mean another one meanwhile.
    const parent = viewCommands.parseSnapshotParent(
      await ctr.call(viewCommands.snapshotsInfo(target)),
    );
    if (parent !== content.chainId) {
      await this.#remove(target);
      throw new RuntimeError('CreateFailed', `image "${image.reference}" has just changed`, {
        retryable: true,
      });
    }
    await ctr.call(this.#holding(target));
    await ctr.callIfPresent(viewCommands.leasesDelete(target));
  }

  #holding(key: string): CtrCommand {
    return viewCommands.snapshotsHold(key, new Date(this.#options.clock.nowMs()).toISOString());
  }

  async #remove(key: string): Promise<void> {
    const { ctr, run } = this.#options;
    if (await isMounted(key)) {
      const { mountTimeoutMs: timeoutMs } = viewLimits;
      await run('umount', ['--no-canonicalize', '--lazy', key], { timeoutMs });
    }
    await ctr.callIfPresent(viewCommands.snapshotsRemove(key));
    await ctr.callIfPresent(viewCommands.leasesDelete(key));
    // The rest is an empty mount point. One that is still in use is removed by the next round.
    await rmdir(key).catch(() => undefined);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work, work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  #target(digest: string): string {
    return join(this.#options.dir, nameOf(digest));
  }
}

function nameOf(digest: string): string {
  return digest.replace(':', '-').slice(0, 39);
}

/**
 * An image is a stranger's: its links are followed as inside of it, and only regular files of a sensible size are
 * read.
 */
async function readAccounts(rootfs: string): Promise<AccountFiles> {
  const image = await HeldDirectory.open(rootfs);
  try {
    return {
      passwd: await readText(image, 'etc/passwd'),
      group: await readText(image, 'etc/group'),
    };
  } finally {
    await image.close();
  }
}

/**
 * Empty when there is none. A FIFO or a device in its place would hold up runc (1.1), which opens these files too: no
 * container is made then.
 */
async function readText(image: HeldDirectory, path: string): Promise<string> {
  const file = await tryOpenInside(image, path, { links: 'as-root' }).catch(() => undefined);
  if (file === undefined) return '';
  try {
    const found = await file.stat();
    if (found.isDirectory()) return '';
    if (!found.isFile()) throw unusable(`/${path} of the image is not a regular file`);
    const { data, fileBytes } = await readStart(file, viewLimits.accountsBytesMax);
    if (fileBytes > viewLimits.accountsBytesMax) {
      throw unusable(`/${path} of the image is too large`);
    }
    return data.toString('utf8');
  } finally {
    await file.close();
  }
}

function unusable(message: string): RuntimeError {
  return new RuntimeError('CreateFailed', message, { retryable: false });
}
