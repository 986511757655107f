/** Directories that carry our mark: only those are ever deleted as a whole. */
import { constants } from 'node:fs';
import { lstat, mkdir, open, readFile, readdir, rmdir, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { makePrivateDirectory, writeWhole } from './write-whole.js';

/** The file that says whose the directory is. */
export const markName = '.trireme-home';

/** A directory is not ours, or not such as may be used or deleted. Nothing has been touched. */
export class ForeignDirectoryError extends Error {
  override readonly name = 'ForeignDirectoryError';
  readonly code = 'FOREIGN_DIRECTORY';
  readonly retryable = false;
}

interface Mark {
  readonly program: 'trireme';
  /**
   * Of the directory: a mark that was copied somewhere else says nothing. Without the device's number, which may be
   * another one after a restart of the machine.
   */
  readonly inode: string;
}

/**
 * Makes a directory ours, private to its owner: one that is not there, that is empty, or that is ours already.
 * @param isKnown tells whether a directory without a mark has been made by an earlier version
 * @throws ForeignDirectoryError
 */
export async function claimDirectory(
  path: string,
  isKnown: (path: string) => Promise<boolean> = () => Promise.resolve(false),
): Promise<void> {
  refuseRoots(path);
  await mkdir(path, { recursive: true, mode: 0o700 });
  await mustBeDirectory(path);
  if (!(await isMarked(path))) {
    const names = await readdir(path);
    if (names.length > 0 && !(await isKnown(path))) {
      throw new ForeignDirectoryError(
        `${path} is not empty and is none of ours: nothing was changed`,
      );
    }
    await makePrivateDirectory(path);
    const mark: Mark = { program: 'trireme', inode: await inodeOf(path) };
    await writeWhole(join(path, markName), `${JSON.stringify(mark)}\n`);
  } else {
    await makePrivateDirectory(path);
  }
}

/**
 * Checks that a directory may be deleted.
 * @throws ForeignDirectoryError for one that is not marked, a link, the root, a home …
 */
export async function mustBeOurs(path: string): Promise<void> {
  refuseRoots(path);
  await mustBeDirectory(path);
  if (!(await isMarked(path))) {
    throw new ForeignDirectoryError(
      `${path} does not carry the mark of a directory of ours (${markName}): nothing was deleted`,
    );
  }
}

/**
 * Deletes a directory of ours with all that is in it. Follows no link, not even one that takes a directory's place
 * meanwhile: it goes down by descriptors. Does not go into anything that is mounted inside.
 * @throws ForeignDirectoryError, with nothing deleted, where it is not ours or something is still mounted in it
 */
export async function deleteOwned(path: string): Promise<void> {
  await mustBeOurs(path);
  const mounted = await mountsBelow(path);
  if (mounted.length > 0) {
    throw new ForeignDirectoryError(`${mounted[0]} is still mounted: nothing was deleted`);
  }
  const top = await openDirectory(path);
  try {
    const { dev } = await top.stat({ bigint: true });
    // The mark goes last: a deletion that was cut short can be repeated.
    await deleteContents(top, dev, (name) => name !== markName);
    await deleteContents(top, dev, () => true);
  } finally {
    await top.close();
  }
  await rmdir(path);
}

/** Returns the mount points below a directory, deepest first. */
export async function mountsBelow(path: string): Promise<string[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
  return text
    .split('\n')
    .map((line) => unescape(line.split(' ')[4] ?? ''))
    .filter((point) => point.startsWith(`${resolve(path)}/`))
    .toReversed();
}

/** Blanks and the like are written in octal. */
function unescape(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/** The root, a user's home, and what they lie in. */
function refuseRoots(path: string): void {
  const target = resolve(path);
  for (const root of ['/', homedir(), process.cwd()]) {
    const kept = resolve(root);
    if (target === kept || kept.startsWith(target === '/' ? '/' : `${target}/`)) {
      throw new ForeignDirectoryError(
        `${target} is, or holds, ${kept}: choose a directory of its own`,
      );
    }
  }
}

async function mustBeDirectory(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) throw new ForeignDirectoryError(`${path} does not exist`);
  if (found.isSymbolicLink()) {
    throw new ForeignDirectoryError(`${path} is a link: name the directory that it leads to`);
  }
  if (!found.isDirectory()) throw new ForeignDirectoryError(`${path} is not a directory`);
}

async function isMarked(path: string): Promise<boolean> {
  const file = await open(join(path, markName), constants.O_RDONLY | constants.O_NOFOLLOW).catch(
    () => undefined,
  );
  if (file === undefined) return false;
  try {
    const mark: unknown = JSON.parse(await file.readFile('utf8'));
    if (typeof mark !== 'object' || mark === null) return false;
    if (!('program' in mark) || !('inode' in mark)) return false;
    return mark.program === 'trireme' && mark.inode === (await inodeOf(path));
  } catch {
    return false;
  } finally {
    await file.close();
  }
}

async function inodeOf(path: string): Promise<string> {
  const { ino } = await lstat(path, { bigint: true });
  return ino.toString();
}

function openDirectory(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
}

async function deleteContents(
  directory: FileHandle,
  device: bigint,
  isDue: (name: string) => boolean,
): Promise<void> {
  const here = `/proc/self/fd/${directory.fd}`;
  for (const entry of await readdir(`${here}/.`, { withFileTypes: true })) {
    if (!isDue(entry.name)) continue;
    const path = `${here}/${entry.name}`;
    if (!entry.isDirectory()) {
      await unlink(path);
      continue;
    }
    const inner = await openDirectory(path);
    try {
      const { dev } = await inner.stat({ bigint: true });
      if (dev !== device)
        throw new ForeignDirectoryError(`${entry.name}: something is mounted there`);
      await deleteContents(inner, device, () => true);
    } finally {
      await inner.close();
    }
    await rmdir(path);
  }
}
