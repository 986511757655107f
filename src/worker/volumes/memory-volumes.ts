/**
 * Volumes that hold what the API keeps secret: in one tmpfs of the node, in which every pod has a directory. They
 * never reach a disk, and are gone after a reboot; other users of the node cannot enter it. Without root there is no
 * tmpfs, only the closed directory.
 */
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { checkedName, codeOf, HeldDirectory, removeTree } from '../../lib/safe-files/index.js';
import { mountMemory } from './mounting.js';

/** Volumes in memory (tmpfs): ConfigMaps, Secrets, tokens and the downward API. */
export class MemoryVolumes {
  /** The directory of the tmpfs. */
  readonly root: string;
  readonly #mayMount: boolean;
  #ready: Promise<void> | undefined;

  constructor(options: { readonly root: string; readonly mayMount: boolean }) {
    this.root = options.root;
    this.#mayMount = options.mayMount;
  }

  path(podUid: string, volume: string): string {
    return join(this.root, checkedName(podUid), checkedName(volume));
  }

  /** The directory of a volume, made if need be. The caller closes it. */
  async open(podUid: string, volume: string): Promise<HeldDirectory> {
    this.#ready ??= this.#prepare().catch((error: unknown) => {
      this.#ready = undefined;
      throw error;
    });
    await this.#ready;
    const root = await HeldDirectory.open(this.root);
    try {
      const pod = await root.makeDirectory(podUid, 0o750);
      try {
        return await pod.makeDirectory(volume, 0o1777);
      } finally {
        await pod.close();
      }
    } finally {
      await root.close();
    }
  }

  /** Removes what a pod has. */
  async remove(podUid: string): Promise<void> {
    const root = await this.#rootIfThere();
    if (root === undefined) return;
    try {
      await removeTree(root, podUid);
    } finally {
      await root.close();
    }
  }

  /** Of the pods that have any. */
  async podUids(): Promise<string[]> {
    const root = await this.#rootIfThere();
    if (root === undefined) return [];
    try {
      const uids: string[] = [];
      for await (const name of root.names()) uids.push(name);
      return uids;
    } finally {
      await root.close();
    }
  }

  async #rootIfThere(): Promise<HeldDirectory | undefined> {
    try {
      return await HeldDirectory.open(this.root);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  async #prepare(): Promise<void> {
    await mkdir(this.root, { recursive: true, mode: 0o700 });
    await chmod(this.root, 0o700);
    if (this.#mayMount) await mountMemory(this.root, { mode: '0700', isSecret: true });
  }
}
