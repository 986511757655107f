import { join } from 'node:path';
import type { EntryFormat } from './apply/entry-format.js';
import type { Clock } from '../lib/clock.js';
import { versionsOf } from './compat.js';
import type { Compat, Versions } from './compat.js';
import type { KeepAliveOptions } from '../lib/grpc/index.js';
import type { Logger } from '../lib/log.js';
import type { Telemetry } from './telemetry/telemetry.js';

/** The choice of a member that starts for the first time: to found a cluster, or to join one. */
export type InitialClusterState = 'new' | 'existing';

/** One member as `--initial-cluster` names it. */
export interface InitialMember {
  readonly name: string;
  readonly peerUrls: readonly string[];
}

/** Snapshots that a member takes of itself. */
export interface BackupConfig {
  readonly directory: string;
  /** When one is due: so long after the last, or by a cron expression in the machine's time zone. */
  readonly schedule: { readonly everyMs: number } | { readonly cron: string } | 'off';
  /** So many of the newest stay; 0: all. */
  readonly keepCount: number;
  /** Older ones go, the newest never; 0: at any age they stay. */
  readonly keepAgeMs: number;
  /** Holds a `BackupSettings` that goes before the schedule and the count above; looked at while the member runs. */
  readonly settingsFile?: string;
}

/** Everything that a member is told. Times in milliseconds, sizes in bytes. */
export interface ServerConfig {
  readonly name: string;
  readonly dataDir: string;
  /** @default `<dataDir>/member/wal` */
  readonly walDir: string | undefined;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  readonly initialCluster: readonly InitialMember[];
  readonly initialClusterState: InitialClusterState;
  readonly initialClusterToken: string;
  readonly heartbeatMs: number;
  readonly electionMs: number;
  readonly snapshotCount: number;
  /** The etcd whose answers are given. @default 3.5 */
  readonly compat?: Compat;
  /** The kinds of log entries that the build knows. @default this build's */
  readonly entryFormat?: EntryFormat;
  /** Entries that stay in the log behind a snapshot. @default 5000 */
  readonly catchUpEntries?: number;
  /** 0: etcd's default; negative: no quota. */
  readonly quotaBytes: number;
  readonly maxRequestBytes: number;
  readonly maxTxnOps: number;
  readonly preVote: boolean;
  readonly strictReconfigCheck: boolean;
  /** That check counts a voter as connected after so long without a break. @default 5000, etcd's */
  readonly reconfigSettleMs?: number;
  readonly forceNewCluster: boolean;
  /** Learners that the cluster may have at once; at least 1. */
  readonly maxLearners: number;
  /**
   * The raft log is not synced: a crash of the machine may lose what was acknowledged. For tests and throw-away
   * clusters.
   */
  readonly unsafeNoFsync: boolean;
  readonly autoCompaction: {
    readonly mode: 'periodic' | 'revision';
    /** Milliseconds or a number of revisions; 0: off. */
    readonly retention: number;
    /** Of `periodic`: revisions that were written before the last so many bytes go sooner; 0: none do. */
    readonly maxBytes: number;
  };
  readonly initialCorruptCheck: boolean;
  /** 0: off. */
  readonly corruptCheckMs: number;
  /** Between two comparisons of what compactions left; 0: off, and they are not hashed. */
  readonly compactHashCheckMs: number;
  readonly backup: BackupConfig | undefined;
  readonly watchProgressNotifyMs: number;
  /** A token for simple authentication, or the parts of `jwt,…`. */
  readonly authToken: string;
  readonly authTokenTtlMs: number;
  /** 4..31. */
  readonly bcryptCost: number;
  /** HTTP/2 streams of one client connection; 0: no bound of our own. */
  readonly maxConcurrentStreams: number;
  /** Of clients' connections. @default they ping as they like */
  readonly keepAlive?: KeepAliveOptions;
  readonly clock: Clock;
  readonly log: Logger;
  /** The metrics of this member alone. */
  readonly telemetry: Telemetry;
}

/** The etcd that a member answers as where nobody says otherwise. */
export const compatDefault: Compat = '3.5';

/** Versions in files that an etcd is to read. */
export interface FileVersions {
  /** 3.5's, which 3.6 takes as well. */
  readonly clusterVersion: string;
  /** As 3.6 writes it beside the data; a 3.5 does not know it. @default none */
  readonly storageVersion: string;
}

/** @returns what the files of that member say */
export function fileVersionsOf(config: Pick<ServerConfig, 'compat'>): FileVersions {
  return {
    clusterVersion: versionsOf['3.5'].cluster,
    storageVersion: storageVersionOf(config),
  };
}

/** As of a 3.6 whose files are of its own version; empty for a 3.5, which has none. */
export function storageVersionOf({ compat }: Pick<ServerConfig, 'compat'>): string {
  return compat === '3.6' ? versionsOf['3.6'].cluster : '';
}

/** @returns the versions that the member of that configuration reports */
export function reportedVersions(config: Pick<ServerConfig, 'compat'>): Versions {
  return versionsOf[config.compat ?? compatDefault];
}

/** The files of a member. */
export interface DataPaths {
  readonly wal: string;
  readonly database: string;
  /** Snapshots on their way in or out. */
  readonly snapshots: string;
}

/** @returns where the member of that configuration keeps what */
export function dataPaths(config: Pick<ServerConfig, 'dataDir' | 'walDir'>): DataPaths {
  const member = join(config.dataDir, 'member');
  return {
    wal: config.walDir ?? join(member, 'wal'),
    database: join(member, 'snap', 'db'),
    snapshots: join(member, 'snap', 'tmp'),
  };
}

/** A wrong or impossible configuration; the text is for the operator. */
export class BootstrapError extends Error {
  override readonly name = 'BootstrapError';
  readonly code = 'BOOTSTRAP';
  readonly retryable = false;
}

/** The cluster's log has entries that this build does not know. */
export class LogVersionError extends BootstrapError {
  /**
   * @param known the newest log version that this build knows
   * @param agreed the cluster's; undefined where another member only said that it is newer
   */
  constructor(known: number, agreed?: number) {
    super(
      `the cluster has agreed on ${agreed === undefined ? 'a newer log version' : `log version ${agreed}`}, and this ` +
        `build knows log version ${known}: a cluster cannot be downgraded; start a newer build`,
    );
  }
}

/** The member's part is over: its process ends, and not as one that failed. */
export class MemberRemovedError extends BootstrapError {
  constructor() {
    super('the member has been permanently removed from the cluster');
  }
}
