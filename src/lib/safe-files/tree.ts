/** Whole trees that somebody else filled: removed and walked without following links and without crossing mounts. */
import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import type { Held } from './held.js';
import type { HeldDirectory } from './held.js';
import { codeOf, SafeFileError } from './errors.js';
import { treeLimits } from './limits.js';

/**
 * Removes an entry with all below it; nothing happens when it is not there. Trees of any depth go: what lies deeper
 * than a few levels is moved up first, so that neither descriptors nor the length of paths bound it.
 * @throws SafeFileError CROSSES_MOUNT when something is mounted inside: its content is left alone
 */
export async function removeTree(parent: HeldDirectory, name: string): Promise<void> {
  if (await removeFile(parent, name)) return;
  const top = await parent.directory(name);
  try {
    const mountId = await parent.mountId();
    await mustBeOn(top, mountId, name);
    await emptyTop(top, mountId);
  } finally {
    await top.close();
  }
  await parent.removeDirectory(name);
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
      await directory.rename(name, `.removed-${randomBytes(12).toString('hex')}`, removal.top);
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
  const child = await directory.directory(name);
  try {
    await mustBeOn(child, removal.mountId, name);
    await emptyOnce(removal, child, depth + 1);
  } finally {
    await child.close();
  }
  try {
    await directory.removeDirectory(name);
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
