// Removes packed programs that nobody needs: all but the newest few and those that a living process runs.
// Used by scripts/pack; by itself: node scripts/lib/prune-packed.mjs DIST
import { readdirSync, readFileSync, readlinkSync, realpathSync, rmSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** So many of the newest stay whatever runs: what was started in a container or a namespace of its own may not be seen. */
const keptCount = 3;
const packedName = /^packed-[0-9a-f]{16}$/;

/** @returns the names that were removed */
export function prunePacked(dist) {
  const timeOf = (name) =>
    statSync(join(dist, name, 'packed.json'), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const names = readdirSync(dist)
    .filter((name) => packedName.test(name))
    .sort((a, b) => timeOf(b) - timeOf(a));
  const candidates = names.slice(keptCount);
  if (candidates.length === 0) return [];
  const used = usedBelow(realpathSync(dist));
  if (used === undefined) return [];
  const removed = candidates.filter((name) => !used.has(name));
  for (const name of removed) rmSync(join(dist, name), { recursive: true, force: true });
  return removed;
}

/** Names below `dist` that processes hold open, as bin/trireme does; undefined where one of ours does not let us look. */
function usedBelow(dist) {
  const used = new Set();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      for (const fd of readdirSync(`/proc/${pid}/fd`)) note(`/proc/${pid}/fd/${fd}`);
    } catch (error) {
      if (error.code !== 'ENOENT' && error.code !== 'ESRCH' && isOurs(pid)) return undefined;
    }
  }
  return used;

  function note(link) {
    try {
      const target = readlinkSync(link);
      if (target.startsWith(`${dist}/packed-`)) used.add(basename(target));
    } catch {
      // It was closed meanwhile.
    }
  }
}

function isOurs(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('trireme');
  } catch {
    return false;
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [, , dist] = process.argv;
  if (dist !== undefined) prunePacked(resolve(dist));
}
