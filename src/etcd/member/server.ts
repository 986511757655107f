/**
 * One member: owns the stored state and the Raft loop, takes requests as log entries and answers when they are applied.
 * Knows no RPC; `rpc/` and `gateway/` call it. Everything runs on one thread, so state changes only between calls.
 */
import type { ResponseHeader } from '../../gen/etcd/rpc.js';
import { Prng } from '../../lib/prng.js';
import type { Entry, Message, RaftNode, Snapshot, SoftState } from '../../raft/index.js';
import { AlarmStore } from '../apply/alarms.js';
import { Applier } from '../apply/applier.js';
import { DowngradeStore } from '../apply/downgrade.js';
import { HeaderEncoder } from '../apply/encode.js';
import { decodeEntry } from '../apply/entry.js';
import type { EntryAuth, EntryKind } from '../apply/entry.js';
import { asEtcdError, etcdError } from '../apply/errors.js';
import { AuthStore } from '../auth/auth-store.js';
import { SimpleTokens } from '../auth/tokens.js';
import type { Backend } from '../backend/types.js';
import { BackendLessor } from '../lease/lessor.js';
import { WatchableRevisionStore } from '../mvcc/watchable-store.js';
import type { PeerNetwork } from '../peer/types.js';
import type { StoredState } from './bootstrap.js';
import { MemberChanges } from '../membership/member-changes.js';
import type { ServerConfig } from '../config.js';
import { DiskRoom } from '../guards/disk-room.js';
import { LeaseDriver } from './lease-driver.js';
import { proposalBounds } from '../guards/limits.js';
import { encodeConfState, Membership } from '../membership/membership.js';
import { PeerWays } from '../membership/peer-registry.js';
import { RaftLoop } from './raft-loop.js';
import { Requests } from './requests.js';
import { compactionMetrics, serverMetrics } from '../telemetry/metrics.js';
import { SnapshotKeeper } from '../snapshots/snapshot-keeper.js';
import { stepBack } from './leader-transfer.js';
import { StartUp } from './start-up.js';
import { timeoutError } from './timeout-error.js';

/** What the server tells whoever runs it. */
export interface ServerEvents {
  /** The member has told the cluster its name and addresses; it serves. */
  onReady(): void;
  /** The disk or the state is broken: the process must end. */
  onFatal(error: unknown): void;
  /** The member was removed from the cluster. */
  onRemoved(): void;
}

export class EtcdServer {
  readonly config: ServerConfig;
  readonly clusterId: bigint;
  readonly memberId: bigint;
  readonly store: WatchableRevisionStore;
  readonly lessor: BackendLessor;
  readonly auth: AuthStore;
  readonly tokens: SimpleTokens | undefined;
  readonly alarms: AlarmStore;
  readonly downgrade: DowngradeStore;
  readonly membership: Membership;
  readonly node: RaftNode;
  readonly snapshots: SnapshotKeeper;
  readonly changes: MemberChanges;
  readonly leases: LeaseDriver;
  readonly peers = new PeerWays(this);
  /** Whether this member can write its own disk. */
  readonly room = new DiskRoom(this);
  /** Called after each applied entry that needs space. */
  onGrowth: () => void = () => undefined;
  readonly #events: ServerEvents;
  readonly state: StoredState;
  readonly #headers: HeaderEncoder;
  readonly #applier: Applier;
  readonly #loop: RaftLoop;
  readonly #requests: Requests;
  #startUp: StartUp | undefined;
  #backend: Backend;
  #network: PeerNetwork | undefined;
  #leaderLostMs = 0;
  #stopped = false;
  readonly #leaderListeners = new Set<(leader: bigint) => void>();

  constructor(config: ServerConfig, state: StoredState, events: ServerEvents) {
    this.config = config;
    this.state = state;
    this.#events = events;
    this.clusterId = state.clusterId;
    this.memberId = state.memberId;
    this.#backend = state.backend;
    const { clock, log, authToken, authTokenTtlMs } = config;
    const minTtlSeconds = Math.ceil((3 * config.electionMs) / 2 / 1000);
    this.lessor = new BackendLessor({ backend: state.backend, clock, minTtlSeconds });
    this.store = new WatchableRevisionStore({
      backend: state.backend,
      clock,
      leases: this.lessor,
      hashCompactions: config.compactHashCheckMs > 0,
      compactions: compactionMetrics(clock),
    });
    this.tokens = authToken === 'simple' ? new SimpleTokens(clock, authTokenTtlMs) : undefined;
    this.auth = new AuthStore(state.backend, this.tokens);
    this.alarms = new AlarmStore(state.backend);
    this.downgrade = new DowngradeStore(state.backend);
    this.membership = new Membership({
      clusterId: state.clusterId,
      localId: state.memberId,
      backend: state.backend,
    });
    this.#headers = new HeaderEncoder(this.clusterId, this.memberId);
    this.node = this.#newNode();
    this.#applier = this.#newApplier();
    this.#requests = this.#newRequests();
    this.snapshots = new SnapshotKeeper({
      ...state,
      databases: state.machine.databases,
      snapshotCount: config.snapshotCount,
      catchUpEntries: config.catchUpEntries,
      log,
      status: () => this.node.status(),
    });
    this.changes = new MemberChanges(this);
    this.#loop = this.#newLoop();
    state.backend.onDamage = (error) => this.fail(error);
    this.leases = new LeaseDriver(this.lessor, clock, this);
  }

