/**
 * The replicated state machine of a member: store, leases, users, alarms and members over one backend. Committed
 * entries change it, in log order; the calls that wait for them get their answers.
 */
import { assert } from '../../lib/assert.js';
import type { Clock } from '../../lib/clock.js';
import type { ConfState, Entry } from '../../raft/index.js';
import { AlarmStore } from '../apply/alarms.js';
import { Applier } from '../apply/applier.js';
import { DowngradeStore } from '../apply/downgrade.js';
import type { ResponseHeaders } from '../apply/encode.js';
import type { EntryFormat } from '../apply/entry-format.js';
import { asEtcdError } from '../apply/errors.js';
import { LogVersionStore } from '../apply/log-version.js';
import { AuthStore } from '../auth/auth-store.js';
import { SimpleTokens } from '../auth/tokens.js';
import type { Backend } from '../backend/types.js';
import type { ServerConfig } from '../config.js';
import { BackendLessor } from '../lease/lessor.js';
import type { ChangeOutcome } from '../membership/member-changes.js';
import { encodeConfState, Membership } from '../membership/membership.js';
import { WatchableRevisionStore } from '../mvcc/watchable-store.js';
import type { PendingCall } from './pending-calls.js';

/** The calls that wait for entries. */
interface WaitingCalls {
  /** Takes the call behind an applied entry, if it is one of this run. */
  take(origin: number, sequence: number): PendingCall | undefined;
  /** The first entry of a term is applied. */
  onTermStart(term: number): void;
}

/** The parts that a state machine is made of. */
export interface StateMachineOptions {
  readonly config: ServerConfig;
  readonly entryFormat: EntryFormat;
  readonly clusterId: bigint;
  readonly memberId: bigint;
  readonly backend: Backend;
  readonly headers: ResponseHeaders;
  readonly calls: WaitingCalls;
  /** Carries out a committed change of the membership. */
  readonly applyConfChange: (entry: Entry) => ChangeOutcome;
  /** Raft's membership now. */
  readonly confState: () => ConfState;
  /** The membership may have changed. */
  readonly onMembersChanged: () => void;
  /** A row of the backend is damaged. */
  readonly onDamage: (error: unknown) => void;
}

/** The state that log entries change: keys, leases, users, alarms, members. */
export class StateMachine {
  readonly store: WatchableRevisionStore;
  readonly lessor: BackendLessor;
  readonly auth: AuthStore;
  readonly tokens: SimpleTokens | undefined;
  readonly alarms: AlarmStore;
  readonly downgrade: DowngradeStore;
  readonly logVersion: LogVersionStore;
  readonly membership: Membership;
  readonly headers: ResponseHeaders;
  readonly applier: Applier;
  readonly #options: StateMachineOptions;
  readonly #clock: Clock;
  #backend: Backend;

  constructor(options: StateMachineOptions) {
    const { config, backend, clusterId, memberId } = options;
    const { clock, authToken, authTokenTtlMs } = config;
    this.#options = options;
    this.#clock = clock;
    this.#backend = backend;
    const minTtlSeconds = Math.ceil((3 * config.electionMs) / 2 / 1000);
    this.lessor = new BackendLessor({ backend, clock, minTtlSeconds });
    this.store = new WatchableRevisionStore({
      backend,
      clock,
      leases: this.lessor,
      hashCompactions: config.compactHashCheckMs > 0,
      compactions: config.telemetry.server.compactions(clock),
    });
    this.tokens = authToken === 'simple' ? new SimpleTokens(clock, authTokenTtlMs) : undefined;
    this.auth = new AuthStore(backend, this.tokens);
    this.alarms = new AlarmStore(backend);
    this.downgrade = new DowngradeStore(backend);
    this.logVersion = new LogVersionStore(backend, options.entryFormat.version);
    this.membership = new Membership({ clusterId, localId: memberId, backend });
    this.headers = options.headers;
    this.applier = new Applier(this);
    backend.onDamage = options.onDamage;
  }

  get backend(): Backend {
    return this.#backend;
  }

  /** Applies the next committed entry. @throws what no client may see: the member is broken */
  applyEntry(entry: Entry): void {
    const applied = this.#backend.consistentIndex;
    assert(entry.index === applied.index + 1, 'entries are applied in order, each once');
    assert(entry.term >= applied.term, 'the terms of applied entries never fall');
    if (entry.type !== 'normal') this.#applyConfChange(entry);
    else if (entry.data.length === 0) this.#options.calls.onTermStart(entry.term);
    else this.#applyRequest(entry);
    this.#backend.endApply(entry.index, entry.term);
  }

  #applyRequest(entry: Entry): void {
    const decoded = this.#options.entryFormat.decode(entry.data);
    const call = this.#options.calls.take(decoded.origin, decoded.sequence);
    const startMs = this.#clock.monotonicMs();
    try {
      const result = this.applier.apply(decoded, entry.index, call);
      call?.resolve(result);
    } catch (error) {
      const known = asEtcdError(error);
      if (known === undefined) throw error;
      call?.reject(known);
    }
    this.#options.config.telemetry.server.applied(this.#clock.monotonicMs() - startMs);
  }

  #applyConfChange(entry: Entry): void {
    const outcome = this.#options.applyConfChange(entry);
    this.#backend.setConfState(encodeConfState(outcome.confState ?? this.#options.confState()));
    const call = this.#options.calls.take(outcome.origin, outcome.sequence);
    if (outcome.error === undefined) call?.resolve(undefined);
    else call?.reject(outcome.error);
    this.#options.onMembersChanged();
  }

  onLeaseGranted(ttlSeconds: number): void {
    this.#options.config.telemetry.server.leaseGranted(ttlSeconds);
  }

  /**
   * Goes on from another state: that of a snapshot.
   * @param backend takes the place of the present one, which is closed
   * @throws LogVersionError where it was written by a newer build
   */
  restore(backend: Backend): void {
    this.#backend = backend;
    const { logVersion, lessor, store, auth, alarms, downgrade, membership } = this;
    for (const part of [logVersion, lessor, store, auth, alarms, downgrade, membership]) {
      part.restore(backend);
    }
    backend.onDamage = this.#options.onDamage;
    this.#options.onMembersChanged();
  }
}
