/** Directories and files of the node itself. */
import { mkdir, open, stat } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import { VolumeError } from './payload.js';

interface TypeCheck {
  readonly is: (found: Stats) => boolean;
  readonly what: string;
}

const checks: Readonly<Record<string, TypeCheck>> = {
  Directory: { is: (found) => found.isDirectory(), what: 'is not a directory' },
  DirectoryOrCreate: { is: (found) => found.isDirectory(), what: 'is not a directory' },
  File: { is: (found) => found.isFile(), what: 'is not a file' },
  FileOrCreate: { is: (found) => found.isFile(), what: 'is not a file' },
  Socket: { is: (found) => found.isSocket(), what: 'is not a socket' },
  CharDevice: { is: (found) => found.isCharacterDevice(), what: 'is not a character device' },
  BlockDevice: { is: (found) => found.isBlockDevice(), what: 'is not a block device' },
};

/**
 * Checks a hostPath against its type, and makes it where the type says so. Without a type what is missing becomes a directory, as
 * container runtimes do.
 * @throws VolumeError
 */
export async function prepareHostPath(path: string, type: string): Promise<void> {
  let found = await stat(path).catch(() => undefined);
  if (found === undefined) {
    if (type === 'FileOrCreate') {
      await (await open(path, 'a', 0o644)).close();
    } else if (type === '' || type === 'DirectoryOrCreate') {
      await mkdir(path, { recursive: true, mode: 0o755 });
    } else {
      throw new VolumeError(`hostPath type check failed: ${path} does not exist`);
    }
    found = await stat(path);
  }
  const check = checks[type];
  if (check !== undefined && !check.is(found)) {
    throw new VolumeError(`hostPath type check failed: ${path} ${check.what}`);
  }
}
