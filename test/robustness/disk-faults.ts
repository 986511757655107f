/** Faults of disks: a full one, and a flipped bit. */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Prng } from '../../src/lib/prng.js';
import { Guard } from './guard.js';

/** A file system of its own, small enough to fill; only root can make one. */
export class SmallDisk {
  readonly #filler: string;
  readonly #guard: Guard;

  private constructor(path: string) {
    this.#guard = new Guard(`umount -l '${path}'`);
    this.#filler = join(path, 'filler');
  }

  /** @returns undefined where it cannot be made; the directory is there all the same */
  static make(path: string): SmallDisk | undefined {
    mkdirSync(path, { recursive: true });
    const args = ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', path];
    const made = process.getuid?.() === 0 && spawnSync('mount', args).status === 0;
    return made ? new SmallDisk(path) : undefined;
  }

  /** Leaves no room. */
  fill(): void {
    const file = openSync(this.#filler, 'w');
    try {
      for (let bytes = 1024 * 1024; bytes >= 512;) {
        try {
          // A short write means that only so much had room.
          if (writeSync(file, Buffer.alloc(bytes, 'f')) < bytes) bytes /= 2;
        } catch {
          bytes /= 2;
        }
      }
    } finally {
      closeSync(file);
    }
  }

  empty(): void {
    rmSync(this.#filler, { force: true });
  }

  remove(): Promise<void> {
    return this.#guard.run();
  }
}

/**
 * Turns one bit over in the raft log of a member that does not run, before its last records: a torn end would be
 * another matter.
 * @returns where; undefined when there is too little in it
 */
export function flipBitInLog(dataDir: string, prng: Prng): string | undefined {
  const directory = join(dataDir, 'member', 'wal');
  const segment = readdirSync(directory)
    .filter((name) => name.endsWith('.wal'))
    .sort()
    .at(-1);
  if (segment === undefined) return undefined;
  const path = join(directory, segment);
  const bytes = readFileSync(path);
  let used = bytes.length;
  while (used > 0 && bytes[used - 1] === 0) used--;
  if (used < 16_384) return undefined;
  // Of the first half, so that whole batches follow.
  const at = prng.between(512, Math.floor(used / 2));
  const file = openSync(path, 'r+');
  try {
    writeSync(file, Buffer.of((bytes[at] ?? 0) ^ (1 << prng.below(8))), 0, 1, at);
  } finally {
    closeSync(file);
  }
  return `${path} at ${at} of ${used}`;
}
