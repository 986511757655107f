/**
 * One member: puts together the Raft loop, the calls that wait, the state machine and the guards.
 * Knows no RPC; `rpc/` and `gateway/` call it. Everything runs on one thread, so state changes only between calls.
 */
import type { ResponseHeader } from '../../gen/etcd/rpc.js';
import { Prng } from '../../lib/prng.js';
import type { Message, RaftNode, Snapshot, SoftState } from '../../raft/index.js';
import type { AlarmStore } from '../apply/alarms.js';
import type { DowngradeStore } from '../apply/downgrade.js';
import { ResponseHeaders } from '../apply/encode.js';
import { EntryFormat } from '../apply/entry-format.js';
import type { EntryKind } from '../apply/entry.js';
import { etcdError } from '../apply/errors.js';
import type { LogVersionStore } from '../apply/log-version.js';
import type { AuthStore } from '../auth/auth-store.js';
import type { SimpleTokens } from '../auth/tokens.js';
import type { Backend } from '../backend/types.js';
import { fileVersionsOf, LogVersionError } from '../config.js';
import type { ServerConfig } from '../config.js';
import { DiskRoom } from '../guards/disk-room.js';
import type { BackendLessor } from '../lease/lessor.js';
import { LogVersionMonitor } from '../membership/log-version-monitor.js';
import { MemberChanges } from '../membership/member-changes.js';
import type { Membership } from '../membership/membership.js';
import { otherMembers, PeerRegistry } from '../membership/peer-registry.js';
import type { WatchableRevisionStore } from '../mvcc/watchable-store.js';
import type { PeerNetwork } from '../peer/types.js';
import { SnapshotKeeper } from '../snapshots/snapshot-keeper.js';
import type { StoredState } from './bootstrap.js';
import { moveLeader, stepBack } from './leader-transfer.js';
import { LeaseDriver } from './lease-driver.js';
import { sendMessages } from './message-sender.js';
import { RaftLoop } from './raft-loop.js';
import { Requests } from './requests.js';
import { SelfReport } from './self-report.js';
import type { ServerEvents } from './server-events.js';
import { StartUp } from './start-up.js';
import { StateMachine } from './state-machine.js';
import { ticksOf } from './ticks.js';
import { timeoutError } from './timeout-error.js';

/** One member of the store, from its start to its end. */
export class EtcdServer {
  readonly config: ServerConfig;
  readonly clusterId: bigint;
  readonly memberId: bigint;
  /** The stored state that the member was started from. */
  readonly stored: StoredState;
  /** The kinds of log entries that this build knows. */
  readonly entryFormat: EntryFormat;
  readonly node: RaftNode;
  readonly requests: Requests;
  readonly headers: ResponseHeaders;
  readonly changes: MemberChanges;
  readonly leases: LeaseDriver;
  readonly snapshots: SnapshotKeeper;
  readonly peers = new PeerRegistry(this);
  /** Watches whether this member can write its own disk. */
  readonly room = new DiskRoom(this);
  /** The member's report of itself. */
  readonly report: SelfReport;
  readonly #events: ServerEvents;
  readonly #state: StateMachine;
  readonly #loop: RaftLoop;
  #startUp: StartUp | undefined;
  #network: PeerNetwork | undefined;
  #leaderLostMs = 0;
  #stopped = false;
  readonly #logVersions = new LogVersionMonitor(this);
  readonly #leaderListeners = new Set<(leader: bigint) => void>();

  constructor(config: ServerConfig, stored: StoredState, events: ServerEvents) {
    this.config = config;
    this.stored = stored;
    this.entryFormat = config.entryFormat ?? new EntryFormat();
    this.#events = events;
    this.clusterId = stored.clusterId;
    this.memberId = stored.memberId;
    this.report = new SelfReport(config.clock);
    this.node = this.#newNode();
    this.report.follow(this.node);
    this.headers = new ResponseHeaders(this.clusterId, this.memberId, this.node);
    this.requests = this.#newRequests();
    this.changes = new MemberChanges(this);
    this.#state = this.#newStateMachine();
    this.snapshots = new SnapshotKeeper({
      ...stored,
      databases: stored.machine.databases,
      snapshotCount: config.snapshotCount,
      catchUpEntries: config.catchUpEntries,
      versions: fileVersionsOf(config),
      log: config.log,
      telemetry: config.telemetry,
      status: () => this.node.status(),
    });
    this.#loop = this.#newLoop();
    this.leases = new LeaseDriver(this.lessor, config, this);
  }

