/**
 * Mounts of the node agent: always onto paths that only the agent can change, and from descriptors where the source
 * may be changed by others.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Held } from '../../lib/safe-files/index.js';
import { isMounted, mountsBelow } from '../../runtime/mounts.js';
import { volumeLimits } from './limits.js';

const execute = promisify(execFile);
const options = { timeout: volumeLimits.mountTimeoutMs, maxBuffer: 64 * 1024 };

/**
 * Mounts the very object that is held, under whatever name it goes now. `mount` must not resolve the source itself:
 * it would mount by name what was checked by descriptor.
 */
export async function bindHeld(held: Held, target: string): Promise<void> {
  const args = ['--no-canonicalize', '--bind', held.pathForOthers, target];
  await execute('mount', args, options);
}

/** Mounts a tmpfs, once. @param mode permission bits of its top, in octal */
export async function mountMemory(
  target: string,
  settings: {
    readonly mode: string;
    readonly sizeBytes?: number;
    /** For what must not reach a disk, and of which nothing is to gain rights. */
    readonly isSecret: boolean;
  },
): Promise<void> {
  if (await isMounted(target)) return;
  const { mode, sizeBytes, isSecret } = settings;
  const size = sizeBytes === undefined ? [] : [`size=${sizeBytes}`];
  const mount = (extra: readonly string[]): Promise<unknown> => {
    const list = [`mode=${mode}`, ...size, ...extra].join(',');
    const args = ['--no-canonicalize', '-t', 'tmpfs', '-o', list, 'tmpfs', target];
    return execute('mount', args, options);
  };
  if (!isSecret) {
    await mount([]);
    return;
  }
  const rights = ['nosuid', 'nodev'];
  // Linux 6.4 and newer can keep a tmpfs out of the swap space; kubelet asks for it where it can, too.
  await mount([...rights, 'noswap']).catch(() => mount(rights));
}

/** Takes away what is mounted at the path and below it, the latest first. */
export async function unmountBelow(path: string): Promise<void> {
  for (const target of (await mountsBelow(path)).toReversed()) {
    await execute('umount', ['--no-canonicalize', '--lazy', target], options);
  }
}
