/** Makes a fresh member's data directory out of a snapshot in etcd's format. */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Clock } from '../../lib/clock.js';
import { lockFileName } from '../../lib/files/directory-lock.js';
import type { ConfState } from '../../raft/index.js';
import { emptyConfState } from '../../raft/index.js';
import { SqliteBackend } from '../backend/sqlite-backend.js';
import { scheduledCompactKey } from '../mvcc/restore.js';
import { bigEndian } from './etcd-buckets.js';
import { BboltFile } from './bbolt-reader.js';
import { importEtcdSnapshot } from './import.js';
import { nodeDisk } from '../wal/node-disk.js';
import { Wal } from '../wal/wal.js';
import { BootstrapError, dataPaths } from '../config.js';
import { initialLog } from '../membership/initial-log.js';
import type { ServerConfig } from '../config.js';
import { encodeConfState, Membership } from '../membership/membership.js';

/** The flags of a restored member; all else comes from the file. */
export interface RestoreOptions extends Pick<
  ServerConfig,
  'name' | 'dataDir' | 'walDir' | 'peerUrls' | 'initialCluster' | 'initialClusterToken'
> {
  readonly snapshotPath: string;
  /**
   * The store goes on so many revisions after the file's last one and all before count as compacted: whoever has seen
   * revisions that the file does not have is told so, and reads anew. 0: it goes on where the file ends.
   */
  readonly bumpRevision: number;
  readonly clock: Clock;
  /** The entries that the directory may have already. */
  readonly beside?: string;
}

/**
 * The new member has all revisions, leases, users and roles of the file and the membership of the flags; every member
 * restored from the same file with the same flags agrees with it. On an error nothing is left behind.
 * @returns the last revision
 * @throws BootstrapError for wrong flags or a directory in use, BboltCorruptError
 */
export async function restoreMember(options: RestoreOptions): Promise<number> {
  const { dataDir } = options;
  const isOccupied = (name: string): boolean => ![options.beside, lockFileName].includes(name);
  if (existsSync(dataDir) && readdirSync(dataDir).some(isOccupied)) {
    throw new BootstrapError(`data-dir "${dataDir}" not empty or could not be read`);
  }
  const paths = dataPaths(options);
  if (Wal.exists(nodeDisk, paths.wal)) {
    throw new BootstrapError(`wal-dir "${paths.wal}" not empty or could not be read`);
  }
  const log = initialLog(options);
  const file = BboltFile.open(options.snapshotPath);
  try {
    mkdirSync(dirname(paths.database), { recursive: true, mode: 0o700 });
    const position = { index: log.entries.length, term: log.hardState.term };
    const confState: ConfState = { ...emptyConfState, voters: log.members.map(({ ID }) => ID) };
    const backend = SqliteBackend.open(paths.database, { clock: options.clock });
    const last = importEtcdSnapshot(file, backend, position);
    const revision = last + options.bumpRevision;
    if (options.bumpRevision > 0) backend.put('meta', scheduledCompactKey, bigEndian(revision));
    const membership = new Membership({ ...log.metadata, localId: log.metadata.memberId, backend });
    for (const { ID, name, peerURLs } of log.members) {
      const member = { id: ID, name, peerUrls: peerURLs, clientUrls: [], isLearner: false };
      membership.apply('add', member);
    }
    backend.setConfState(encodeConfState(confState));
    backend.endApply(position.index, position.term);
    await backend.makeDurable();
    await backend.close();
    // The log comes last: a directory without one is no member.
    const wal = Wal.create(paths.wal, log.metadata, { disk: nodeDisk });
    wal.append(log.hardState, log.entries);
    wal.saveSnapshot({ ...position, confState: encodeConfState(confState) });
    await wal.sync();
    await wal.close();
    return revision;
  } catch (error) {
    rmSync(join(dataDir, 'member'), { recursive: true, force: true });
    throw error;
  } finally {
    file.close();
  }
}
