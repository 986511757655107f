import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import type { Entry, HardState, RaftNode } from '../../raft/index.js';
import { diskFullError } from '../apply/errors.js';
import type { EtcdError } from '../apply/errors.js';
import { BackendNoSpaceError } from '../backend/errors.js';
import type { DataPaths } from '../config.js';

/** Between two looks. */
const diskCheckMs = 500;

/** The write side of the raft log. */
interface SyncedLog {
  append(hardState: HardState | undefined, entries: readonly Entry[]): void;
  sync(): Promise<void>;
}

/** The member whose disk it is. */
export interface DiskRoomHost {
  readonly config: { readonly clock: Clock; readonly electionMs: number; readonly log: Logger };
  readonly node: Pick<RaftNode, 'role' | 'abstain'>;
  readonly backend: { readonly noSpace: boolean };
  readonly stored: { readonly paths: DataPaths };
  /** Hands leadership to another voter: at the n-th attempt to the n-th of them. Never rejects. */
  handOver(attempt: number): Promise<void>;
}

/** The part of the disk that cannot be written. */
export interface DiskShortage {
  /** A directory or file on the full disk. */
  readonly path: string;
  /** For operators. */
  readonly message: string;
}

/**
 * Watches the member's own disk. While the disk is full, the member keeps out of the quorum's way: it acknowledges
 * nothing (the loop withholds what depends on a sync), starts no election, hands over leadership, and refuses calls at
 * once, so that clients turn to another member. It raises no alarm, since no other member is concerned. A write that
 * failed half way is taken back and written again, so the member goes on by itself as soon as there is room.
 */
export class DiskRoom {
  readonly #host: DiskRoomHost;
  #logPath: string | undefined;
  #shortage: DiskShortage | undefined;
  #handingOver = false;
  #nextTryMs = 0;
  #attempts = 0;
  #cancel: () => void = () => undefined;

  constructor(host: DiskRoomHost) {
    this.#host = host;
  }

  /** Undefined while all can be written. */
  get shortage(): DiskShortage | undefined {
    return this.#shortage;
  }

  /**
   * The log, whose syncs also fail while the database cannot be written: a member that acknowledged entries then would
   * have to keep them in memory without a bound.
   */
  guardedLog(log: SyncedLog): SyncedLog {
    return {
      append: (hardState, entries) => log.append(hardState, entries),
      sync: () =>
        this.#host.backend.noSpace
          ? Promise.reject(new BackendNoSpaceError(this.#host.stored.paths.database, undefined))
          : log.sync(),
    };
  }

  /** @param error of the sync that failed for want of room; undefined: one has succeeded since */
  onLogFull(error: unknown): void {
    const { paths } = this.#host.stored;
    const ofDatabase = error instanceof BackendNoSpaceError;
    this.#logPath = error === undefined ? undefined : ofDatabase ? paths.database : paths.wal;
    this.look();
  }

  /** From now on looks at the database too, and hands over as long as that is due. */
  start(): void {
    this.#cancel = this.#host.config.clock.schedule(diskCheckMs, () => {
      this.start();
      this.look();
    });
  }

  stop(): void {
    this.#cancel();
  }

  /** Does what has become due. */
  look(): void {
    const { backend, stored, config, node } = this.#host;
    const path = this.#logPath ?? (backend.noSpace ? stored.paths.database : undefined);
    if (path !== this.#shortage?.path) {
      const before = this.#shortage;
      this.#shortage =
        path === undefined ? undefined : { path, message: diskFullError(path).message };
      if (path !== undefined) config.log.error({ path }, 'no space left on disk: taking no part');
      else config.log.info({ path: before?.path }, 'the disk has room again: taking part');
      node.abstain(path !== undefined);
    }
    if (path !== undefined && node.role === 'leader') this.#handOver();
  }

  /** Why a call is refused now, if so. A leader that nobody can relieve still reads: what it has applied is right. */
  refusal(kind: 'write' | 'read'): EtcdError | undefined {
    if (this.#shortage === undefined) return undefined;
    if (kind === 'read' && this.#host.node.role === 'leader') return undefined;
    return diskFullError(this.#shortage.path);
  }

  /** To one voter after the other, furthest along first: the first may have the same trouble. */
  #handOver(): void {
    const { clock, electionMs } = this.#host.config;
    if (this.#handingOver || clock.monotonicMs() < this.#nextTryMs) return;
    this.#handingOver = true;
    this.#nextTryMs = clock.monotonicMs() + electionMs;
    void this.#host.handOver(this.#attempts++).finally(() => {
      this.#handingOver = false;
    });
  }
}