  #newNode(): RaftNode {
    const { heartbeatMs, electionMs, preVote } = this.config;
    return this.state.machine.newNode({
      id: this.memberId,
      storage: this.state.storage,
      prng: new Prng(this.state.machine.random(2 ** 47)),
      electionTicks: Math.max(2, Math.round(electionMs / heartbeatMs)),
      heartbeatTicks: 1,
      applied: this.state.applied,
      preVote,
    });
  }

  #newApplier(): Applier {
    const { store, lessor, auth, tokens, alarms, downgrade } = this;
    return new Applier({
      downgrade,
      store,
      lessor,
      auth,
      tokens,
      alarms,
      header: (revision) => this.headerField(revision),
      onGrowth: () => this.onGrowth(),
      onLeaseGranted: (ttlSeconds) => serverMetrics.leaseGranted(ttlSeconds),
      setMemberAttributes: ({ memberId, name, clientUrls }) => {
        this.membership.setAttributes(memberId, name, clientUrls);
      },
    });
  }

  #newRequests(): Requests {
    return new Requests(
      {
        node: this.node,
        enqueue: (proposal) => this.#loop.propose(proposal),
        wake: () => this.wake(),
        timeoutError: () => timeoutError(this, this.#leaderLostMs, this.#requests.timeoutMs),
        refusal: (kind) => this.room.refusal(kind),
      },
      { ...this.config, origin: this.state.machine.random(2 ** 32) },
    );
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
    const { clock, log, heartbeatMs } = this.config;
    return new RaftLoop({
      node: this.node,
      storage: this.state.storage,
      log: this.room.guardedLog(this.state.wal),
      clock,
      logger: log,
      tickMs: heartbeatMs,
      defer: this.state.machine.defer,
      proposals: proposalBounds,
      handlers: {
        send: (messages) => this.#send(messages),
        applyEntry: (entry) => this.#applyEntry(entry),
        onApplied: () => this.#onApplied(),
        onReadStates: (states) => this.#requests.reads.onReadStates(states),
        onSoftState: (state) => this.#onSoftState(state),
        installSnapshot: (snapshot) => this.#install(snapshot),
        beforeReady: () => this.#requests.reads.flush(),
        onDropped: (entries) => this.#requests.takeBack(entries),
        onProposed: (proposals) => this.#requests.onProposed(proposals),
        onProposalsRefused: (proposals) => this.#requests.onRefused(proposals),
        onLogFull: (error) => this.room.onLogFull(error),
        onFatal: (error) => this.fail(error),
      },
    });
  }

  /** Makes the other members known; they are not listened to before `start`. @param network the way to them */
  connect(network: PeerNetwork): void {
    this.#network = network;
    this.#updatePeers();
  }

  /** Starts to take part, once connected. */
  start(): void {
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

  get way(): PeerNetwork | undefined {
    return this.#network;
  }

  /** More peers can be reached than before. */
  onReachable(): void {
    this.#startUp?.tick();
  }

  get backend(): Backend {
    return this.#backend;
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

  /** How far its start is; undefined before it takes part. */
  get startUp(): StartUp | undefined {
    return this.#startUp;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Calls that wait for the log. */
  get pendingCount(): number {
    return this.#requests.pendingCount;
  }

  /** Field 1 of an answer, encoded. */
  headerField(revision = this.store.rev): Buffer {
    return this.#headers.field(revision, this.node.term);
  }

  /** The same as a message. */
  header(revision = this.store.rev): ResponseHeader {
    const { clusterId, memberId } = this;
    return { clusterId, memberId, revision, raftTerm: this.node.term };
  }

  /** Told when a leader appears or goes (0). @returns a function that ends it */
  onLeaderChange(listener: (leader: bigint) => void): () => void {
    this.#leaderListeners.add(listener);
    return () => this.#leaderListeners.delete(listener);
  }

  /**
   * Puts a request into the log and waits until it is applied here.
   * @param payload the request as it came from the wire; copied
   * @param request the same, decoded: what apply works with on this member
   * @throws GrpcError; the timeouts and `stopped` leave open what has happened
   */
  propose(
    kind: EntryKind,
    payload: Uint8Array,
    request: unknown,
    auth?: EntryAuth,
  ): Promise<unknown> {
    return this.#requests.propose(kind, payload, request, auth);
  }

  /** As `propose`, but only as the leader of the present term: refused as soon as another may lead. */
  proposeAsLeader(kind: EntryKind, payload: Uint8Array, request: unknown): Promise<unknown> {
    return this.#requests.propose(kind, payload, request, undefined, this.node.term);
  }

  /** Puts a membership change into the log. @param build gets origin and sequence for the change's context */
  proposeConfChange(build: (origin: number, sequence: number) => Uint8Array): Promise<unknown> {
    return this.#requests.proposeConfChange(build);
  }

  /** Runs `read` once this member has applied all that was committed at the time of the call. */
  linearizable<T>(read: () => T): Promise<T> {
    return this.#requests.linearizable(read);
  }

  /** A message from another member has arrived. */
  step(message: Message): void {
    if (this.membership.isRemoved(message.from)) return;
    this.#loop.step(message);
  }

  /** Wakes the loop after the node was told something. */
  wake(): void {
    this.#loop.wake();
  }

  #send(messages: readonly Message[]): void {
    const network = this.#network;
    if (network === undefined) return;
    for (const message of messages) {
      if (message.type !== 'MsgSnap') continue;
      void this.snapshots
        .send(message, this.#backend, network)
        .then((sent) => {
          if (this.#stopped) return;
          this.node.reportSnapshot(message.to, sent ? 'finished' : 'failed');
          this.#loop.wake();
        })
        .catch((error: unknown) => this.fail(error));
    }
    network.send(messages.filter((message) => message.type !== 'MsgSnap'));
  }

  #applyEntry(entry: Entry): void {
    if (entry.type !== 'normal') {
      this.#applyConfChange(entry);
    } else if (entry.data.length === 0) {
      this.#requests.onTermStart(entry.term);
    } else {
      const decoded = decodeEntry(entry.data);
      const call = this.#requests.take(decoded.origin, decoded.sequence);
      const startMs = this.config.clock.monotonicMs();
      try {
        const result = this.#applier.apply(decoded, entry.index, call);
        call?.resolve(result);
      } catch (error) {
        const known = asEtcdError(error);
        if (known === undefined) throw error;
        call?.reject(known);
      }
      serverMetrics.applied(this.config.clock.monotonicMs() - startMs);
    }
    this.#backend.endApply(entry.index, entry.term);
  }

  #applyConfChange(entry: Entry): void {
    const outcome = this.changes.apply(entry);
    this.#backend.setConfState(encodeConfState(outcome.confState ?? this.node.status().confState));
    const call = this.#requests.take(outcome.origin, outcome.sequence);
    if (outcome.error === undefined) call?.resolve(undefined);
    else call?.reject(outcome.error);
    this.#updatePeers();
    if (this.membership.isRemoved(this.memberId)) this.#events.onRemoved();
  }

  #onApplied(): void {
    this.#requests.reads.serve();
    this.snapshots.maybeTruncate(this.#backend);
  }

  async #install(snapshot: Snapshot): Promise<void> {
    this.#backend = await this.snapshots.install(snapshot, this.#backend);
    const { lessor, store, auth, alarms, downgrade, membership } = this;
    for (const part of [lessor, store, auth, alarms, downgrade, membership]) {
      part.restore(this.#backend);
    }
    this.#backend.onDamage = (error) => this.fail(error);
    this.#updatePeers();
  }

  #updatePeers(): void {
    const peers = this.membership.members
      .filter(({ id }) => id !== this.memberId)
      .map(({ id, peerUrls }) => ({ id, urls: peerUrls }));
    // A member that joins learns the others from the cluster before its own log names them.
    if (this.membership.local === undefined) {
      const known = new Set(peers.map(({ id }) => id));
      peers.push(...this.state.peers.filter(({ id }) => !known.has(id)));
    }
    this.peers.setMembers(peers);
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
    serverMetrics.leaderChanged(leader, role === 'leader');
    this.#requests.reads.leaderChanged();
    for (const listener of this.#leaderListeners) listener(leader);
    this.#loop.wake();
  }

  #onTick(): void {
    this.#requests.tick();
    this.#startUp?.tick();
    serverMetrics.progress({
      committed: this.node.commitIndex,
      applied: this.node.appliedIndex,
      pending: this.#requests.pendingCount,
    });
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
    this.#requests.stop();
    this.store.close();
    await this.snapshots.idle();
    await this.state.wal.close();
    await this.#backend.close();
  }
}
