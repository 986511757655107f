import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeWhole } from '../../lib/files/write-whole.js';

/**
 * In a checkout it is with the sources, which the compiler does not copy; `scripts/pack` carries it beside the
 * program.
 */
const shimFile = new URL('../../../../src/runtime/shim/trireme-shim.pl', import.meta.url);

/** Returns the path at which {@link installShim} puts the shim. */
export function shimPath(dataDir: string): string {
  return join(dataDir, 'bin', 'trireme-shim');
}

/**
 * Writes the shim program to {@link shimPath}, unless it is there already. Containers go on with the one that they
 * were started with.
 * @throws the file system's error
 */
export async function installShim(dataDir: string): Promise<void> {
  const path = shimPath(dataDir);
  const [wanted, found] = await Promise.all([
    readFile(shimFile, 'utf8'),
    readFile(path, 'utf8').catch(() => ''),
  ]);
  if (found === wanted) return;
  await mkdir(dirname(path), { recursive: true });
  await writeWhole(path, wanted, 0o755);
}
