/**
 * Gives a volume to the pod's `fsGroup`: read and write for the group, and new files keep the group.
 * @see Kubernetes pkg/volume/volume_linux.go SetVolumeOwnership
 */
import { HeldDirectory, walkTree } from '../../lib/safe-files/index.js';

/** The extent of a change of group: `OnRootMismatch` leaves a volume alone whose top directory is right already. */
export type GroupChangePolicy = 'Always' | 'OnRootMismatch';

const groupMasks = { file: 0o660, directory: 0o2770 } as const;

/**
 * @param directory a path that only the agent can change; what is below it may be anybody's
 * @throws SafeFileError TOO_DEEP
 */
export async function giveToGroup(
  directory: string,
  groupId: number,
  policy: GroupChangePolicy,
): Promise<void> {
  const top = await HeldDirectory.open(directory);
  try {
    const found = await top.stat();
    const { directory: mask } = groupMasks;
    const isRight = found.gid === groupId && (found.mode & mask) === mask;
    if (policy === 'OnRootMismatch' && isRight) return;
    await walkTree(top, async (held, entry) => {
      await held.chown(-1, groupId);
      const wanted = entry.isDirectory() ? groupMasks.directory : groupMasks.file;
      await held.chmod((entry.mode & 0o7777) | wanted);
    });
  } finally {
    await top.close();
  }
}
