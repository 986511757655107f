/** Whole trees that somebody else filled: removed and walked without following links and without crossing mounts. */
import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import type { Held } from './held.js';
import type { HeldDirectory } from './held.js';
import { codeOf, SafeFileError } from './errors.js';
import { treeLimits } from './limits.js';

/**
 * Removes an entry with all below it; nothing happens when it is not there. Trees of any depth go: what lies deeper
 * than a few levels is moved up first, so that neither descriptors nor the length of paths bound it. Two may remove the
 * same tree at once: what the other took is gone, as it shall be.
 * @throws SafeFileError CROSSES_MOUNT when something is mounted inside: its content is left alone
 */
export async function removeTree(parent: HeldDirectory, name: string): Promise<void> {
  if (await removeFile(parent, name)) return;
  const top = await unlessGone(parent.directory(name));
  if (top === undefined) return;
  try {
    const mountId = await parent.mountId();
    await mustBeOn(top, mountId, name);
    await emptyTop(top, mountId);
  } finally {
    await top.close();
  }
  await unlessGone(parent.removeDirectory(name));
}

/** @returns undefined when what the work is about is not there */
async function unlessGone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'NOT_FOUND') return undefined;
    throw error;
  }
}

/** @returns false when it is a directory */
async function removeFile(parent: HeldDirectory, name: string): Promise<boolean> {
  try {
    await parent.unlink(name);
    return true;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT') return true;
    if (code === 'EISDIR') return false;
    throw error;
  }
}

async function emptyTop(top: HeldDirectory, mountId: number): Promise<void> {
  for (let round = 0; round < treeLimits.removeRoundsMax; round++) {
    if (!(await emptyOnce({ top, mountId }, top, 0))) return;
  }
  throw new SafeFileError('KEEPS_GROWING', 'the tree grows while it is removed');
}

interface Removal {
  readonly top: HeldDirectory;
  readonly mountId: number;
}

/** Removes what a listing shows. @returns true when there was anything, so that another look is needed */
async function emptyOnce(
  removal: Removal,
  directory: HeldDirectory,
  depth: number,
): Promise<boolean> {
  let found = false;
  for await (const name of directory.names()) {
    found = true;
    if (await removeFile(directory, name)) continue;
    if (depth >= treeLimits.removeDepthMax) {
      const moved = `.removed-${randomBytes(12).toString('hex')}`;
      await unlessGone(directory.rename(name, moved, removal.top));
      continue;
    }
    await removeBelow(removal, directory, name, depth);
  }
  return found;
}

async function removeBelow(
  removal: Removal,
  directory: HeldDirectory,
  name: string,
  depth: number,
): Promise<void> {
  const child = await unlessGone(directory.directory(name));
  if (child === undefined) return;
  try {
    await mustBeOn(child, removal.mountId, name);
    await emptyOnce(removal, child, depth + 1);
  } finally {
    await child.close();
  }
  try {
    await unlessGone(directory.removeDirectory(name));
  } catch (error) {
    // An entry appeared, or the listing had missed one: the next round sees it.
    if (codeOf(error) !== 'ENOTEMPTY') throw error;
  }
}

async function mustBeOn(directory: HeldDirectory, mountId: number, name: string): Promise<void> {
  if ((await directory.mountId()) === mountId) return;
  throw new SafeFileError('CROSSES_MOUNT', `something is mounted at "${name}"`);
}

/**
 * Calls `visit` with everything in a tree but links, the top last; directories after what is in them. Mounts inside are
 * left out.
 * @throws SafeFileError TOO_DEEP
 */
export async function walkTree(
  top: HeldDirectory,
  visit: (held: Held, found: Stats) => Promise<void>,
): Promise<void> {
  await walkBelow(top, { visit, mountId: await top.mountId() }, 0);
}

interface Visits {
  readonly visit: (held: Held, found: Stats) => Promise<void>;
  readonly mountId: number;
}

async function walkBelow(directory: HeldDirectory, visits: Visits, depth: number): Promise<void> {
  if (depth > treeLimits.depthMax) {
    throw new SafeFileError('TOO_DEEP', `more than ${treeLimits.depthMax} directories deep`);
  }
  for await (const name of directory.names()) await visitEntry(directory, name, visits, depth);
  await visits.visit(directory, await directory.stat());
}

async function visitEntry(
  parent: HeldDirectory,
  name: string,
  visits: Visits,
  depth: number,
): Promise<void> {
  const entry = await parent.tryEntry(name);
  if (entry === undefined) return;
  try {
    const found = await entry.stat();
    if (found.isSymbolicLink() || (await entry.mountId()) !== visits.mountId) return;
    if (!found.isDirectory()) {
      await visits.visit(entry, found);
      return;
    }
  } finally {
    await entry.close();
  }
  const child = await parent.directory(name);
  try {
    if ((await child.mountId()) === visits.mountId) await walkBelow(child, visits, depth + 1);
  } finally {
    await child.close();
  }
}
