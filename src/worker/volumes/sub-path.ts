/**
 * Paths inside a volume that a container mounts. The volume's content is somebody else's: the path is walked by
 * descriptors, and what was found is mounted, still by its descriptor, onto a path that no container reaches. Only
 * that path goes into the container's specification, which is mounted by name later (the gap of CVE-2017-1002101 and
 * CVE-2021-25741).
 */
import { mkdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { Held, HeldDirectory, openInside } from '../../lib/safe-files/index.js';
import { expandVariables } from '../env.js';
import { bindHeld, unmountBelow } from './mounting.js';
import { VolumeError } from './volume-error.js';

/** A part of a volume that is to be mounted (`subPath`). */
export interface SubPathMount {
  /** The volume: a path that only the agent, or only root, can change. */
  readonly volumePath: string;
  readonly subPath: string;
  /** The path to mount it at; made as a file or a directory, as the sub-path is one. */
  readonly target: string;
  /** False where nothing can be mounted: then the path itself is all there is. */
  readonly mayMount: boolean;
}

/**
 * Makes a sub-path available to a container: a directory where nothing is there yet, with the volume's own mode.
 * @returns what to mount
 * @throws SafeFileError, VolumeError when it would leave the volume
 */
export async function bindSubPath(options: SubPathMount): Promise<string> {
  const { volumePath, subPath, target, mayMount } = options;
  const names = subPath.split('/');
  if (subPath.startsWith('/') || names.includes('..')) {
    throw new VolumeError(`subPath "${subPath}" must be a relative path without ".."`);
  }
  const found = await find(volumePath, subPath);
  try {
    if (!mayMount) return await found.resolve();
    await unmountBelow(target);
    await mkdir(dirname(target), { recursive: true, mode: 0o750 });
    await makeTarget(target, (await found.stat()).isDirectory());
    await bindHeld(found, target);
    return target;
  } finally {
    await found.close();
  }
}

async function find(volumePath: string, subPath: string): Promise<Held> {
  const top = await Held.open(volumePath);
  const isDirectory = (await top.statAndClose()).isDirectory();
  if (!isDirectory) throw new VolumeError('a volume that is no directory has no subPath');
  const volume = await HeldDirectory.open(volumePath);
  try {
    const makeMode = (await volume.stat()).mode & 0o2777;
    return await openInside(volume, subPath, { links: 'refuse-outside', makeMode });
  } finally {
    await volume.close();
  }
}

/** Makes the target. An earlier start may have left a target of the other kind, which is replaced. */
async function makeTarget(target: string, isDirectory: boolean): Promise<void> {
  const parent = await HeldDirectory.open(dirname(target));
  try {
    const name = basename(target);
    const there = await parent.tryEntry(name);
    if (there !== undefined) {
      const is = (await there.statAndClose()).isDirectory();
      if (is === isDirectory) return;
      if (is) await parent.removeDirectory(name);
      else await parent.unlink(name);
    }
    if (isDirectory) await (await parent.makeDirectory(name, 0o750)).close();
    else await parent.createFile(name, Buffer.alloc(0), { mode: 0o640 });
  } finally {
    await parent.close();
  }
}

/**
 * The value of a `subPathExpr`: every variable must be known.
 * @throws VolumeError
 */
export function expandSubPath(expression: string, env: ReadonlyMap<string, string>): string {
  const missing: string[] = [];
  const path = expandVariables(expression, (name) => {
    const value = env.get(name);
    if (value === undefined) missing.push(name);
    return value;
  });
  if (missing.length > 0) {
    throw new VolumeError(`missing value for ${missing.map((name) => `"${name}"`).join(', ')}`);
  }
  return path;
}
