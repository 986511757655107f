import type { Clock } from '../../lib/clock.js';
import { serverMetrics } from '../telemetry/metrics.js';
import type { Proposal, RaftNode } from '../../raft/index.js';
import { encodeEntry } from '../apply/entry.js';
import type { EntryAuth, EntryKind } from '../apply/entry.js';
import { etcdError } from '../apply/errors.js';
import type { EtcdError } from '../apply/errors.js';
import { senderOf, withSequence } from './entry-sender.js';
import {
  maxGapCommittedApplied,
  maxPendingProposals,
  requestBaseTimeoutMs,
} from '../guards/limits.js';
import { PendingCalls } from './pending-calls.js';
import type { PendingCall } from './pending-calls.js';
import type { QueuedProposal } from './proposal-queue.js';
import { ReadIndexQueue } from './read-index.js';

/** What requests need of the member's Raft side. */
export interface RequestHost {
  readonly node: RaftNode;
  /** @returns false when too many wait */
  enqueue(proposal: QueuedProposal): boolean;
  /** Runs the loop at the end of this turn. */
  wake(): void;
  /** Which of etcd's texts a call gets whose time is over. */
  timeoutError(): EtcdError;
  /** Why this member takes no calls of that kind for now, if so. */
  refusal(kind: 'write' | 'read'): EtcdError | undefined;
}

/** Calls on their way through the log or waiting for a read index, each with its deadline. */
export class Requests {
  readonly reads: ReadIndexQueue;
  readonly timeoutMs: number;
  readonly #pending = new PendingCalls();
  readonly #host: RequestHost;
  readonly #clock: Clock;
  readonly #origin: number;
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
    },
  ) {
    this.#host = host;
    this.#clock = options.clock;
    this.#origin = options.origin;
    this.#maxRequestBytes = options.maxRequestBytes;
    this.timeoutMs = requestBaseTimeoutMs + 2 * options.electionMs;
    this.reads = new ReadIndexQueue(host.node, options.origin, () => this.#clock.monotonicMs());
  }

  /** Calls that wait for the log. */
  get pendingCount(): number {
    return this.#pending.size;
  }

  /** See `EtcdServer.propose`. */
  propose(
    kind: EntryKind,
    payload: Uint8Array,
    request: unknown,
    auth: EntryAuth | undefined,
    onlyInTerm?: number,
  ): Promise<unknown> {
    const sequence = ++this.#sequence;
    const data = encodeEntry({ kind, origin: this.#origin, sequence, auth }, payload);
    if (data.length > this.#maxRequestBytes) return Promise.reject(etcdError('requestTooLarge'));
    return this.#enqueue({ type: 'normal', data, sequence, onlyInTerm }, request);
  }

  /** See `EtcdServer.proposeConfChange`. */
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
    const deadlineMs = this.#clock.monotonicMs() + this.timeoutMs;
    if (isBehind || isFull || !this.#host.enqueue({ ...proposal, deadlineMs })) {
      return Promise.reject(etcdError('tooManyRequests'));
    }
    const { sequence } = proposal;
    return new Promise((resolve, reject) => {
      this.#pending.add({ sequence, request, deadlineMs, term: 0, resolve, reject });
    });
  }

  /** See `EtcdServer.linearizable`. */
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
    return origin === this.#origin ? this.#pending.take(sequence) : undefined;
  }

  onProposed(proposals: readonly QueuedProposal[]): void {
    const { term } = this.#host.node;
    for (const { sequence } of proposals) this.#pending.handedOver(sequence, term);
  }

  /**
   * Entries that were passed on and that nobody took. Each gets a new sequence: should this be told again, late, there is no call
   * of the old one. @returns those whose calls still wait
   */
  takeBack(entries: readonly Proposal[]): QueuedProposal[] {
    const again: QueuedProposal[] = [];
    for (const { type, data } of entries) {
      const { origin, sequence } = senderOf({ type, data });
      if (origin !== this.#origin) continue;
      const next = this.#sequence + 1;
      const call = this.#pending.handedBack(sequence, next);
      if (call === undefined) continue;
      this.#sequence = next;
      const { deadlineMs } = call;
      again.push({ type, data: withSequence({ type, data }, next), sequence: next, deadlineMs });
    }
    return again;
  }

  onRefused(proposals: readonly QueuedProposal[]): void {
    for (const { sequence } of proposals) {
      serverMetrics.proposalFailed();
      this.#pending.take(sequence)?.reject(etcdError('unhealthy'));
    }
  }

  /** The first entry of a term is applied: what went to earlier leaders and has not come by now is lost to its caller. */
  onTermStart(term: number): void {
    this.#pending.loseBefore(term);
  }

  /** Once a tick. */
  tick(): void {
    const error = (): EtcdError => this.#host.timeoutError();
    this.#pending.expire(this.#clock.monotonicMs(), () => {
      serverMetrics.proposalFailed();
      return error();
    });
    this.reads.tick(error);
  }

  /** Ends all calls; later ones are refused. */
  stop(): void {
    this.#stopped = true;
    this.#pending.failAll(() => etcdError('stopped'));
    this.reads.failAll(() => etcdError('stopped'));
  }
}
