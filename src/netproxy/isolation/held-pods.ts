/**
 * Remembers which pods hold addresses, one file each, for the next netproxy: the API may not have heard of a pod that
 * runs already, and its policies must hold all the same. Files are not synced to the disk: what they tell of does not
 * outlive the machine either.
 */
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../../lib/log.js';
import type { HeldPod } from '../types.js';
import { readHeld } from './messages.js';

/** The pods that hold addresses, in memory and on disk. */
export class HeldPods {
  readonly #directory: string;
  readonly #log: Logger;
  readonly #pods = new Map<string, HeldPod>();
  /** Told by nobody since this process began. */
  readonly #earlier = new Set<string>();

  constructor(directory: string, log: Logger) {
    this.#directory = directory;
    this.#log = log;
  }

  list(): readonly HeldPod[] {
    return [...this.#pods.values()];
  }

  /** Reads what an earlier process knew; a file that cannot be read is none. */
  async load(): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const names = (await readdir(this.#directory)).filter((name) => name.endsWith('.json'));
    for (const name of names.toSorted()) {
      try {
        const pod = readHeld(JSON.parse(await readFile(join(this.#directory, name), 'utf8')));
        if (this.#pathOf(pod.podUid) !== join(this.#directory, name)) continue;
        this.#pods.set(pod.podUid, pod);
        this.#earlier.add(pod.podUid);
      } catch (error) {
        this.#log.warn({ error, name }, 'the record of a pod with addresses cannot be read');
      }
    }
  }

  /** Takes a pod in. @returns the uids of those that had one of its addresses before, and are forgotten */
  async hold(pod: HeldPod): Promise<readonly string[]> {
    const gone = this.list().filter(
      ({ podUid, ips }) => podUid !== pod.podUid && ips.some((ip) => pod.ips.includes(ip)),
    );
    for (const { podUid } of gone) await this.forget(podUid);
    this.#pods.set(pod.podUid, pod);
    this.#earlier.delete(pod.podUid);
    const path = this.#pathOf(pod.podUid);
    await writeFile(`${path}.new`, JSON.stringify(pod), { mode: 0o600 });
    await rename(`${path}.new`, path);
    return gone.map(({ podUid }) => podUid);
  }

  async forget(podUid: string): Promise<void> {
    this.#pods.delete(podUid);
    this.#earlier.delete(podUid);
    await rm(this.#pathOf(podUid), { force: true });
  }

  /** The pods that only an earlier process was told of, and that are not among these. */
  staleBeside(adopted: readonly HeldPod[]): readonly string[] {
    const known = new Set(adopted.map(({ podUid }) => podUid));
    return [...this.#earlier].filter((podUid) => !known.has(podUid));
  }

  #pathOf(podUid: string): string {
    return join(this.#directory, `${encodeURIComponent(podUid)}.json`);
  }
}
