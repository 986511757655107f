/** Puts a member together: state, server, peers, the client port; and takes it apart again. */
import { CompactionRequest } from '../../gen/etcd/rpc.js';
import { lockDirectory } from '../../lib/files/directory-lock.js';
import { GrpcPeerNetwork } from '../peer/network.js';
import type { WatchService } from '../rpc/watch.js';
import { adoptRestored } from '../snapshots/adopt.js';
import { AutoCompactor } from '../guards/auto-compactor.js';
import { backupMetrics } from '../telemetry/backup-metrics.js';
import { configOfNow } from '../snapshots/backup-settings.js';
import { BackupKeeper } from '../snapshots/backups.js';
import { forceNewCluster, openState } from '../member/bootstrap.js';
import { MemberRemovedError } from '../config.js';
import type { StoredState } from '../member/bootstrap.js';
import { reportedVersions } from '../config.js';
import type { ServerConfig } from '../config.js';
import { CorruptionCheck } from '../guards/corruption-check.js';
import { clusterLookup } from './cluster-lookup.js';
import { realMachine } from '../machine.js';
import type { Machine } from '../machine.js';
import { observeKnownPeers } from '../telemetry/added-in-36.js';
import { watchCollections } from '../telemetry/loop-stalls.js';
import { observeMember } from '../telemetry/member-metrics.js';
import { Quota } from '../guards/quota.js';
import { EtcdServer } from '../member/server.js';
import { yieldLeadership } from '../member/leader-transfer.js';
import { MemberPorts } from './member-ports.js';
import type { ListenOptions } from './member-ports.js';

/** A running member. */
export interface RunningMember {
  readonly server: EtcdServer;
  /** Resolves when it serves. */
  readonly ready: Promise<void>;
  /** Hands over leadership, lets calls end, closes the files. */
  stop(): Promise<void>;
}

/** Replacements for parts of a member, for tests; the program gives none. */
export interface MemberParts {
  /** In place of parts of the machine that the process runs on. */
  readonly machine?: Partial<Machine>;
  /** Called with the server when it is put together and takes no part yet. */
  readonly assembled?: (server: EtcdServer) => void;
}

/** For calls under way when the member stops; watches never end by themselves. */
const graceMs = 300;

/**
 * Starts a member.
 * @param onFatal the member cannot go on: the process must end
 * @throws BootstrapError and the errors of the disk and the ports
 */
export async function startMember(
  config: ServerConfig,
  listen: ListenOptions,
  onFatal: (error: unknown) => void,
  parts: MemberParts = {},
): Promise<RunningMember> {
  // Before anything is read: what another process is writing looks damaged.
  const locks = [config.dataDir, ...(config.walDir === undefined ? [] : [config.walDir])].map(
    lockDirectory,
  );
  const machine = { ...realMachine(config), ...parts.machine };
  const lookup = clusterLookup(config, listen.peerClientTls);
  if (await adoptRestored(config)) {
    config.log.info(
      { dataDir: config.dataDir },
      'took over a data directory that etcd had restored',
    );
  }
  const state = await openState(config, lookup, machine);
  if (config.forceNewCluster) await forceNewCluster(state, config);
  let becomeReady: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => {
    becomeReady = resolve;
  });
  const onRemoved = (): void => onFatal(new MemberRemovedError());
  const server = new EtcdServer(config, state, {
    onReady: () => becomeReady(),
    onFatal,
    onRemoved,
  });
  const quota = new Quota(server);
  parts.assembled?.(server);
  const check = new CorruptionCheck(server);
  const ports = new MemberPorts(server, config, listen);
  try {
    await ports.openPeers();
    server.connect(newNetwork({ server, state, config, listen, onRemoved }));
    if (config.initialCorruptCheck) await check.atStart();
    observe(server, quota, await ports.openClients(quota), ports);
  } catch (error) {
    await ports.closeClients({ graceMs: 0 });
    await server.stop();
    await ports.closePeers();
    for (const lock of locks) lock.release();
    throw error;
  }
  const stopWatching = watchCollections((ms) => config.telemetry.server.collected(ms));
  server.start();
  const compactor = newCompactor(server, config);
  compactor.start();
  quota.start();
  server.room.start();
  check.start();
  const backups = newBackups(server, config);
  backups?.start();
  return {
    server,
    ready,
    async stop() {
      stopWatching();
      compactor.stop();
      server.room.stop();
      check.stop();
      await backups?.stop();
      server.report.tell({ kind: 'stopping' });
      await yieldLeadership(server);
      await ports.closeClients({ graceMs });
      await server.stop();
      await ports.closePeers();
      for (const lock of locks) lock.release();
    },
  };
}

