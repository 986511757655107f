/**
 * A simulated process: a whole member as it ships, on a simulated disk, clock and network; it dies and comes back.
 */
import { CallerIdentity } from '../../src/etcd/rpc/auth-info.js';
import { ClusterService } from '../../src/etcd/rpc/cluster.js';
import { KvService } from '../../src/etcd/rpc/kv.js';
import { LeaseService } from '../../src/etcd/rpc/lease.js';
import { WatchService } from '../../src/etcd/rpc/watch.js';
import { openState } from '../../src/etcd/member/bootstrap.js';
import { dataPaths } from '../../src/etcd/config.js';
import { Telemetry } from '../../src/etcd/telemetry/telemetry.js';
import { EntryFormat } from '../../src/etcd/apply/entry-format.js';
import type { InitialMember, ServerConfig } from '../../src/etcd/config.js';
import { CorruptionCheck } from '../../src/etcd/guards/corruption-check.js';
import type { LeaseKeeper } from '../../src/etcd/member/lease-keeper.js';
import type { Machine } from '../../src/etcd/machine.js';
import { ServerPeerHost } from '../../src/etcd/member/peer-host.js';
import { Quota } from '../../src/etcd/guards/quota.js';
import { EtcdServer } from '../../src/etcd/member/server.js';
import { yieldLeadership } from '../../src/etcd/member/leader-transfer.js';
import type { SimDisk } from '../../src/etcd/wal/testkit/sim-disk.js';
import { maxRequestBytesDefault, maxTxnOpsDefault } from '../../src/etcd/guards/limits.js';
import type { Logger } from '../../src/lib/log.js';
import type { Prng } from '../../src/lib/prng.js';
import type { MemoryStorage, RaftConfig } from '../../src/raft/index.js';
import type { EventOwner } from './lib/event-queue.js';
import { SimClock } from './lib/sim-clock.js';
import type { SimDatabases } from './lib/sim-database.js';
import { SimPeerNetwork } from './store-network.js';
import type { StoreWorld } from './store-world.js';

/** The services that clients call. */
export interface Services {
  readonly kv: KvService;
  readonly watch: WatchService;
  readonly lease: LeaseService;
  readonly keeper: LeaseKeeper;
  readonly cluster: ClusterService;
}

export type ProcessStatus = 'down' | 'starting' | 'up' | 'damaged' | 'removed';

/** See above. */
export class SimProcess implements EventOwner {
  readonly slot: number;
  readonly name: string;
  readonly peerUrl: string;
  readonly clock: SimClock;
  disk: SimDisk;
  databases: SimDatabases;
  life = 0;
  /** The member that last ran here. */
  lastMemberId: bigint | undefined;
  paused = false;
  status: ProcessStatus = 'down';
  /** A damage was done to its files: it may refuse to start. */
  flipped = false;
  /** It was told that its disk failed: it must stop. */
  syncErrors = 0;
  /** Joins a cluster that exists, in place of founding one. */
  joins = false;
  slowDiskUntil = 0;
  server: EtcdServer | undefined;
  /** The build that starts next, if it is another one. */
  entryFormat: EntryFormat | undefined;
  services: Services | undefined;
  host: ServerPeerHost | undefined;
  network: SimPeerNetwork | undefined;
  storage: MemoryStorage | undefined;
  readonly #world: StoreWorld;
  readonly #prng: Prng;
  #check: CorruptionCheck | undefined;

  constructor(world: StoreWorld, slot: number) {
    this.#world = world;
    this.#prng = world.fork();
    this.slot = slot;
    this.name = `m${slot}`;
    this.peerUrl = `http://${this.name}:2380`;
    this.clock = new SimClock(world.queue, this, {
      prng: world.fork(),
      driftPpm: world.options.driftPpm[slot] ?? 0,
      lateUsMax: world.options.timerLateMax,
    });
    this.disk = this.#newDisk();
    this.databases = this.#newDatabases();
  }

