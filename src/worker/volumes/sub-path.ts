/** Paths inside a volume that a container mounts: they must stay inside, whatever links the volume holds. */
import { mkdir, realpath } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import { expandVariables } from '../env.js';
import { VolumeError } from './payload.js';

/**
 * The real path of a `subPath`, made as a directory if nothing is there.
 * @throws VolumeError when it would leave the volume
 */
export async function resolveSubPath(volumePath: string, subPath: string): Promise<string> {
  const wanted = normalize(subPath);
  if (wanted.startsWith('/') || wanted === '..' || wanted.startsWith('../')) {
    throw new VolumeError(`subPath "${subPath}" must be a relative path without ".."`);
  }
  const volume = await realpath(volumePath);
  const path = join(volume, wanted);
  const before = await realpath(path).catch(() => undefined);
  if (before === undefined) await makeInside(volume, wanted);
  const real = await realpath(path);
  if (real !== volume && !real.startsWith(`${volume}/`)) {
    throw new VolumeError(`subPath "${subPath}" leaves the volume`);
  }
  return real;
}

/** Makes directories step by step, looking at each before the next. */
async function makeInside(volume: string, path: string): Promise<void> {
  let current = volume;
  for (const part of path.split('/').filter((name) => name !== '' && name !== '.')) {
    const next = join(current, part);
    const found = await realpath(next).catch(() => undefined);
    if (found === undefined) await mkdir(next, { mode: 0o755 });
    current = found ?? next;
    if (current !== volume && !current.startsWith(`${volume}/`)) {
      throw new VolumeError(`the path "${path}" leaves the volume`);
    }
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
