/**
 * The state of containers that runc keeps outside of any data directory: a folder for each, in one for each namespace
 * of containerd.
 */
import { readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isJsonObject } from '../../api/object.js';

/** The directory in which containerd's shims let runc keep its state; gone after a reboot. */
const runcRoot = '/run/containerd/runc';

/**
 * Deletes what runc keeps of the containers whose root file system lies below a host's data, and the folders of
 * namespaces that are empty then. The containers must be dead. Others' are left alone, and so is what cannot be read.
 */
export async function removeRuncState(dataDir: string, root = runcRoot): Promise<void> {
  for (const namespace of await namesIn(root)) {
    const folder = join(root, namespace);
    let isOurs = false;
    for (const id of await namesIn(folder)) {
      const rootfs = await rootfsOf(join(folder, id, 'state.json'));
      if (rootfs?.startsWith(`${dataDir}/`) !== true) continue;
      isOurs = true;
      await rm(join(folder, id), { recursive: true, force: true });
    }
    // A folder that is not empty is in use.
    if (isOurs) await rmdir(folder).catch(() => undefined);
  }
}

function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

async function rootfsOf(path: string): Promise<string | undefined> {
  try {
    const state: unknown = JSON.parse(await readFile(path, 'utf8'));
    const config = isJsonObject(state) ? state['config'] : undefined;
    const rootfs = isJsonObject(config) ? config['rootfs'] : undefined;
    return typeof rootfs === 'string' ? rootfs : undefined;
  } catch {
    return undefined;
  }
}
