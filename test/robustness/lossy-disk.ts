/**
 * A real disk on which nothing is there before its sync: what was not synced dies with the process, as in a power cut.
 */
import { systemClock } from '../../src/lib/clock.js';
import { toError } from '../../src/lib/errors.js';
import type { Disk, DiskFile } from '../../src/etcd/wal/disk.js';
import { nodeDisk } from '../../src/etcd/wal/node-disk.js';

const clock = systemClock();

/** The behaviour of the disk; may change while it is used. */
export interface DiskMood {
  /** Writes stay in this process until their sync. */
  lossy: boolean;
  /** Syncs say that they are done and do nothing: the mistake "ack before sync". */
  lying: boolean;
  /** Each sync takes so much longer. */
  syncDelayMs: number;
}

interface Unsynced {
  readonly position: number;
  readonly bytes: Buffer;
}

class LossyFile implements DiskFile {
  readonly #inner: DiskFile;
  readonly #mood: DiskMood;
  #unsynced: Unsynced[] = [];

  constructor(inner: DiskFile, mood: DiskMood) {
    this.#inner = inner;
    this.#mood = mood;
  }

  get path(): string {
    return this.#inner.path;
  }

  size(): number {
    const ends = this.#unsynced.map(({ position, bytes }) => position + bytes.length);
    return Math.max(this.#inner.size(), ...ends);
  }

  read(target: Buffer, position: number): number {
    this.#writeOut();
    return this.#inner.read(target, position);
  }

  write(source: Buffer, position: number): void {
    if (this.#mood.lossy) this.#unsynced.push({ position, bytes: Buffer.from(source) });
    else this.#inner.write(source, position);
  }

  truncate(size: number): void {
    this.#writeOut();
    this.#inner.truncate(size);
  }

  syncData(done: (error: Error | null) => void): void {
    if (this.#mood.lying) {
      setImmediate(() => done(null));
      return;
    }
    try {
      this.#writeOut();
    } catch (error) {
      done(toError(error));
      return;
    }
    this.#inner.syncData((error) => {
      const { syncDelayMs } = this.#mood;
      if (syncDelayMs > 0) clock.schedule(syncDelayMs, () => done(error));
      else done(error);
    });
  }

  syncDataNow(): void {
    this.#writeOut();
    this.#inner.syncDataNow();
  }

  close(): void {
    this.#writeOut();
    this.#inner.close();
  }

  #writeOut(): void {
    const all = this.#unsynced;
    this.#unsynced = [];
    for (const { position, bytes } of all) this.#inner.write(bytes, position);
  }
}

/** The machine's file system, in that mood. Names are as durable as there. */
export function lossyDisk(mood: DiskMood): Disk {
  return {
    ...nodeDisk,
    open: (path, options) => new LossyFile(nodeDisk.open(path, options), mood),
  };
}
