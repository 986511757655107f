/** What a host's own containerd leaves outside of its data directory: sockets of shims, and its run directory. */
import { readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { stateDirOf } from '../../runtime/containerd/daemon.js';

/** Where every containerd of the machine has its shims listen. */
const socketFolder = '/run/containerd/s';
/** Below containerd's state: a folder for each namespace, in it one for each container. */
const tasksFolder = 'io.containerd.runtime.v2.task';

/**
 * Deletes the sockets of the shims of a worker's own containerd, whose names are hashes: the bundle of each container
 * says in `address` which is its own. Others' are left alone. Then its run directory, which is in /run where the data
 * directory's path is long. Containerd and the shims must be dead.
 */
export async function removeContainerdRun(dataDir: string, folder = socketFolder): Promise<void> {
  const runDirectory = stateDirOf(join(dataDir, 'runtime'));
  const tasks = join(runDirectory, 'state', tasksFolder);
  for (const namespace of await namesIn(tasks)) {
    for (const id of await namesIn(join(tasks, namespace))) {
      const file = join(tasks, namespace, id, 'address');
      const address = await readFile(file, 'utf8').catch(() => '');
      const socket = address.trim().replace(/^unix:\/\//, '');
      if (dirname(socket) === folder) await rm(socket, { force: true });
    }
  }
  if (!runDirectory.startsWith(`${dataDir}/`)) {
    await rm(runDirectory, { recursive: true, force: true });
  }
}

function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
