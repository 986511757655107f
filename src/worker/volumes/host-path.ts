/** Directories and files of the node itself. */
import { mkdir } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import { basename, dirname } from 'node:path';
import { codeOf, Held, HeldDirectory } from '../../lib/safe-files/index.js';
import { VolumeError } from './volume-error.js';

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
 * Checks a hostPath against its type, and makes it where the type says so. Without a type a missing path becomes a
 * directory, as container runtimes do. Links are followed, as everywhere in Kubernetes: a user who may name one path of
 * the node may name any. But nothing is opened for reading or writing, so a FIFO or a device does no harm, and a file
 * is made only where nothing exists.
 * @throws VolumeError
 */
export async function prepareHostPath(path: string, type: string): Promise<void> {
  if (path.split('/').includes('..')) {
    throw new VolumeError(`hostPath type check failed: ${path} must not contain '..'`);
  }
  const found = (await look(path)) ?? (await make(path, type));
  const check = checks[type];
  if (check !== undefined && !check.is(found)) {
    throw new VolumeError(`hostPath type check failed: ${path} ${check.what}`);
  }
}

async function look(path: string): Promise<Stats | undefined> {
  try {
    return await (await Held.open(path)).statAndClose();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function make(path: string, type: string): Promise<Stats> {
  if (type === 'FileOrCreate') await makeFile(path);
  else if (type === '' || type === 'DirectoryOrCreate') {
    await mkdir(path, { recursive: true, mode: 0o755 });
  } else throw new VolumeError(`hostPath type check failed: ${path} does not exist`);
  const made = await look(path);
  if (made === undefined)
    throw new VolumeError(`hostPath type check failed: ${path} does not exist`);
  return made;
}

async function makeFile(path: string): Promise<void> {
  const parent = await HeldDirectory.open(dirname(path));
  try {
    await parent.createFile(basename(path), Buffer.alloc(0), { mode: 0o644 });
  } catch (error) {
    // Somebody else made it meanwhile; what it is is looked at next.
    if (codeOf(error) !== 'EEXIST') throw error;
  } finally {
    await parent.close();
  }
}
