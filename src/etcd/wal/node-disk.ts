import fs from 'node:fs';
import { join } from 'node:path';
import type { Disk, DiskFile } from './disk.js';

/** The machine's own file system. */
export const nodeDisk: Disk = {
  makeDirectory(path) {
    fs.mkdirSync(path, { recursive: true, mode: 0o700 });
  },
  list(path) {
    try {
      return fs.readdirSync(path).sort();
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return [];
      throw error;
    }
  },
  open(path, options) {
    const flags = fs.constants.O_RDWR | (options.create ? fs.constants.O_CREAT : 0);
    return new NodeFile(path, fs.openSync(path, flags, 0o600));
  },
  rename(from, to) {
    fs.renameSync(from, to);
  },
  remove(path) {
    fs.unlinkSync(path);
  },
  syncDirectory(path) {
    const fd = fs.openSync(join(path, '.'), fs.constants.O_RDONLY);
    try {
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  },
};

/** A disk that says at once that all is durable (`--unsafe-no-fsync`). */
export function unsyncedDisk(disk: Disk): Disk {
  return {
    ...disk,
    open(path, options) {
      const file = disk.open(path, options);
      return {
        path,
        size: () => file.size(),
        read: (target, position) => file.read(target, position),
        write: (source, position) => file.write(source, position),
        truncate: (size) => file.truncate(size),
        syncData: (done) => setImmediate(done, null),
        syncDataNow: () => undefined,
        close: () => file.close(),
      };
    },
    syncDirectory: () => undefined,
  };
}

/** The system's code of a failed call (`ENOSPC`), or an empty string. */
export function errorCode(error: unknown): string {
  // Not `instanceof Error`: the system's errors may be of another realm.
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
}

class NodeFile implements DiskFile {
  readonly path: string;
  readonly #fd: number;

  constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
  }

  size(): number {
    return fs.fstatSync(this.#fd).size;
  }

  read(target: Buffer, position: number): number {
    let done = 0;
    while (done < target.length) {
      const count = fs.readSync(this.#fd, target, done, target.length - done, position + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  write(source: Buffer, position: number): void {
    let done = 0;
    while (done < source.length) {
      done += fs.writeSync(this.#fd, source, done, source.length - done, position + done);
    }
  }

  truncate(size: number): void {
    fs.ftruncateSync(this.#fd, size);
  }

  syncData(done: (error: Error | null) => void): void {
    fs.fdatasync(this.#fd, done);
  }

  syncDataNow(): void {
    fs.fdatasyncSync(this.#fd);
  }

  close(): void {
    fs.closeSync(this.#fd);
  }
}
