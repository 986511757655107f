/** Puts a member together: state, server, peers, the client port; and takes it apart again. */
import { CompactionRequest } from '../../gen/etcd/rpc.js';
import { lockDirectory } from '../../lib/files/directory-lock.js';
import { createGrpcServer } from '../../lib/grpc/index.js';
import type { ChannelTls, GrpcServer, ServerTls } from '../../lib/grpc/index.js';
import type { TlsSource } from '../../lib/pki/tls-source.js';
import type { JwtTokens } from '../auth/tokens.js';
import { withAccessRules } from '../gateway/access.js';
import type { AccessRules } from '../gateway/access.js';
import { withStatus } from '../grpc-status.js';
import { GrpcPeerNetwork } from '../peer/network.js';
import { peerDefinition } from '../peer/peer-definition.js';
import { PeerService } from '../peer/peer-service.js';
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
import { grpcOverheadBytes } from '../guards/limits.js';
import { ServerPeerHost } from '../member/peer-host.js';
import { newClientServices } from './client-services.js';
import { clusterLookup } from './cluster-lookup.js';
import { realMachine } from '../machine.js';
import type { Machine } from '../machine.js';
import { watchCollections } from '../telemetry/loop-stalls.js';
import { observeMember } from '../telemetry/member-metrics.js';
import { Quota } from '../guards/quota.js';
import { EtcdServer } from '../member/server.js';
import { yieldLeadership } from '../member/leader-transfer.js';
import { addressOf, rejectedAt } from './ports.js';

/** The addresses and the certificates with which a member listens. */
export interface ListenOptions {
  readonly clientUrls: readonly string[];
  readonly peerUrls: readonly string[];
  /** Further ports for health and metrics alone. */
  readonly metricsUrls: readonly string[];
  /** Ports for HTTP; when there are any, the client ports serve gRPC alone. */
  readonly httpUrls: readonly string[];
  readonly clientTls: TlsSource<ServerTls> | undefined;
  readonly peerTls: TlsSource<ServerTls> | undefined;
  /** For connections to other members. */
  readonly peerClientTls: TlsSource<ChannelTls> | undefined;
  /** Signed tokens in place of remembered ones. */
  readonly jwt: JwtTokens | undefined;
  /** Callers without a token are who their certificate says. */
  readonly clientCertAuth: boolean;
  /** For plain HTTP on the client ports. */
  readonly access: AccessRules;
}

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
/** Snapshots and batches of entries between members are larger than a client's request. */
const peerReceiveBytes = 80 * 1024 * 1024;

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
  const peerPorts = await openPeerPorts(server, config, listen);
  server.connect(newNetwork({ server, state, config, listen, onRemoved }));
  const check = new CorruptionCheck(server);
  if (config.initialCorruptCheck) {
    try {
      await check.atStart();
    } catch (error) {
      await server.stop();
      await Promise.all(peerPorts.map((listener) => listener.close({ graceMs: 0 })));
      throw error;
    }
  }
  const { clients: clientPorts, watches } = await openClientPorts(server, config, listen, quota);
  const ports = { peers: peerPorts, clients: clientPorts, watches };
  observe(server, quota, ports);
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
      await Promise.all(clientPorts.map((listener) => listener.close({ graceMs })));
      await server.stop();
      await Promise.all(peerPorts.map((listener) => listener.close({ graceMs: 0 })));
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

function observe(server: EtcdServer, quota: Quota, ports: OpenPorts): void {
  const { memberId, store } = server;
  observeMember(server.config.telemetry.set, {
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
    watches: ports.watches,
    get traffic() {
      const all = ports.clients.map((listener) => listener.traffic());
      return {
        receivedBytes: all.reduce((sum, one) => sum + one.receivedBytes, 0),
        sentBytes: all.reduce((sum, one) => sum + one.sentBytes, 0),
      };
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

async function openPeerPorts(
  server: EtcdServer,
  config: ServerConfig,
  listen: ListenOptions,
): Promise<GrpcServer[]> {
  const peers: GrpcServer[] = [];
  const log = config.log.child({ part: 'rpc' });
  for (const url of listen.peerUrls) {
    const secure = url.startsWith('https:') && listen.peerTls !== undefined;
    const listener = createGrpcServer({
      log,
      clock: config.clock,
      maxReceiveBytes: peerReceiveBytes,
      onRejected: rejectedAt('peer', log),
      ...(secure ? { tls: listen.peerTls } : {}),
    });
    const service = new PeerService(new ServerPeerHost(server), config.telemetry.network);
    listener.addService(peerDefinition, withStatus(peerDefinition, service));
    await listener.listen(addressOf(url));
    peers.push(listener);
  }
  return peers;
}

async function openClientPorts(
  server: EtcdServer,
  config: ServerConfig,
  listen: ListenOptions,
  quota: Quota,
): Promise<Pick<OpenPorts, 'clients' | 'watches'>> {
  const clients: GrpcServer[] = [];
  const log = config.log.child({ part: 'rpc' });
  const services = newClientServices(server, listen, quota);
  for (const url of listen.clientUrls) {
    const secure = url.startsWith('https:') && listen.clientTls !== undefined;
    const listener = createGrpcServer({
      log,
      clock: config.clock,
      maxReceiveBytes: config.maxRequestBytes + grpcOverheadBytes,
      ...(listen.httpUrls.length === 0
        ? { fallback: withAccessRules(listen.access, services.http, secure) }
        : {}),
      keepAlive: config.keepAlive,
      onRejected: rejectedAt('client', log),
      ...(config.maxConcurrentStreams > 0
        ? { maxConcurrentStreams: config.maxConcurrentStreams }
        : {}),
      ...(secure ? { tls: listen.clientTls } : {}),
    });
    services.addTo(listener);
    await listener.listen(addressOf(url));
    clients.push(listener);
  }
  const httpPorts = [
    ...listen.metricsUrls.map((url) => ({ url, fallback: services.metrics })),
    ...listen.httpUrls.map((url) => ({ url, fallback: services.http })),
  ];
  for (const { url, fallback } of httpPorts) {
    const secure = url.startsWith('https:') && listen.clientTls !== undefined;
    const listener = createGrpcServer({
      log,
      clock: config.clock,
      fallback,
      ...(secure ? { tls: listen.clientTls } : {}),
    });
    await listener.listen(addressOf(url));
    clients.push(listener);
  }
  return { clients, watches: services.watches };
}

interface OpenPorts {
  readonly peers: GrpcServer[];
  readonly clients: GrpcServer[];
  readonly watches: WatchService;
}
