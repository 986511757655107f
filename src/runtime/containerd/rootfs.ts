import { mkdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { codeOf, HeldDirectory, removeTree } from '../../lib/safe-files/index.js';
import type { RunCommand } from '../spawn.js';
import { RuntimeError } from '../types.js';
import { isMounted } from '../mounts.js';

const timeoutMs = 20_000;

/**
 * Mounts a container's root: an overlay over the image's shared read-only view. A `mount` of about 5 ms replaces a
 * snapshot made through `ctr images mount --rw`, which takes 40.
 */
export async function mountRootfs(
  run: RunCommand,
  dir: string,
  imageView: string,
): Promise<string> {
  const root = join(dir, 'rootfs');
  if (await isMounted(root)) return root;
  const [upper, work] = [writableLayer(dir), join(dir, 'work')];
  await mkdir(dir, { recursive: true, mode: 0o700 });
  // The upper directory's mode is that of the container's `/`, which any of its users enters.
  await Promise.all(
    [root, upper, work].map((path) => mkdir(path, { recursive: true, mode: 0o755 })),
  );
  const options = `lowerdir=${imageView},upperdir=${upper},workdir=${work}`;
  const result = await run('mount', ['-t', 'overlay', 'overlay', '-o', options, root], {
    timeoutMs,
  });
  if (result.code !== 0) {
    throw new RuntimeError('CreateFailed', `the root file system: ${result.stderr.trim()}`, {
      retryable: true,
    });
  }
  return root;
}

/** What has been written into a root. */
export function writableLayer(dir: string): string {
  return join(dir, 'upper');
}

/**
 * Takes the root and everything that was written to it away. @throws SafeFileError CROSSES_MOUNT while it is mounted
 */
export async function unmountRootfs(run: RunCommand, dir: string): Promise<void> {
  const root = join(dir, 'rootfs');
  if (await isMounted(root)) {
    await run('umount', ['--no-canonicalize', '--lazy', root], { timeoutMs });
  }
  const parent = await HeldDirectory.open(dirname(dir)).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (parent === undefined) return;
  try {
    await removeTree(parent, basename(dir));
  } finally {
    await parent.close();
  }
}
