/**
 * Against starts that never end. runc (1.1) opens /etc/passwd and /etc/group of the container before its first
 * process runs, and waits for ever when a volume has put a FIFO there; meanwhile the pod's shim answers nothing, no
 * signal either.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { codeOf, Held, HeldDirectory, tryOpenInside } from '../../lib/safe-files/index.js';
import type { Mount } from '../types.js';
import { RuntimeError } from '../types.js';

const accountFiles = ['/etc/passwd', '/etc/group'] as const;

/**
 * Refuses mounts that put something else than a regular file in the place of an account file. Later changes, and links
 * of the image, are left to {@link killCgroup}.
 * @throws RuntimeError CreateFailed
 */
export async function checkAccountMounts(mounts: readonly Mount[]): Promise<void> {
  for (const mount of mounts) {
    const top = posix.normalize(mount.containerPath).replace(/\/$/, '');
    for (const file of accountFiles) {
      if (file !== top && !file.startsWith(`${top}/`)) continue;
      if (await wouldBlock(mount.hostPath, file.slice(top.length + 1))) {
        throw new RuntimeError(
          'CreateFailed',
          `the mount at ${top} has no regular file as ${file}`,
          {
            retryable: false,
          },
        );
      }
    }
  }
}

/** True for FIFOs, sockets and devices. @param below empty: the mount itself is meant */
async function wouldBlock(hostPath: string, below: string): Promise<boolean> {
  const held = await open(hostPath, below);
  if (held === undefined) return false;
  const found = await held.statAndClose();
  return !found.isFile() && !found.isDirectory();
}

async function open(hostPath: string, below: string): Promise<Held | undefined> {
  try {
    if (below === '') return await Held.open(hostPath);
    const top = await HeldDirectory.open(hostPath);
    try {
      return await tryOpenInside(top, below, { links: 'as-root' });
    } finally {
      await top.close();
    }
  } catch (error) {
    // Not there, or no directory: runc says so itself.
    if (codeOf(error) !== undefined) return undefined;
    throw error;
  }
}

const cgroupRoot = '/sys/fs/cgroup';

/** Ends whatever is in a cgroup without asking its shim: the process that prepares a container is in it already. */
export async function killCgroup(path: string): Promise<void> {
  const controllers = await readdir(cgroupRoot).catch(() => []);
  const pids = new Set<number>();
  for (const controller of ['', ...controllers]) {
    const list = join(cgroupRoot, controller, path, 'cgroup.procs');
    const text = await readFile(list, 'utf8').catch(() => '');
    for (const line of text.split('\n')) {
      const pid = Number(line);
      if (Number.isInteger(pid) && pid > 1) pids.add(pid);
    }
  }
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if (codeOf(error) !== 'ESRCH') throw error;
    }
  }
}
