import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from '../lib/files/write-whole.js';
import { checkedName } from '../lib/safe-files/index.js';

/**
 * Small JSON records, a file each, written whole or not at all: what a runtime must remember across a restart of the
 * agent. A record that cannot be read is dropped, since what it describes is then found as an orphan and removed.
 */
export class StateStore<T> {
  readonly #dir: string;
  readonly #records = new Map<string, T>();
  readonly #writes = new Map<string, Promise<void>>();

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Reads everything back. */
  async load(): Promise<void> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    for (const file of (await readdir(this.#dir)).sort()) {
      // A write that a crash cut short.
      if (file.endsWith('.new')) await rm(join(this.#dir, file), { force: true });
      if (!file.endsWith('.json')) continue;
      try {
        const text = await readFile(join(this.#dir, file), 'utf8');
        this.#records.set(file.slice(0, -5), JSON.parse(text) as T);
      } catch {
        await rm(join(this.#dir, file), { force: true });
      }
    }
  }

  get(id: string): T | undefined {
    return this.#records.get(id);
  }

  values(): T[] {
    return [...this.#records.values()];
  }

  keys(): string[] {
    return [...this.#records.keys()];
  }

  /** In memory at once; resolves when it is on disk. Writes of one record keep their order. */
  set(id: string, record: T): Promise<void> {
    checkedName(`${id}.json`);
    this.#records.set(id, record);
    const text = JSON.stringify(record);
    return this.#enqueue(id, () => writeWhole(join(this.#dir, `${id}.json`), text));
  }

  delete(id: string): Promise<void> {
    this.#records.delete(id);
    return this.#enqueue(id, () => rm(join(this.#dir, `${id}.json`), { force: true }));
  }

  #enqueue(id: string, write: () => Promise<void>): Promise<void> {
    const before = this.#writes.get(id) ?? Promise.resolve();
    const done = before.then(write, write);
    this.#writes.set(id, done);
    const forget = (): void => {
      if (this.#writes.get(id) === done) this.#writes.delete(id);
    };
    done.then(forget, forget);
    return done;
  }
}
