import type { Clock } from '../../lib/clock.js';
import type { ServerMetrics } from '../telemetry/server-metrics.js';
import type { MsgPropDropped, RaftNode, ReadState } from '../../raft/index.js';
import { encodeEntry } from '../apply/entry.js';
import type { EntryAuth, EntryKind } from '../apply/entry.js';
import { etcdError } from '../apply/errors.js';
import type { EtcdError } from '../apply/errors.js';
import { senderOf, withSequence } from './entry-sender.js';
import {
  maxGapCommittedApplied,
  maxPendingProposals,
  proposalBounds,
  requestBaseTimeoutMs,
  writeStallMs,
} from '../guards/limits.js';
import { PendingCalls } from './pending-calls.js';
import type { PendingCall } from './pending-calls.js';
import { ProposalQueue } from './proposal-queue.js';
import type { ProposalEvents, QueuedProposal } from './proposal-queue.js';
import { WriteStall } from '../telemetry/write-stall.js';
import type { Stall } from '../telemetry/write-stall.js';
import { ReadIndexQueue } from './read-index.js';
import type { ReadIndexMetrics } from './read-index.js';

/** Counts calls that fail. */
type RequestMetrics = ReadIndexMetrics & Pick<ServerMetrics, 'proposalFailed'>;

/** The member's Raft side, as far as requests need it. */
export interface RequestHost {
  readonly node: RaftNode;
  /** Tells whether entries of that kind may be proposed: every member must know them. */
  mayPropose(kind: EntryKind): boolean;
  /** True when what is proposed now can be appended in the present term only, by its leader. */
  bindsProposals(): boolean;
  /** Runs the loop at the end of this turn. */
  wake(): void;
  /** Chooses etcd's error for a call whose time is over. */
  timeoutError(): EtcdError;
  /** Returns the reason why this member takes no calls of that kind for now; undefined when it does. */
  refusal(kind: 'write' | 'read'): EtcdError | undefined;
  /** Writes waited for longer than usual, and are done now, or were given up. */
  onStall(kind: 'writesWaited' | 'writesFailed', stall: Stall): void;
}

/**
 * Calls on their way through the log or waiting for a read index, each with its deadline. The Raft loop flushes them at
 * the end of a turn; the state machine takes a call when its entry is applied.
 */
export class Requests implements ProposalEvents {
  readonly reads: ReadIndexQueue;
  readonly timeoutMs: number;
  readonly #pending = new PendingCalls();
  readonly #stall = new WriteStall(writeStallMs);
  readonly #queue: ProposalQueue;
  readonly #host: RequestHost;
  readonly #clock: Clock;
  readonly #origin: number;
  readonly #metrics: RequestMetrics;
  readonly #maxRequestBytes: number;
  #sequence = 0;
  #stopped = false;

  /** @param options.origin drawn at the member's start; marks entries as this run's */
  constructor(
    host: RequestHost,
    options: {
      readonly clock: Clock;
      readonly origin: number;
      readonly electionMs: number;
      readonly maxRequestBytes: number;
      readonly telemetry: { readonly server: RequestMetrics };
    },
  ) {
    this.#host = host;
    this.#clock = options.clock;
    this.#origin = options.origin;
    this.#maxRequestBytes = options.maxRequestBytes;
    this.#queue = new ProposalQueue(host.node, this, proposalBounds);
    this.timeoutMs = requestBaseTimeoutMs + 2 * options.electionMs;
    this.#metrics = options.telemetry.server;
    this.reads = new ReadIndexQueue(host.node, {
      origin: options.origin,
      nowMs: () => this.#clock.monotonicMs(),
      metrics: this.#metrics,
    });
  }

  /** Calls that wait for the log. */
  get pendingCount(): number {
    return this.#pending.size;
  }

  /** Tells whether all members know the kind. */
  mayPropose(kind: EntryKind): boolean {
    return this.#host.mayPropose(kind);
  }