  #newNode(): RaftNode {
    const { heartbeatMs, electionMs, preVote } = this.config;
    const { tickMs, heartbeatTicks } = ticksOf(heartbeatMs);
    const { machine, storage, applied } = this.stored;
    return machine.newNode({
      id: this.memberId,
      storage,
      prng: new Prng(machine.random(2 ** 47)),
      electionTicks: Math.max(heartbeatTicks + 1, Math.round(electionMs / tickMs)),
      heartbeatTicks,
      applied,
      preVote,
      onEvent: (event) => this.report.raft(event),
    });
  }

  #newRequests(): Requests {
    return new Requests(
      {
        node: this.node,
        mayPropose: (kind) => this.#mayPropose(kind),
        bindsProposals: () => this.isLeader || this.peers.bindsProposals(this.leader),
        wake: () => this.wake(),
        timeoutError: () => timeoutError(this, this.#leaderLostMs, this.requests.timeoutMs),
        refusal: (kind) => this.room.refusal(kind),
        onStall: (kind, { writes, durationMs }) =>
          this.report.tell({ kind, count: writes, durationMs }),
      },
      { ...this.config, origin: this.stored.machine.random(2 ** 32) },
    );
  }

  #newStateMachine(): StateMachine {
    const { config, entryFormat, clusterId, memberId, headers, requests } = this;
    return new StateMachine({
      config,
      entryFormat,
      clusterId,
      memberId,
      backend: this.stored.backend,
      headers,
      calls: requests,
      applyConfChange: (entry) => this.changes.apply(entry),
      confState: () => this.node.status().confState,
      onMembersChanged: () => this.#onMembersChanged(),
      onDamage: (error) => this.fail(error),
    });
  }

  /** The gate of kinds. The entry that opens it is let through: its proposer has made sure that all know it. */
  #mayPropose(kind: EntryKind): boolean {
    return kind === 'logVersion' || this.entryFormat.allows(kind, this.logVersion.agreed);
  }

  #newStartUp(): StartUp {
    const { config, memberId, membership, node } = this;
    return new StartUp({
      config,
      memberId,
      membership,
      node,
      isConnected: (id) => this.peers.isOpen(id),
      wake: () => this.wake(),
      propose: (kind, payload, request) => this.propose(kind, payload, request),
      onPublished: () => this.#events.onReady(),
    });
  }

  #newLoop(): RaftLoop {
    const { clock, log } = this.config;
    const { tickMs } = ticksOf(this.config.heartbeatMs);
    const { storage, wal, machine } = this.stored;
    return new RaftLoop({
      node: this.node,
      storage,
      log: this.report.timed(this.room.guardedLog(wal)),
      requests: this.requests,
      stateMachine: this.#state,
      clock,
      logger: log,
      tickMs,
      defer: machine.defer,
      handlers: {
        send: (messages) => sendMessages(this, messages),
        onApplied: () => this.#onApplied(),
        onSoftState: (state) => this.#onSoftState(state),
        installSnapshot: (snapshot) => this.#install(snapshot),
        onLogFull: (error) => this.room.onLogFull(error),
        onFatal: (error) => this.fail(error),
      },
    });
  }

  /** Makes the other members known; they are not listened to before `start`. @param network the connections to them */
  connect(network: PeerNetwork): void {
    this.#network = network;
    this.#updatePeers();
  }

  /** Starts to take part, once connected. */
  start(): void {
    this.report.tell({ kind: 'started' });
    this.#startUp = this.#newStartUp();
    this.#loop.start(() => this.#onTick());
  }

  get network(): PeerNetwork {
    if (this.#network === undefined) throw etcdError('stopped');
    return this.#network;
  }

  /** Hands leadership to another voter, if one is connected; see `stepBack`. */
  handOver(attempt: number): Promise<void> {
    return stepBack(this, attempt);
  }

  get openNetwork(): PeerNetwork | undefined {
    return this.#network;
  }

  /** More peers can be reached than before. */
  onReachable(): void {
    this.#startUp?.tick();
  }

  get store(): WatchableRevisionStore {
    return this.#state.store;
  }

  get lessor(): BackendLessor {
    return this.#state.lessor;
  }

  get auth(): AuthStore {
    return this.#state.auth;
  }

  get tokens(): SimpleTokens | undefined {
    return this.#state.tokens;
  }

  get alarms(): AlarmStore {
    return this.#state.alarms;
  }

  get downgrade(): DowngradeStore {
    return this.#state.downgrade;
  }

  /** The log version that the cluster has agreed on. */
  get logVersion(): LogVersionStore {
    return this.#state.logVersion;
  }

  get membership(): Membership {
    return this.#state.membership;
  }

  /** A snapshot from the leader puts another one in its place. */
  get backend(): Backend {
    return this.#state.backend;
  }

  /** Called after each applied entry that needs space. */
  set onGrowth(listener: () => void) {
    this.#state.applier.onGrowth = listener;
  }

  get leader(): bigint {
    return this.node.leader;
  }

  get isLeader(): boolean {
    return this.node.role === 'leader';
  }

  get isLearner(): boolean {
    return this.membership.local?.isLearner ?? false;
  }

  /** The start of the member; undefined before it takes part. */
  get startUp(): StartUp | undefined {
    return this.#startUp;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** The header of an answer. @param revision of the store; the present one where none is given */
  header(revision = this.store.rev): ResponseHeader {
    return this.headers.message(revision);
  }

  /** See the function `moveLeader`. */
  moveLeader(target: bigint): Promise<void> {
    return moveLeader(this, target);
  }

  /** Told when a leader appears or goes (0). @returns a function that ends it */
  onLeaderChange(listener: (leader: bigint) => void): () => void {
    this.#leaderListeners.add(listener);
    return () => this.#leaderListeners.delete(listener);
  }

  /** See `Requests.propose`. */
  propose(kind: EntryKind, payload: Uint8Array, request: unknown): Promise<unknown> {
    return this.requests.propose(kind, payload, request);
  }

  /** As `propose`, but only as the leader of the present term: refused as soon as another may lead. */
  proposeAsLeader(kind: EntryKind, payload: Uint8Array, request: unknown): Promise<unknown> {
    return this.requests.propose(kind, payload, request, undefined, this.node.term);
  }

  /** See `Requests.proposeConfChange`. */
  proposeConfChange(build: (origin: number, sequence: number) => Uint8Array): Promise<unknown> {
    return this.requests.proposeConfChange(build);
  }

  /** See `Requests.linearizable`. */
  linearizable<T>(read: () => T): Promise<T> {
    return this.requests.linearizable(read);
  }

  /** A message from another member has arrived. */
  step(message: Message): void {
    if (this.membership.isRemoved(message.from)) return;
    this.report.heard(message.from);
    this.#loop.step(message);
  }

  /** Wakes the loop after the node was told something. */
  wake(): void {
    this.#loop.wake();
  }

  #onApplied(): void {
    if (this.requests.reads.serve()) this.#loop.wake();
    this.snapshots.maybeTruncate(this.backend);
  }

  async #install(snapshot: Snapshot): Promise<void> {
    this.#state.restore(await this.snapshots.install(snapshot, this.backend));
    this.requests.onSnapshot();
  }

  #onMembersChanged(): void {
    this.#updatePeers();
    const isRemoved = (id: bigint): boolean => this.membership.isRemoved(id);
    this.report.forgetRemoved(isRemoved);
    this.config.telemetry.network.forgetRemoved(isRemoved);
    if (this.membership.isRemoved(this.memberId)) this.#events.onRemoved();
  }

  #updatePeers(): void {
    this.peers.setMembers(otherMembers(this.membership, this.memberId, this.stored.peers));
  }

  #onSoftState({ role, leader }: SoftState): void {
    const { log, electionMs, clock } = this.config;
    if (role === 'leader') {
      if (!this.lessor.isPrimary) this.leases.lead(Math.ceil(electionMs / 1000));
    } else {
      this.leases.follow();
    }
    if (leader === 0n) this.#leaderLostMs = clock.monotonicMs();
    const { term } = this.node;
    log.info({ term, role, leader: leader.toString(16) }, 'raft role or leader changed');
    this.config.telemetry.server.leaderChanged(leader, role === 'leader');
    this.requests.reads.leaderChanged();
    for (const listener of this.#leaderListeners) listener(leader);
    this.#loop.wake();
  }

  #onTick(): void {
    this.#startUp?.tick();
    this.#logVersions.tick();
    this.config.telemetry.server.progress({
      committed: this.node.commitIndex,
      applied: this.node.appliedIndex,
      pending: this.requests.pendingCount,
    });
  }

  /** The others have agreed on a log version that this build does not know. */
  outdated(): void {
    this.fail(new LogVersionError(this.entryFormat.version));
  }

  /** The member cannot go on. */
  fail(error: unknown): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#events.onFatal(error);
  }

  /** Stops taking part and closes the files. Calls that wait get `stopped`. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.leases.follow();
    this.#loop.stop();
    this.#network?.close();
    this.requests.stop();
    this.store.close();
    await this.snapshots.idle();
    await this.stored.wal.close();
    await this.backend.close();
  }
}
