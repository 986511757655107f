/** A data directory that a real etcd's tools restored becomes ours at the first start. */
import { existsSync, openSync, closeSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { renameDurablySync } from '../../lib/files/rename-durably.js';
import { bboltMagic } from './bbolt-format.js';
import { etcdNeverRan, isEtcdWal } from './etcd-wal.js';
import { nodeDisk } from '../wal/node-disk.js';
import { Wal } from '../wal/wal.js';
import { BootstrapError, dataPaths } from '../config.js';
import type { ServerConfig } from '../config.js';
import { restoreMember } from './restore.js';

/** The directory in which the restored files wait until ours are complete. */
const asideName = 'etcd-restored';
/** Behind the header of the first page, which is a meta page. */
const magicOffset = 16;

/**
 * Takes over what `etcdctl snapshot restore` or `etcdutl snapshot restore` left in the data directory, as an etcd
 * would:
 * the database as it is, the members by the flags. Interrupted, it begins again at the next start.
 * @returns true when it did
 * @throws BootstrapError when the directory belongs to an etcd that has run: its log may hold more than its database,
 * and
 *   members that took over their databases one by one would disagree
 */
export async function adoptRestored(config: ServerConfig): Promise<boolean> {
  const paths = dataPaths(config);
  const member = join(config.dataDir, 'member');
  const aside = join(config.dataDir, asideName);
  if (!existsSync(aside)) {
    if (!isBbolt(paths.database) || !isEtcdWal(paths.wal)) return false;
    if (!etcdNeverRan(paths.wal) || config.walDir !== undefined) {
      throw new BootstrapError(
        `data-dir "${config.dataDir}" is that of a real etcd: save a snapshot of it with etcdctl and restore that`,
      );
    }
    renameDurablySync(member, aside);
  } else if (Wal.exists(nodeDisk, paths.wal)) {
    rmSync(aside, { recursive: true });
    return false;
  }
  rmSync(member, { recursive: true, force: true });
  const snapshotPath = join(aside, 'snap', 'db');
  await restoreMember({ ...config, snapshotPath, bumpRevision: 0, beside: asideName });
  rmSync(aside, { recursive: true });
  return true;
}

function isBbolt(path: string): boolean {
  if (!existsSync(path)) return false;
  const file = openSync(path, 'r');
  try {
    const magic = Buffer.alloc(4);
    return readSync(file, magic, 0, 4, magicOffset) === 4 && magic.readUInt32LE() === bboltMagic;
  } finally {
    closeSync(file);
  }
}
