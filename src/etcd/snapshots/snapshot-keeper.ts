/**
 * Snapshots of the backend: the backend *is* the snapshot, so taking one means to make it durable, note its position in
 * the log and truncate the log behind it. A follower that needs truncated entries gets a copy of the database.
 */
import { join } from 'node:path';
import { mustExist } from '../../lib/assert.js';
import type { Logger } from '../../lib/log.js';
import type {
  ConfState,
  MemoryStorage,
  MsgSnap,
  ProgressStatus,
  Snapshot,
} from '../../raft/index.js';
import type { Backend } from '../backend/types.js';
import type { Telemetry } from '../telemetry/telemetry.js';
import type { Wal } from '../wal/wal.js';
import type { DataPaths, FileVersions } from '../config.js';
import { runBackupThread } from './backup-thread.js';
import type { BackupMade } from './backup-thread.js';
import {
  catchUpBytes,
  catchUpBytesMax,
  catchUpEntriesDefault,
  snapshotBytes,
} from '../guards/limits.js';
import type { DatabaseFiles } from '../machine.js';
import { decodeConfState, encodeConfState } from '../membership/membership.js';

/** The connection to the member that gets a snapshot. */
export interface SnapshotNetwork {
  /** Streams the file behind the message. Rejects when it did not arrive whole. */
  sendSnapshot(message: MsgSnap, path: string): Promise<void>;
}

/** When snapshots are taken, and of what. */
export interface SnapshotKeeperOptions {
  readonly databases: DatabaseFiles;
  readonly wal: Wal;
  readonly storage: MemoryStorage;
  readonly paths: DataPaths;
  readonly applied: number;
  /** Applied entries between two truncations. */
  readonly snapshotCount: number;
  /** Entries kept behind a truncation. @default 5000 */
  readonly catchUpEntries: number | undefined;
  /** In files for an etcd. */
  readonly versions: FileVersions;
  readonly log: Logger;
  readonly telemetry: Telemetry;
  /** Raft's membership, and on the leader the progress of its followers. */
  readonly status: () => {
    readonly confState: ConfState;
    readonly progress: readonly ProgressStatus[];
  };
}

/** The outcome of sending a snapshot. */
type SnapshotSent = 'delivered' | 'failed' | 'busy';

/** Takes a snapshot when the log has grown, and drops the entries that it replaces. */
export class SnapshotKeeper {
  readonly #options: SnapshotKeeperOptions;
  #lastIndex: number;
  /** The bytes of the log after its last truncation. */
  #lastBytes = 0;
  #truncating: Promise<void> | undefined;
  /** Received images that Raft has accepted, or is about to be offered, by index. */
  readonly #received = new Map<number, string>();
  #counter = 0;
  readonly #sending = new Set<bigint>();

  constructor(options: SnapshotKeeperOptions) {
    this.#options = options;
    this.#lastIndex = options.applied;
  }

  /** Resolves when nothing runs in the background. */
  async idle(): Promise<void> {
    await this.#truncating;
  }

  /** A path of its own for an image on its way. */
  newPath(): { readonly directory: string; readonly name: string; readonly path: string } {
    const directory = this.#options.paths.snapshots;
    const name = `${process.pid}-${++this.#counter}.db`;
    return { directory, name, path: join(directory, name) };
  }

  /**
   * Once enough has been applied since the last time, by number or by bytes: makes the state durable and truncates the
   * log behind it.
   */
  maybeTruncate(backend: Backend): void {
    if (this.#truncating !== undefined) return;
    const { storage, snapshotCount } = this.#options;
    const { index } = backend.consistentIndex;
    const isLong = index - this.#lastIndex >= snapshotCount;
    const isLarge = storage.sizeBytes - this.#lastBytes >= snapshotBytes && index > this.#lastIndex;
    if (!isLong && !isLarge) return;
    this.#truncating = this.#truncate(backend)
      .catch((error: unknown) => {
        this.#options.log.error({ error }, 'the log could not be truncated; trying again later');
        this.#lastIndex = index;
        this.#lastBytes = storage.sizeBytes;
      })
      .finally(() => {
        this.#truncating = undefined;
      });
  }

  async #truncate(backend: Backend): Promise<void> {
    const { wal, storage, log } = this.#options;
    const { confState } = this.#options.status();
    await backend.makeDurable();
    const index = Math.min(backend.durableIndex, storage.lastIndex());
    const term = storage.term(index);
    if (typeof term !== 'number') return;
    wal.saveSnapshot({ index, term, confState: encodeConfState(confState) });
    await wal.sync();
    if (!storage.createSnapshot(index, confState, new Uint8Array(0))) return;
    this.#lastIndex = index;
    const truncateTo = this.#truncationPoint(index);
    if (truncateTo > 0) storage.truncateTo(truncateTo);
    this.#lastBytes = storage.sizeBytes;
    const segments = wal.releaseTo(Math.max(0, truncateTo));
    log.info({ index, truncateTo, segments }, 'truncated the raft log');
  }

