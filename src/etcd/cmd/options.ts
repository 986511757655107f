/** From flags to what a member is told, with etcd's defaults and etcd's checks. */
import { UsageError } from '../../lib/usage-error.js';
import { Telemetry } from '../telemetry/telemetry.js';
import type { Clock } from '../../lib/clock.js';
import type { KeepAliveOptions } from '../../lib/grpc/index.js';
import type { Logger } from '../../lib/log.js';
import { bcryptCostBounds, bcryptCostDefault } from '../auth/password.js';
import type { BackupConfig, InitialMember, ServerConfig } from '../config.js';
import {
  backupIntervalMsDefault,
  backupKeepCountDefault,
  compactHashCheckMsDefault,
  catchUpEntriesDefault,
  keepAliveIntervalMsDefault,
  keepAliveIntervalMsMin,
  keepAliveMinMsDefault,
  keepAliveMinMsUnset,
  keepAliveTimeoutMsDefault,
  maxLearnersDefault,
  maxRequestBytesDefault,
  maxTxnOpsDefault,
  snapshotCountDefault,
} from '../guards/limits.js';
import { parseDurationMs } from '../../lib/go-duration.js';
import type { ListenOptions } from './member-ports.js';
import { reconfigSettleMsDefault } from '../membership/member-changes.js';
import { nextDueMs } from '../snapshots/cron.js';
import { compatOf, FeatureGates } from './feature-gates.js';
import type { FlagName } from './flags.js';
import type { Flags } from './typed-flags.js';
import { checkUrl } from './typed-flags.js';

const defaultClientUrl = 'http://localhost:2379';
const defaultPeerUrl = 'http://localhost:2380';

/** @throws UsageError */
export function parseInitialCluster(text: string): InitialMember[] {
  const members = new Map<string, string[]>();
  for (const part of text.split(',')) {
    const at = part.indexOf('=');
    if (at < 1) throw new UsageError(`invalid value "${text}" for flag -initial-cluster`);
    const name = part.slice(0, at).trim();
    const url = checkUrl('initial-cluster', part.slice(at + 1).trim());
    members.set(name, [...(members.get(name) ?? []), url]);
  }
  return [...members].map(([name, peerUrls]) => ({ name, peerUrls }));
}

function autoCompaction(flags: Flags): ServerConfig['autoCompaction'] {
  const mode = flags.text('auto-compaction-mode', 'periodic');
  const retention = flags.text('auto-compaction-retention', '0');
  const maxBytes = flags.number('auto-compaction-max-bytes', 0);
  if (mode === 'revision') return { mode, retention: Number.parseInt(retention, 10), maxBytes: 0 };
  if (mode !== 'periodic') throw new UsageError(`unknown auto-compaction-mode "${mode}"`);
  const retentionMs = /^\d+$/.test(retention)
    ? Number(retention) * 3_600_000
    : parseDurationMs(retention);
  if (retentionMs === undefined) {
    throw new UsageError(`error parsing auto-compaction-retention "${retention}"`);
  }
  return { mode, retention: retentionMs, maxBytes };
}

/** @throws UsageError */
function backupConfig(flags: Flags, clock: Clock): BackupConfig | undefined {
  const directory = flags.text('backup-dir');
  const everyMs = flags.durationMs('backup-interval', backupIntervalMsDefault);
  const cron = flags.text('backup-schedule');
  if (directory === '') {
    for (const name of ['backup-interval', 'backup-schedule', 'backup-settings-file'] as const) {
      if (flags.text(name) !== '') throw new UsageError(`flag -${name} needs -backup-dir`);
    }
    return undefined;
  }
  if (cron !== '' && flags.has('backup-interval')) {
    throw new UsageError('only one of -backup-interval and -backup-schedule may be given');
  }
  const settingsFile = flags.text('backup-settings-file');
  if (cron === '' && everyMs === 0 && settingsFile === '') return undefined;
  if (cron !== '') {
    try {
      nextDueMs(cron, clock.nowMs());
    } catch (error) {
      throw new UsageError(`invalid value "${cron}" for flag -backup-schedule: ${String(error)}`);
    }
  }
  const keepCount = flags.number('backup-keep-count', backupKeepCountDefault);
  if (!Number.isInteger(keepCount) || keepCount < 0) {
    throw new UsageError(`invalid value "${keepCount}" for flag -backup-keep-count`);
  }
  return {
    directory,
    schedule: cron !== '' ? { cron } : everyMs > 0 ? { everyMs } : 'off',
    keepCount,
    keepAgeMs: flags.durationMs('backup-keep-age', 0),
    ...(settingsFile === '' ? {} : { settingsFile }),
  };
}

/** As etcd hands them to gRPC: what is 0 leaves gRPC's own default. */
function keepAlive(flags: Flags): KeepAliveOptions {
  const minTimeMs = flags.durationMs('grpc-keepalive-min-time', keepAliveMinMsDefault);
  const intervalMs = flags.durationMs('grpc-keepalive-interval', keepAliveIntervalMsDefault);
  const timeoutMs = flags.durationMs('grpc-keepalive-timeout', keepAliveTimeoutMsDefault);
  const isSet = intervalMs > 0 && timeoutMs > 0;
  return {
    minTimeMs: minTimeMs > 0 ? minTimeMs : keepAliveMinMsUnset,
    intervalMs: isSet ? Math.max(intervalMs, keepAliveIntervalMsMin) : keepAliveIntervalMsDefault,
    timeoutMs: isSet ? timeoutMs : keepAliveTimeoutMsDefault,
  };
}

/** The name that was given of two; 3.6's where both were, as there. */
function given(flags: Flags, name: FlagName, before: FlagName): FlagName {
  return flags.has(name) || !flags.has(before) ? name : before;
}

