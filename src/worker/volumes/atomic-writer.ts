/**
 * Puts a set of files in place so that a reader sees either all old or all new ones. As kubelet does: the files stand in a
 * directory with a name of its own, `..data` is a symbolic link to it, and every visible name is a link through `..data`; one rename
 * of `..data` switches all.
 * @see Kubernetes pkg/volume/util/atomic_writer.go
 */
import { randomBytes } from 'node:crypto';
import {
  chmod,
  chown,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { VolumeFile } from './payload.js';

const dataLink = '..data';

/**
 * Writes `files` into `directory`, which is made if need be. Nothing happens when they are there already.
 * @param groupId the group that may read them, if not root's
 * @returns true when something changed
 */
export async function writeAtomically(
  directory: string,
  files: readonly VolumeFile[],
  groupId?: number,
): Promise<boolean> {
  await mkdir(directory, { recursive: true, mode: 0o777 });
  await chmod(directory, 0o777);
  const before = await readlink(join(directory, dataLink)).catch(() => undefined);
  if (before !== undefined && (await isSame(join(directory, before), files))) return false;

  const name = `..${randomBytes(8).toString('hex')}`;
  const fresh = join(directory, name);
  await mkdir(fresh, { mode: 0o755 });
  await chmod(fresh, 0o755);
  for (const file of files) await writeOne(fresh, file, groupId);
  await symlink(name, join(directory, `${dataLink}_tmp`));
  await rename(join(directory, `${dataLink}_tmp`), join(directory, dataLink));
  await linkVisible(directory, files);
  if (before !== undefined) await rm(join(directory, before), { recursive: true, force: true });
  return true;
}

async function writeOne(
  directory: string,
  file: VolumeFile,
  groupId: number | undefined,
): Promise<void> {
  const path = join(directory, file.path);
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const mode = groupId === undefined ? file.mode : file.mode | 0o440;
  await writeFile(path, file.data, { mode });
  await chmod(path, mode);
  if (groupId !== undefined) await chown(path, -1, groupId);
}

/** Links the first part of each path through `..data`, and removes links to what is no longer there. */
async function linkVisible(directory: string, files: readonly VolumeFile[]): Promise<void> {
  const wanted = new Set(files.map((file) => file.path.split('/')[0] ?? file.path));
  for (const name of await readdir(directory)) {
    if (name.startsWith('..') || wanted.has(name)) continue;
    await rm(join(directory, name), { recursive: true, force: true });
  }
  for (const name of wanted) {
    const link = join(directory, name);
    if ((await lstat(link).catch(() => undefined)) === undefined) {
      await symlink(join(dataLink, name), link);
    }
  }
}

async function isSame(directory: string, files: readonly VolumeFile[]): Promise<boolean> {
  const names = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  if (names.filter((entry) => entry.isFile()).length !== files.length) return false;
  for (const file of files) {
    const found = await readFile(join(directory, file.path)).catch(() => undefined);
    if (found === undefined || !found.equals(file.data)) return false;
  }
  return true;
}