function newBackups(server: EtcdServer, config: ServerConfig): BackupKeeper | undefined {
  const { backup } = config;
  if (backup === undefined) return undefined;
  const log = config.log.child({ part: 'backup' });
  return new BackupKeeper({
    config: configOfNow(backup, log),
    member: config.name,
    clock: config.clock,
    log,
    report: backupMetrics(config.telemetry.set),
    ready: () => !server.stopped && server.membership.local !== undefined,
    estimateBytes: () => server.backend.sizeInUseBytes(),
    take: (paths, signal) => server.snapshots.backUp(server.backend, paths, signal),
  });
}

function observe(
  server: EtcdServer,
  quota: Quota,
  watches: WatchService,
  ports: MemberPorts,
): void {
  const { memberId, store } = server;
  const { compat, telemetry } = server.config;
  if (compat === '3.6') observeKnownPeers(telemetry.set, server.membership);
  observeMember(telemetry.set, {
    memberId,
    store,
    get isLearner() {
      return server.isLearner;
    },
    quotaBytes: quota.bytes,
    version: reportedVersions(server.config),
    // A snapshot from the leader puts another one in its place.
    get backend() {
      return server.backend;
    },
    get leaseCount() {
      return server.lessor.list().length;
    },
    leases: server.lessor.counts,
    get authRevision() {
      return server.auth.revision;
    },
    get diskFull() {
      return server.room.shortage !== undefined;
    },
    watches,
    get traffic() {
      return ports.clientTraffic();
    },
  });
}

function newCompactor(server: EtcdServer, config: ServerConfig): AutoCompactor {
  const target = {
    get isLeader() {
      return server.isLeader;
    },
    get rev() {
      return server.store.rev;
    },
    get putBytes() {
      return server.store.counts.putBytes;
    },
    async compact(revision: number) {
      const request = { revision, physical: false };
      await server.propose('compaction', CompactionRequest.encode(request).finish(), request);
    },
  };
  return new AutoCompactor(config.autoCompaction, target, config);
}

function newNetwork(parts: {
  readonly server: EtcdServer;
  readonly state: StoredState;
  readonly config: ServerConfig;
  readonly listen: ListenOptions;
  readonly onRemoved: () => void;
}): GrpcPeerNetwork {
  const { server, state, config, listen, onRemoved } = parts;
  return new GrpcPeerNetwork({
    localId: state.memberId,
    clusterId: state.clusterId,
    logVersion: server.entryFormat.version,
    metrics: config.telemetry.network,
    localUrls: () => server.membership.local?.peerUrls ?? config.peerUrls,
    clock: config.clock,
    log: config.log.child({ part: 'peer' }),
    tls: listen.peerClientTls,
    events: {
      onPeerLost: (id) => {
        server.report.peerLost(id);
        server.peers.lost(id);
      },
      onDropped: (message) => server.peers.dropped(message),
      onPeerConnected: (id) => {
        if (!server.membership.isRemoved(id)) server.report.peerConnected(id);
        server.peers.connected();
      },
      onRemoved,
      onOutdated: () => server.outdated(),
    },
  });
}