  get memberId(): bigint {
    return this.server?.memberId ?? 0n;
  }

  #newDisk(): SimDisk {
    const world = this.#world;
    const { disk } = world.options;
    return world.canaries.disk(this.#prng.fork(), (fn) => {
      let us = this.#prng.below(disk.syncMax + 1);
      const isSlow = world.queue.now < this.slowDiskUntil || world.chance(this.#prng, disk.slow);
      if (isSlow) us += this.#prng.below(disk.slowMax);
      world.queue.add(us, fn, this);
    });
  }

  #newDatabases(): SimDatabases {
    const { options } = this.#world;
    return this.#world.canaries.databases({
      clock: () => this.clock,
      prng: this.#prng.fork(),
      batchRows: options.batchRows,
      batchIntervalMs: options.batchIntervalMs,
      slowMsMax: options.databaseSlowMsMax,
      onApply: (position, changes) => this.#world.checker.onApply(this, position, changes),
    });
  }

  /** Throws all that it has stored away. */
  wipe(): void {
    this.disk = this.#newDisk();
    this.databases = this.#newDatabases();
    this.joins = true;
    this.flipped = false;
    this.syncErrors = 0;
    this.status = 'down';
  }

  #machine(): Machine {
    const world = this.#world;
    return {
      disk: this.disk,
      walSegmentBytes: world.options.walSegmentBytes,
      databases: this.databases,
      random: (bound) => Math.floor((this.#prng.uint32() / 2 ** 32) * bound),
      newNode: (config: RaftConfig) => {
        this.storage = config.storage as MemoryStorage;
        return world.canaries.node({ ...config, maxSizePerMsg: world.options.appendBytesMax });
      },
      defer: (fn) => {
        world.queue.add(0, fn, this);
      },
    };
  }

  get walDirectory(): string {
    return dataPaths(this.#config()).wal;
  }

  #config(): ServerConfig {
    const { options, processes } = this.#world;
    const initialCluster: InitialMember[] = processes.map(({ name, peerUrl }) => ({
      name,
      peerUrls: [peerUrl],
    }));
    return {
      name: this.name,
      dataDir: `/${this.name}`,
      walDir: undefined,
      peerUrls: [this.peerUrl],
      clientUrls: [`http://${this.name}:2379`],
      initialCluster,
      initialClusterState: this.joins ? 'existing' : 'new',
      initialClusterToken: 'sim',
      heartbeatMs: options.heartbeatMs,
      electionMs: options.electionMs,
      snapshotCount: options.snapshotCount,
      catchUpEntries: options.catchUpEntries,
      quotaBytes: 0,
      maxRequestBytes: maxRequestBytesDefault,
      maxTxnOps: maxTxnOpsDefault,
      preVote: options.preVote,
      strictReconfigCheck: options.strictReconfigCheck,
      forceNewCluster: false,
      autoCompaction: { mode: 'periodic', retention: 0, maxBytes: 0 },
      initialCorruptCheck: false,
      corruptCheckMs: options.corruptCheckMs,
      compactHashCheckMs: 0,
      maxLearners: 1,
      unsafeNoFsync: false,
      backup: undefined,
      watchProgressNotifyMs: 500,
      authToken: 'simple',
      authTokenTtlMs: 300_000,
      bcryptCost: 4,
      maxConcurrentStreams: 0,
      entryFormat: this.entryFormat ?? new EntryFormat(options.logVersion),
      clock: this.clock,
      log: this.#logger({}),
      telemetry: new Telemetry(),
    };
  }

  #logger(fields: object): Logger {
    const say =
      (level: string) =>
      (more: object, message: string): void =>
        this.#world.log(() => `${level} ${message}`, { member: this.name, ...fields, ...more });
    return {
      debug: say('debug'),
      info: say('info'),
      warn: say('warn'),
      error: say('error'),
      child: (more) => this.#logger({ ...fields, ...more }),
    };
  }

  /** Starts, if it is down. */
  start(): void {
    if (this.status !== 'down') return;
    this.life += 1;
    this.status = 'starting';
    const { life } = this;
    this.#open().catch((error: unknown) => {
      if (this.life === life) this.#world.failed(this, error);
    });
  }

  async #open(): Promise<void> {
    const world = this.#world;
    const { life } = this;
    const config = this.#config();
    const state = await openState(config, world.lookup(this), this.#machine());
    if (this.life !== life) return;
    const server = new EtcdServer(config, state, {
      onReady: () => undefined,
      onFatal: (error) => {
        if (this.life === life) world.failed(this, error);
      },
      onRemoved: () => {
        if (this.life === life) world.removed(this);
      },
    });
    world.canaries.server(server, this);
    this.server = server;
    this.lastMemberId = server.memberId;
    const quota = new Quota(server);
    const identity = new CallerIdentity(server, { jwt: undefined, byCertificate: false });
    const keeper = world.canaries.keeper(server);
    this.services = {
      kv: new KvService(server, identity, quota),
      watch: new WatchService(server, identity),
      lease: new LeaseService(server, { identity, quota, keeper }),
      keeper,
      cluster: new ClusterService(server, identity),
    };
    this.host = new ServerPeerHost(server);
    this.network = new SimPeerNetwork(world, this);
    this.status = 'up';
    server.connect(this.network);
    server.start();
    quota.start();
    server.room.start();
    this.#check = new CorruptionCheck(server);
    this.#check.start();
  }

  /** Ends at once. @param power the whole machine dies: what is not durable may be lost */
  kill(power: boolean): void {
    if (this.status !== 'up' && this.status !== 'starting') return;
    this.#end('down');
    if (power) {
      this.disk.crash();
      this.databases.powerLoss(this.#prng);
    } else {
      this.disk.killProcess();
    }
  }

  /** As `kill`, for good. */
  end(status: 'damaged' | 'removed'): void {
    this.#end(status);
    this.disk.killProcess();
  }

  #end(status: ProcessStatus): void {
    this.status = status;
    this.life += 1;
    this.paused = false;
    this.network?.close();
    this.server?.backend.abandon();
    this.server = undefined;
    this.services = undefined;
    this.host = undefined;
    this.network = undefined;
    this.storage = undefined;
    this.#world.lifeEnded(this);
  }

  /** SIGTERM. */
  async stop(): Promise<void> {
    const { server, life } = this;
    if (server === undefined || this.status !== 'up') return;
    server.room.stop();
    this.#check?.stop();
    await yieldLeadership(server);
    if (this.life !== life) return;
    // A full disk takes nothing more; what the files lack then is as after a kill. A disk that fails ends the process.
    await server.stop().catch((error: unknown) => {
      const code = error instanceof Error && 'code' in error ? error.code : '';
      if (code !== 'WAL_NO_SPACE' && this.life === life) this.#world.failed(this, error);
    });
    if (this.life !== life) return;
    this.#end('down');
    this.disk.killProcess();
  }

  /** Returns a status line. */
  describe(): string {
    const { server } = this;
    if (server === undefined) return `${this.name}: ${this.status}`;
    const { node, store, backend } = server;
    const voters = server.membership.members
      .map(({ id, isLearner }) => `${id.toString(16).slice(0, 4)}${isLearner ? '(learner)' : ''}`)
      .join();
    return (
      `${this.name} ${server.memberId.toString(16).slice(0, 4)}: ${this.paused ? 'paused ' : ''}${node.role} ` +
      `term=${node.term} leader=${node.leader.toString(16).slice(0, 4)} commit=${node.commitIndex} ` +
      `applied=${node.appliedIndex} last=${node.lastIndex} committed=${backend.committedIndex} ` +
      `rev=${store.rev} compact=${store.compactRev} pending=${server.requests.pendingCount} members=${voters}`
    );
  }
}
