/** Gives a volume to the pod's `fsGroup`: group read and write, and new files keep the group. */
import { chmod, chown, lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';

/** How much is looked at: `OnRootMismatch` leaves a volume alone whose top is right already. */
export type GroupChangePolicy = 'Always' | 'OnRootMismatch';

export async function giveToGroup(
  directory: string,
  groupId: number,
  policy: GroupChangePolicy,
): Promise<void> {
  const top = await lstat(directory);
  const isRight = top.gid === groupId && (top.mode & 0o2070) === 0o2070;
  if (policy === 'OnRootMismatch' && isRight) return;
  await giveBelow(directory, groupId);
}

async function giveBelow(path: string, groupId: number): Promise<void> {
  const found = await lstat(path);
  if (found.isSymbolicLink()) return;
  if (found.isDirectory()) {
    for await (const entry of await opendir(path)) await giveBelow(join(path, entry.name), groupId);
    await chown(path, -1, groupId);
    await chmod(path, (found.mode & 0o7777) | 0o2770);
  } else if (found.isFile()) {
    await chown(path, -1, groupId);
    await chmod(path, (found.mode & 0o7777) | 0o660);
  }
}
