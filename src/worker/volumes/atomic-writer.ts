/**
 * Puts a set of files in place so that a reader sees either all old or all new ones. As kubelet does: the files stand
 * in a directory with a name of its own, `..data` is a symbolic link to it, and every visible name is a link through
 * `..data`; one rename of `..data` switches all.
 *
 * Nothing that is found in the volume is believed: a volume that an earlier version made is writable by its containers.
 * @see Kubernetes pkg/volume/util/atomic_writer.go
 */
import { randomBytes } from 'node:crypto';
import {
  HeldDirectory,
  readStart,
  removeTree,
  SafeFileError,
  walkTree,
} from '../../lib/safe-files/index.js';
import type { VolumeFile } from './volume-file.js';

const dataLink = '..data';
const newDataLink = '..data_tmp';
/** The form of the names that `..data` points to. */
const versionForm = /^\.\.[0-9a-f]{16}$/;

/**
 * Writes `files`, whose paths are relative and without `..`. Nothing happens when they are there already.
 * @param groupId the pod's `fsGroup`: everything is its group's, and readable for it
 * @returns true when something changed
 */
export async function writeAtomically(
  directory: HeldDirectory,
  files: readonly VolumeFile[],
  groupId?: number,
): Promise<boolean> {
  const before = await directory.link(dataLink);
  if (before !== undefined && (await isSame(directory, before, files))) return false;
  const version = `..${randomBytes(8).toString('hex')}`;
  await writeVersion(directory, version, files, groupId);
  await removeTree(directory, newDataLink);
  await directory.createLink(newDataLink, version);
  // A rename takes the place of a link, and of nothing else.
  if (before === undefined) await removeTree(directory, dataLink);
  await directory.rename(newDataLink, dataLink);
  await linkVisible(directory, version, files);
  return true;
}

async function writeVersion(
  directory: HeldDirectory,
  version: string,
  files: readonly VolumeFile[],
  groupId: number | undefined,
): Promise<void> {
  const top = await directory.makeDirectory(version, 0o755);
  try {
    if (groupId !== undefined) await giveDirectory(top, groupId);
    for (const file of files) await writeOne(top, file.path.split('/'), file, groupId);
  } finally {
    await top.close();
  }
}

async function writeOne(
  directory: HeldDirectory,
  names: readonly string[],
  file: VolumeFile,
  groupId: number | undefined,
): Promise<void> {
  const [name = '', ...rest] = names;
  if (rest.length === 0) {
    const { data, userId } = file;
    await directory.createFile(name, data, {
      mode: groupId === undefined ? file.mode : file.mode | 0o440,
      ...(userId === undefined ? {} : { userId }),
      ...(groupId === undefined ? {} : { groupId }),
    });
    return;
  }
  const below = await directory.makeDirectory(name, 0o755);
  try {
    if (groupId !== undefined) await giveDirectory(below, groupId);
    await writeOne(below, rest, file, groupId);
  } finally {
    await below.close();
  }
}

/** As kubelet gives a read-only volume to the group: set-group-id, and read and search for the group. */
async function giveDirectory(directory: HeldDirectory, groupId: number): Promise<void> {
  await directory.chown(-1, groupId);
  await directory.chmod(0o2755);
}

/** Links the first part of each path through `..data`, and removes everything else: former names, former versions. */
async function linkVisible(
  directory: HeldDirectory,
  version: string,
  files: readonly VolumeFile[],
): Promise<void> {
  const wanted = new Set(files.map((file) => file.path.split('/')[0] ?? file.path));
  for await (const name of directory.names()) {
    if (name === dataLink || name === version || wanted.has(name)) continue;
    await removeTree(directory, name);
  }
  for (const name of wanted) {
    const target = `${dataLink}/${name}`;
    if ((await directory.link(name)) === target) continue;
    await removeTree(directory, name);
    await directory.createLink(name, target);
  }
}

async function isSame(
  directory: HeldDirectory,
  version: string,
  files: readonly VolumeFile[],
): Promise<boolean> {
  if (!versionForm.test(version)) return false;
  try {
    const top = await directory.directory(version);
    try {
      let count = 0;
      await walkTree(top, async (_held, found) => {
        if (!found.isDirectory()) count += 1;
        await Promise.resolve();
      });
      if (count !== files.length) return false;
      for (const file of files) {
        if (!(await hasContent(top, file.path.split('/'), file.data))) return false;
      }
      return true;
    } finally {
      await top.close();
    }
  } catch (error) {
    // Something is in the place of a directory or a file: it is all written anew.
    if (error instanceof SafeFileError) return false;
    throw error;
  }
}

async function hasContent(
  directory: HeldDirectory,
  names: readonly string[],
  data: Buffer,
): Promise<boolean> {
  const [name = '', ...rest] = names;
  const found = rest.length === 0 ? await directory.entry(name) : await directory.directory(name);
  try {
    if (found instanceof HeldDirectory) return await hasContent(found, rest, data);
    return (await readStart(found, data.length + 1)).data.equals(data);
  } finally {
    await found.close();
  }
}
