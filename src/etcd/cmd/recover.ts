/**
 * Brings a member back whose cluster lost its quorum for good: from what it has itself, or from a snapshot. It must not
 * run.
 */
import { existsSync, rmSync } from 'node:fs';
import type { Clock } from '../../lib/clock.js';
import { renameDurablySync } from '../../lib/files/rename-durably.js';
import type { Logger } from '../../lib/log.js';
import { forceNewCluster, openState } from '../member/bootstrap.js';
import { BootstrapError } from '../config.js';
import { restoreMember } from '../snapshots/restore.js';
import { checkSnapshotHash } from '../snapshots/snapshot-file.js';
import { parseFlags } from './flags.js';
import { serverConfig } from './options.js';
import { Flags } from './typed-flags.js';

/** A recovered store goes on so far behind the snapshot's last revision: more than was written since it was taken. */
const bumpRevision = 100_000_000;

/** A summary of the recovery for the operator. */
export interface Recovered {
  /** The Raft index up to which the survivor's log reaches, or the revision at which the restored store goes on. */
  readonly position: number;
  /** The directory to which the earlier data was moved. */
  readonly aside: string | undefined;
}

/**
 * Makes the member the only one of its cluster, with all that it holds; the others are forgotten and turned away.
 * @param argv the flags with which the member is started
 * @throws BootstrapError where there are no data, WalCorruptError, BackendCorruptError
 */
export async function recoverSurvivor(
  argv: readonly string[],
  tools: { readonly clock: Clock; readonly log: Logger },
): Promise<Recovered> {
  const config = serverConfig(new Flags(parseFlags(argv, {})), tools.clock, tools.log);
  if (!existsSync(config.dataDir)) {
    throw new BootstrapError(`there are no data in ${config.dataDir}: recover from a snapshot`);
  }
  const state = await openState(config, {
    patiently: () => Promise.reject(new BootstrapError('this member has never been in a cluster')),
    once: () => Promise.resolve(undefined),
  });
  await forceNewCluster(state, config);
  const { backend, wal, storage } = state;
  await wal.close();
  await backend.close();
  return { position: storage.lastIndex(), aside: undefined };
}

/**
 * Makes the member's data anew from a snapshot; what was there is put aside.
 * @param argv the flags with which the member is started; its cluster is itself alone
 * @throws SnapshotHashError, BootstrapError, BboltCorruptError; the old data are in their place then
 */
export async function recoverFromSnapshot(
  argv: readonly string[],
  snapshotPath: string,
  tools: { readonly clock: Clock; readonly log: Logger },
): Promise<Recovered> {
  const config = serverConfig(new Flags(parseFlags(argv, {})), tools.clock, tools.log);
  checkSnapshotHash(snapshotPath);
  const stamp = new Date(tools.clock.nowMs()).toISOString().replace(/[-:]|\.\d+/g, '');
  const aside = existsSync(config.dataDir) ? `${config.dataDir}.before-${stamp}` : undefined;
  if (aside !== undefined) renameDurablySync(config.dataDir, aside);
  try {
    const position = await restoreMember({ ...config, snapshotPath, bumpRevision });
    return { position, aside };
  } catch (error) {
    if (aside !== undefined) {
      rmSync(config.dataDir, { recursive: true, force: true });
      renameDurablySync(aside, config.dataDir);
    }
    throw error;
  }
}
