import { mustExist } from '../../../lib/assert.js';
import type { Prng } from '../../../lib/prng.js';
import type { Disk, DiskFile } from '../disk.js';

const sectorBytes = 512;

/** A write that no sync has covered. */
interface Unsynced {
  readonly position: number;
  readonly bytes: Buffer;
}

/** The content of a file: the part that surely survives a crash, and the part that readers see now. */
interface Content {
  durable: Buffer;
  current: Buffer;
  unsynced: Unsynced[];
}

/** Runs `fn` later; the simulation decides when. The default of tests is a microtask. */
export type Defer = (fn: () => void) => void;

/**
 * A disk in memory that does what real ones do at their worst: a crash loses what was not synced, or keeps any sectors
 * of it; bits flip; it is full; a sync fails or comes late. Deterministic for a seed. Renames, creations and removals
 * are durable only after `syncDirectory`.
 */
export class SimDisk implements Disk {
  /** Writes that would make the files grow beyond this many bytes written in total fail with ENOSPC. */
  capacityBytes = Infinity;
  /** The next so many syncs fail. */
  failingSyncs = 0;
  /** With this code: EIO leaves the state of the disk unknown, after ENOSPC the write may be repeated. */
  failingSyncCode: 'EIO' | 'ENOSPC' = 'EIO';
  /** Counts finished syncs. */
  syncCount = 0;
  readonly #prng: Prng;
  readonly #defer: Defer;
  readonly #directories = new Set<string>();
  /** The names as seen now, and as a crash would leave them. */
  #names = new Map<string, Content>();
  #durableNames = new Map<string, Content>();
  #epoch = 0;

  constructor(prng: Prng, defer: Defer = queueMicrotask) {
    this.#prng = prng;
    this.#defer = defer;
  }

  makeDirectory(path: string): void {
    this.#directories.add(path);
  }

  list(path: string): string[] {
    const names: string[] = [];
    for (const name of this.#names.keys()) {
      if (parentOf(name) === path) names.push(name.slice(path.length + 1));
    }
    return names.sort();
  }

