import { readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Removes empty cgroups of that path under every controller (v1) or the one tree (v2). */
export async function removeCgroups(path: string): Promise<void> {
  const root = '/sys/fs/cgroup';
  const controllers = await readdir(root).catch(() => []);
  for (const dir of ['', ...controllers]) {
    const at = join(root, dir, path);
    const entries = await readdir(at, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      if (entry.isDirectory()) await rmdir(join(at, entry.name)).catch(() => undefined);
    }
    if (entries.length > 0) await rmdir(at).catch(() => undefined);
  }
}