  /**
   * Puts a request into the log and waits until it is applied here.
   * @param payload the request as it came from the wire; copied
   * @param request the same, decoded: what apply works with on this member
   * @param onlyInTerm only this member may append it, as the leader of that term
   * @throws EtcdError; `notCapable` for a kind that some member does not know; the timeouts and `stopped` leave open
   * what has happened
   */
  propose(
    kind: EntryKind,
    payload: Uint8Array,
    request: unknown,
    auth?: EntryAuth,
    onlyInTerm?: number,
  ): Promise<unknown> {
    if (!this.mayPropose(kind)) return Promise.reject(etcdError('notCapable'));
    const sequence = ++this.#sequence;
    const data = encodeEntry({ kind, origin: this.#origin, sequence, auth }, payload);
    if (data.length > this.#maxRequestBytes) return Promise.reject(etcdError('requestTooLarge'));
    return this.#enqueue({ type: 'normal', data, sequence, onlyInTerm }, request);
  }

  /** Puts a membership change into the log. @param build gets origin and sequence for the change's context */
  proposeConfChange(build: (origin: number, sequence: number) => Uint8Array): Promise<unknown> {
    const sequence = ++this.#sequence;
    const data = build(this.#origin, sequence);
    return this.#enqueue({ type: 'confChange', data, sequence }, undefined);
  }

  #enqueue(proposal: Omit<QueuedProposal, 'deadlineMs'>, request: unknown): Promise<unknown> {
    if (this.#stopped) return Promise.reject(etcdError('stopped'));
    const { node } = this.#host;
    const refusal = this.#host.refusal('write');
    if (refusal !== undefined) return Promise.reject(refusal);
    const isBehind = node.commitIndex > node.appliedIndex + maxGapCommittedApplied;
    const isFull = this.#pending.size >= maxPendingProposals;
    const nowMs = this.#clock.monotonicMs();
    const deadlineMs = nowMs + this.timeoutMs;
    const queued = { ...proposal, deadlineMs };
    if (isBehind || isFull || !this.#queue.add(queued)) {
      return Promise.reject(etcdError('tooManyRequests'));
    }
    this.#stall.began(nowMs);
    this.#host.wake();
    const { sequence } = proposal;
    return new Promise((resolve, reject) => {
      const waits = { sequence, request, deadlineMs, proposal: queued, term: 0, isBound: false };
      this.#pending.add({ ...waits, resolve, reject });
    });
  }

  /** Runs `read` once this member has applied all that was committed at the time of the call. */
  linearizable<T>(read: () => T): Promise<T> {
    if (this.#stopped) return Promise.reject(etcdError('stopped'));
    const refusal = this.#host.refusal('read');
    if (refusal !== undefined) return Promise.reject(refusal);
    const deadlineMs = this.#clock.monotonicMs() + this.timeoutMs;
    return new Promise((resolve, reject) => {
      const run = (): void => {
        try {
          resolve(read());
        } catch (error) {
          reject(error);
        }
      };
      this.reads.wait(deadlineMs, run, reject);
      this.#host.wake();
    });
  }

  /** The call behind an applied entry, if it is one of this run. */
  take(origin: number, sequence: number): PendingCall | undefined {
    if (origin !== this.#origin) return undefined;
    const call = this.#pending.take(sequence);
    if (call === undefined) return undefined;
    const stall = this.#stall.done(this.#clock.monotonicMs(), this.#pending.size);
    if (stall !== undefined) this.#host.onStall('writesWaited', stall);
    return call;
  }

  onProposed(proposals: readonly QueuedProposal[]): void {
    const { term } = this.#host.node;
    const isBound = this.#host.bindsProposals();
    for (const { sequence } of proposals) this.#pending.handedOver(sequence, term, isBound);
  }

  /** At the end of a turn: asks for a read index, and gives the node what a leader may take. */
  flush(): void {
    this.reads.flush();
    this.#queue.flush();
  }

  onReadStates(states: readonly ReadState[]): void {
    this.reads.onReadStates(states);
  }

  /**
   * Entries that were passed on to another member and that nobody took wait again, if their calls still do. Each gets a
   * new sequence: should this be told again, late, there is no call of the old one.
   */
  takeBack(message: MsgPropDropped): void {
    const again: QueuedProposal[] = [];
    for (const entry of message.entries) {
      const { origin, sequence } = senderOf(entry);
      const renewed = origin === this.#origin ? this.#renewed(sequence) : undefined;
      if (renewed !== undefined) again.push(renewed);
    }
    if (again.length > 0) this.#queue.takeBack(again, message);
  }

  /** The proposal of a call for another attempt, under a new sequence; undefined if the call does not wait any more. */
  #renewed(sequence: number): QueuedProposal | undefined {
    const next = this.#sequence + 1;
    const call = this.#pending.handedBack(sequence, next);
    if (call === undefined) return undefined;
    this.#sequence = next;
    const data = withSequence(call.proposal, next);
    call.proposal = { ...call.proposal, data, sequence: next };
    return call.proposal;
  }

  onProposalsRefused(proposals: readonly QueuedProposal[]): void {
    for (const { sequence } of proposals) {
      this.#metrics.proposalFailed();
      this.#pending.take(sequence)?.reject(etcdError('unhealthy'));
    }
    this.#gaveUp(proposals.length);
  }

  /**
   * The first entry of a term is applied: what went to earlier leaders and has not come by now is proposed again, where
   * it surely never comes, and else is lost to its caller.
   */
  onTermStart(term: number): void {
    const before = this.#pending.size;
    const again = this.#pending
      .startTerm(term)
      .flatMap(({ sequence }) => this.#renewed(sequence) ?? []);
    this.#gaveUp(before - this.#pending.size);
    if (again.length === 0) return;
    this.#queue.takeBack(again, { from: 0n, reason: 'otherTerm' });
    this.#host.wake();
  }

  /** The state of a snapshot is in the place of entries that were not applied one by one. */
  onSnapshot(): void {
    this.#pending.skippedEntries();
  }

  /** Once a tick. */
  tick(): void {
    const error = (): EtcdError => this.#host.timeoutError();
    const nowMs = this.#clock.monotonicMs();
    this.#queue.tick(nowMs);
    const before = this.#pending.size;
    this.#pending.expire(nowMs, () => {
      this.#metrics.proposalFailed();
      return error();
    });
    this.#gaveUp(before - this.#pending.size);
    this.reads.tick(error);
  }

  #gaveUp(count: number): void {
    if (count === 0) return;
    const stall = this.#stall.failed(this.#clock.monotonicMs(), count, this.#pending.size);
    if (stall !== undefined) this.#host.onStall('writesFailed', stall);
  }

  /** Ends all calls; later ones are refused. */
  stop(): void {
    this.#stopped = true;
    this.#pending.failAll(() => etcdError('stopped'));
    this.reads.failAll(() => etcdError('stopped'));
  }
}