  open(path: string, options: { readonly create: boolean }): DiskFile {
    let content = this.#names.get(path);
    if (content === undefined) {
      if (!options.create) throw diskError('ENOENT', path);
      content = { durable: Buffer.alloc(0), current: Buffer.alloc(0), unsynced: [] };
      this.#names.set(path, content);
    }
    return new SimFile(this, path, content, this.#epoch);
  }

  rename(from: string, to: string): void {
    const content = this.#names.get(from);
    if (content === undefined) throw diskError('ENOENT', from);
    this.#names.delete(from);
    this.#names.set(to, content);
  }

  remove(path: string): void {
    if (!this.#names.delete(path)) throw diskError('ENOENT', path);
  }

  syncDirectory(path: string): void {
    for (const name of this.#durableNames.keys()) {
      if (parentOf(name) === path && !this.#names.has(name)) this.#durableNames.delete(name);
    }
    for (const [name, content] of this.#names) {
      if (parentOf(name) === path) this.#durableNames.set(name, content);
    }
  }

  /** The machine dies: open files are dead; of each unsynced write some sectors stay, the rest is lost. */
  crash(options: { readonly keepUnsynced?: 'all' | 'none' | 'torn' } = {}): void {
    const keep = options.keepUnsynced ?? 'torn';
    this.#epoch += 1;
    this.#names = new Map(this.#durableNames);
    for (const content of this.#names.values()) {
      const after = Buffer.from(content.durable);
      for (const write of content.unsynced) this.#tear(after, write, keep);
      content.durable = after;
      content.current = Buffer.from(after);
      content.unsynced = [];
    }
  }

  /** The process dies, the machine does not: open files are dead, what was written is there but not yet durable. */
  killProcess(): void {
    this.#epoch += 1;
  }

  /** Turns one bit over, in what is durable too. */
  flipBit(path: string, bit: number): void {
    const content = mustExist(this.#names.get(path), path);
    for (const bytes of [content.current, content.durable]) {
      const at = bit >> 3;
      if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
    }
  }

  /** Bytes that were really written (not zero) over all files. */
  usedBytes(): number {
    let sum = 0;
    for (const content of this.#names.values()) {
      let end = content.current.length;
      while (end > 0 && content.current[end - 1] === 0) end -= 1;
      sum += end;
    }
    return sum;
  }

  /** For `SimFile`: runs a sync's end later, unless the machine has died meanwhile. */
  later(epoch: number, fn: () => void): void {
    this.#defer(() => {
      if (epoch === this.#epoch) fn();
    });
  }

  /** For `SimFile`: whether the handle is of this life. */
  isAlive(epoch: number): boolean {
    return epoch === this.#epoch;
  }

  #tear(target: Buffer, write: Unsynced, keep: 'all' | 'none' | 'torn'): void {
    if (keep === 'none') return;
    const { position, bytes } = write;
    for (let at = 0; at < bytes.length;) {
      const stop = Math.min(bytes.length, at + sectorBytes - ((position + at) % sectorBytes));
      const stays = keep === 'all' || this.#prng.chance({ numerator: 1, denominator: 2 });
      if (stays && position + stop <= target.length) bytes.copy(target, position + at, at, stop);
      at = stop;
    }
  }
}

class SimFile implements DiskFile {
  readonly path: string;
  readonly #disk: SimDisk;
  readonly #content: Content;
  readonly #epoch: number;
  #open = true;

  constructor(disk: SimDisk, path: string, content: Content, epoch: number) {
    this.#disk = disk;
    this.path = path;
    this.#content = content;
    this.#epoch = epoch;
  }

  size(): number {
    return this.#content.current.length;
  }

  read(target: Buffer, position: number): number {
    return this.#content.current.copy(target, 0, position);
  }

  write(source: Buffer, position: number): void {
    this.#mustBeOpen();
    const { capacityBytes } = this.#disk;
    const room = capacityBytes === Infinity ? Infinity : capacityBytes - this.#disk.usedBytes();
    const end = position + source.length;
    if (end > this.#content.current.length) this.#resize(end);
    const fitting = Math.max(0, Math.min(source.length, room));
    const bytes = Buffer.from(source.subarray(0, fitting));
    bytes.copy(this.#content.current, position);
    this.#content.unsynced.push({ position, bytes });
    if (fitting < source.length) throw diskError('ENOSPC', this.path);
  }

  truncate(size: number): void {
    this.#mustBeOpen();
    this.#resize(size);
    // The new length is taken as durable; what it cuts off is gone at once, which is the harder case for a reader.
    const durable = Buffer.alloc(size);
    this.#content.durable.copy(durable);
    this.#content.durable = durable;
    this.#content.unsynced = this.#content.unsynced.filter(
      (write) => write.position + write.bytes.length <= size,
    );
  }

  syncData(done: (error: Error | null) => void): void {
    this.#mustBeOpen();
    const count = this.#content.unsynced.length;
    this.#disk.later(this.#epoch, () => {
      if (this.#disk.failingSyncs > 0) {
        this.#disk.failingSyncs -= 1;
        done(diskError(this.#disk.failingSyncCode, this.path));
        return;
      }
      this.#settle(count);
      done(null);
    });
  }

  syncDataNow(): void {
    this.#mustBeOpen();
    this.#settle(this.#content.unsynced.length);
  }

  close(): void {
    this.#open = false;
  }

  #settle(count: number): void {
    this.#disk.syncCount += 1;
    for (const write of this.#content.unsynced.splice(0, count)) {
      const end = write.position + write.bytes.length;
      if (end > this.#content.durable.length) {
        const grown = Buffer.alloc(end);
        this.#content.durable.copy(grown);
        this.#content.durable = grown;
      }
      write.bytes.copy(this.#content.durable, write.position);
    }
  }

  #resize(size: number): void {
    const resized = Buffer.alloc(size);
    this.#content.current.copy(resized);
    this.#content.current = resized;
  }

  #mustBeOpen(): void {
    if (!this.#open || !this.#disk.isAlive(this.#epoch)) throw diskError('EBADF', this.path);
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

function diskError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: simulated, '${path}'`), { code });
}