  /** Up to where nobody is expected to need the log, at most `index`. */
  #truncationPoint(index: number): number {
    const { storage, catchUpEntries = catchUpEntriesDefault } = this.#options;
    const enough = Math.max(index - catchUpEntries, storage.indexWithin(catchUpBytes));
    const needed = this.#options
      .status()
      .progress.filter(({ recentActive, state }) => recentActive && state !== 'snapshot')
      .map(({ match }) => match);
    const wanted = Math.min(enough, ...needed);
    return Math.min(index, Math.max(wanted, storage.indexWithin(catchUpBytesMax)));
  }

  /**
   * Sends the present state to a follower. The message names the state that is really sent, which is newer than Raft
   * asked for.
   * @returns whether it arrived; 'busy' when another one is on its way to that follower, and nothing was sent
   */
  async send(message: MsgSnap, backend: Backend, network: SnapshotNetwork): Promise<SnapshotSent> {
    const { log } = this.#options;
    if (this.#sending.has(message.to)) return 'busy';
    this.#sending.add(message.to);
    const sent = this.#options.telemetry.network.snapshotSending(message.to);
    const { path } = this.newPath();
    try {
      const image = await backend.snapshotTo(path);
      const confState =
        image.confState === undefined
          ? this.#options.status().confState
          : decodeConfState(image.confState);
      const { index, term } = image.consistentIndex;
      const metadata = { index, term, confState };
      const snapshot: Snapshot = { data: new Uint8Array(0), metadata };
      log.info(
        { to: message.to.toString(16), index, bytes: image.sizeBytes },
        'sending a snapshot',
      );
      await network.sendSnapshot({ ...message, snapshot }, path);
      sent(true);
      return 'delivered';
    } catch (error) {
      sent(false);
      log.warn({ to: message.to.toString(16), error }, 'a snapshot could not be sent');
      return 'failed';
    } finally {
      this.#sending.delete(message.to);
      await this.#options.databases.remove(path);
    }
  }

  /** Writes a snapshot in etcd's format beside the running member; see `runBackupThread`. */
  async backUp(
    backend: Backend,
    paths: { readonly temporaryPath: string; readonly pathPrefix: string },
    signal: AbortSignal,
  ): Promise<BackupMade> {
    const { path: imagePath } = this.newPath();
    try {
      await backend.snapshotTo(imagePath);
      const { versions } = this.#options;
      return await runBackupThread({ ...paths, imagePath, ...versions }, signal);
    } finally {
      await this.#options.databases.remove(imagePath);
    }
  }

  /**
   * Takes an image that has arrived. An image that Raft does not want is removed at once; all others stay until they,
   * or a newer one, are installed: the loop may be about to do so for as long as its disk takes.
   * @param offer offers it to Raft @returns whether that waits for this image now
   */
  async received(index: number, path: string, offer: () => boolean): Promise<void> {
    const isKnown = this.#received.has(index);
    if (!isKnown) this.#received.set(index, path);
    const isWanted = offer();
    if (isWanted && !isKnown) return;
    if (!isKnown) this.#received.delete(index);
    await this.#options.databases.remove(path);
  }

  async #removeBefore(index: number): Promise<void> {
    for (const [other, path] of this.#received) {
      if (other >= index) continue;
      this.#received.delete(other);
      await this.#options.databases.remove(path);
    }
  }

  /**
   * Puts a received image in the place of the backend and notes it in the log, which the caller syncs.
   * @returns the new backend; the old one is closed
   */
  async install(snapshot: Snapshot, backend: Backend): Promise<Backend> {
    const { wal, paths, databases, log, telemetry } = this.#options;
    telemetry.server.applyingSnapshot(true);
    await this.#truncating;
    const { index, term, confState } = snapshot.metadata;
    const path = mustExist(this.#received.get(index), 'image of the snapshot');
    this.#received.delete(index);
    backend.abandon();
    databases.install(path, paths.database);
    const next = databases.open(paths.database);
    wal.saveSnapshot({ index, term, confState: encodeConfState(confState) });
    this.#lastIndex = index;
    telemetry.server.applyingSnapshot(false);
    log.info({ index, term }, 'installed a snapshot');
    await this.#removeBefore(index);
    return next;
  }
}