function catchUpEntries(flags: Flags): number {
  const name = given(flags, 'snapshot-catchup-entries', 'experimental-snapshot-catchup-entries');
  const count = flags.number(name, catchUpEntriesDefault);
  if (!Number.isSafeInteger(count) || count < 0) {
    throw new UsageError(`invalid value "${flags.text(name)}" for flag -${name}`);
  }
  return count;
}

function maxLearners(flags: Flags): number {
  const name = given(flags, 'max-learners', 'experimental-max-learners');
  const count = flags.number(name, maxLearnersDefault);
  if (!Number.isInteger(count) || count < 1) {
    throw new UsageError(`--${name} must be greater than 0, got ${flags.text(name)}`);
  }
  return count;
}

/** Out of bounds, etcd takes its default. */
function bcryptCost(flags: Flags): number {
  const cost = flags.number('bcrypt-cost', bcryptCostDefault);
  const { min, max } = bcryptCostBounds;
  return Number.isInteger(cost) && cost >= min && cost <= max ? cost : bcryptCostDefault;
}

/** @throws UsageError */
export function serverConfig(flags: Flags, clock: Clock, log: Logger): ServerConfig {
  const name = flags.text('name', 'default');
  const peerUrls = flags.urls('initial-advertise-peer-urls', defaultPeerUrl);
  const initialClusterState = flags.text('initial-cluster-state', 'new');
  if (initialClusterState !== 'new' && initialClusterState !== 'existing') {
    throw new UsageError(`invalid value "${initialClusterState}" for flag -initial-cluster-state`);
  }
  const heartbeatMs = flags.number('heartbeat-interval', 100);
  const electionMs = flags.number('election-timeout', 1000);
  if (heartbeatMs <= 0 || 5 * heartbeatMs > electionMs || electionMs > 50_000) {
    throw new UsageError(
      `--election-timeout[${electionMs}ms] should be at least as 5 times as ` +
        `--heartbeat-interval[${heartbeatMs}ms] and at most 50000ms`,
    );
  }
  if (flags.has('listen-client-urls') && !flags.has('advertise-client-urls')) {
    throw new UsageError('--advertise-client-urls is required when --listen-client-urls is set');
  }
  const features = new FeatureGates(flags);
  const ownCluster = peerUrls.map((url) => `${name}=${url}`).join(',');
  return {
    compat: compatOf(flags),
    name,
    dataDir: flags.text('data-dir', `${name}.etcd`),
    walDir: flags.has('wal-dir') ? flags.text('wal-dir') : undefined,
    peerUrls,
    clientUrls: flags.urls('advertise-client-urls', defaultClientUrl),
    initialCluster: parseInitialCluster(flags.text('initial-cluster', ownCluster)),
    initialClusterState,
    initialClusterToken: flags.text('initial-cluster-token', 'etcd-cluster'),
    heartbeatMs,
    electionMs,
    snapshotCount: flags.number('snapshot-count', snapshotCountDefault),
    catchUpEntries: catchUpEntries(flags),
    quotaBytes: flags.number('quota-backend-bytes', 0),
    maxRequestBytes: flags.number('max-request-bytes', maxRequestBytesDefault),
    maxTxnOps: flags.number('max-txn-ops', maxTxnOpsDefault),
    preVote: flags.boolean('pre-vote', true),
    strictReconfigCheck: flags.boolean('strict-reconfig-check', true),
    reconfigSettleMs: flags.durationMs('strict-reconfig-settle-time', reconfigSettleMsDefault),
    forceNewCluster: flags.boolean('force-new-cluster'),
    maxLearners: maxLearners(flags),
    unsafeNoFsync: flags.boolean('unsafe-no-fsync'),
    autoCompaction: autoCompaction(flags),
    initialCorruptCheck:
      flags.boolean('initial-corrupt-check') || features.isOn('InitialCorruptCheck'),
    corruptCheckMs: flags.durationMs(
      given(flags, 'corrupt-check-time', 'experimental-corrupt-check-time'),
      0,
    ),
    compactHashCheckMs: features.isOn('CompactHashCheck')
      ? flags.durationMs(
          given(flags, 'compact-hash-check-time', 'experimental-compact-hash-check-time'),
          compactHashCheckMsDefault,
        )
      : 0,
    backup: backupConfig(flags, clock),
    watchProgressNotifyMs: flags.durationMs(
      given(flags, 'watch-progress-notify-interval', 'experimental-watch-progress-notify-interval'),
      10 * 60_000,
    ),
    authToken: flags.text('auth-token', 'simple'),
    authTokenTtlMs: flags.number('auth-token-ttl', 300) * 1000,
    bcryptCost: bcryptCost(flags),
    maxConcurrentStreams: flags.number('max-concurrent-streams', 0),
    keepAlive: keepAlive(flags),
    clock,
    log,
    telemetry: new Telemetry(),
  };
}

/** Reads the addresses to listen on. @throws UsageError */
export function listenUrls(
  flags: Flags,
): Pick<ListenOptions, 'clientUrls' | 'httpUrls' | 'peerUrls' | 'metricsUrls' | 'access'> {
  const listed = (name: FlagName): ReadonlySet<string> =>
    new Set(
      flags
        .text(name, '*')
        .split(',')
        .map((one) => one.trim())
        .filter((one) => one !== ''),
    );
  return {
    access: { hosts: listed('host-whitelist'), origins: listed('cors') },
    httpUrls: flags.has('listen-client-http-urls') ? flags.urls('listen-client-http-urls', '') : [],
    metricsUrls: flags.has('listen-metrics-urls') ? flags.urls('listen-metrics-urls', '') : [],
    clientUrls: flags.urls('listen-client-urls', defaultClientUrl),
    peerUrls: flags.urls('listen-peer-urls', defaultPeerUrl),
  };
}
