import type { Leadership } from './leading-client.js';
import { resources } from './resources.js';
import type { Lease } from '../api/types/policy.js';
import { formatMicroTime } from '../api/facts/time.js';
import { setMaxListeners } from 'node:events';
import type { Clock } from '../lib/clock.js';
import { firstAbort } from '../lib/abort.js';
import { delay } from '../lib/clock.js';
import type { Logger } from '../lib/log.js';
import type { ApiClient } from './types.js';
import { isApiError } from './types.js';
import { LeaseWatch } from './lease-watch.js';

/** The Lease that candidates compete for, and how long they wait (client-go `leaderelection`). */
export interface LeaderElectionOptions {
  readonly client: ApiClient;
  /** The Lease's name, in `namespace`. */
  readonly name: string;
  /** @default 'kube-system' */
  readonly namespace?: string;
  /** The name of this candidate; unique in the cluster. */
  readonly identity: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** A holder that has not renewed for so long is taken to be dead. @default 6,000 */
  readonly leaseDurationMs?: number;
  /** A holder that could not renew for so long stops leading. Less than the duration. @default 4,000 */
  readonly renewDeadlineMs?: number;
  /**
   * Between attempts to take the lease, and to renew it after one that failed. Candidates watch the lease of a holder,
   * and look at it so often only while the watch does not work. @default 500
   */
  readonly retryPeriodMs?: number;
  /** Between renewals, each of which is a write: not less than the retry period. @default 2,000 */
  readonly renewPeriodMs?: number;
  /** Leads until its leadership's signal aborts; what it rejects with ends the election. */
  readonly lead: (leadership: Leadership) => Promise<void>;
}

/**
 * Takes part in the election until `signal` aborts; then gives the lease up, so that another leads at once. Time is
 * measured from when a change of the lease was seen here, so clocks of different machines need not agree.
 *
 * At most one holder believes to lead as long as clocks run at about the same rate; work that must not happen twice is
 * guarded by resourceVersion all the same.
 * @see Kubernetes client-go `tools/leaderelection`
 */
export async function runLeaderElection(
  options: LeaderElectionOptions,
  signal: AbortSignal,
): Promise<void> {
  const election = new Election(options);
  while (!signal.aborted) {
    if (await election.tryAcquireOrRenew(signal)) await election.leadWhileHolding(signal);
    else await election.standBy(signal);
  }
  election.endWatch();
}

class Election {
  readonly #options: LeaderElectionOptions;
  readonly #leaseDurationMs: number;
  readonly #renewDeadlineMs: number;
  readonly #retryPeriodMs: number;
  /** At most half of the deadline, so that a renewal that fails can be tried again within it. */
  readonly #renewPeriodMs: number;
  #observed = '';
  #observedAtMs = 0;
  #renewedMs = 0;
  #lease: Lease | undefined;
  /** While another holds the lease. */
  #watch: LeaseWatch | undefined;

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
    this.#leaseDurationMs = options.leaseDurationMs ?? 6000;
    this.#renewDeadlineMs = options.renewDeadlineMs ?? 4000;
    this.#retryPeriodMs = options.retryPeriodMs ?? 500;
    this.#renewPeriodMs = Math.max(
      this.#retryPeriodMs,
      Math.min(options.renewPeriodMs ?? 2000, this.#renewDeadlineMs / 2),
    );
  }

  /** Waits for the next chance: the lease is free, or gone, or its holder has been silent for too long. */
  async standBy(signal: AbortSignal): Promise<void> {
    const { client, clock, log, name } = this.#options;
    // Not sooner, whatever the watch shows: it may be behind, and show what another has taken meanwhile.
    await delay(clock, this.#retryPeriodMs, signal);
    const lease = { namespace: this.#namespace, name };
    this.#watch ??= new LeaseWatch({ client, clock, log, lease }, (now) => this.#observe(now));
    while (!signal.aborted && this.#watch.isWorking) {
      const found = this.#watch.lease;
      const leftMs = found === undefined ? 0 : this.#leftMs(found);
      if (leftMs <= 0) return;
      await this.#watch.next(leftMs, signal);
    }
  }

  /** Ends the watch of the lease. */
  endWatch(): void {
    this.#watch?.stop();
    this.#watch = undefined;
  }

  async leadWhileHolding(signal: AbortSignal): Promise<void> {
    this.endWatch();
    const { clock, log, identity, name } = this.#options;
    const leading = new AbortController();
    setMaxListeners(0, leading.signal);
    const finished = new AbortController();
    let failure: unknown;
    log.info({ lease: name, identity }, 'leading');
    const leadership = {
      signal: leading.signal,
      holds: () => !leading.signal.aborted && this.#age() < this.#renewDeadlineMs,
    };
    const work = this.#options.lead(leadership).catch((error: unknown) => {
      failure = error;
    });
    void work.then(() => finished.abort());
    const overdue = this.#whenOverdue();
    overdue.signal.addEventListener('abort', () => leading.abort(), { once: true });
    const over = firstAbort([signal, finished.signal, overdue.signal]);
    for (let waitMs = this.#renewPeriodMs; ;) {
      await delay(clock, waitMs, over.signal);
      if (over.signal.aborted) break;
      const isRenewed = await this.tryAcquireOrRenew(over.signal);
      if (!isRenewed && this.#heldByOther()) break;
      waitMs = isRenewed ? this.#renewPeriodMs : this.#retryPeriodMs;
    }
    if (!signal.aborted && !finished.signal.aborted) {
      log.warn({ lease: name, identity }, 'no longer leading: the lease was not renewed');
    }
    over.abort();
    overdue.cancel();
    leading.abort();
    await work;
    await this.#release();
    if (failure !== undefined) throw failure;
  }

  /**
   * Since the last renewal that succeeded was sent, in milliseconds. Others count from when they see it, which is
   * later: so they never take the lease before this reaches its duration.
   */
  #age(): number {
    return this.#options.clock.monotonicMs() - this.#renewedMs;
  }

  /** Aborts when the renewal is overdue, also while one is under way. */
  #whenOverdue(): { readonly signal: AbortSignal; cancel(): void } {
    const { clock } = this.#options;
    const overdue = new AbortController();
    let cancel: () => void = () => undefined;
    const look = (): void => {
      const leftMs = this.#renewDeadlineMs - this.#age();
      if (leftMs <= 0) overdue.abort();
      else cancel = clock.schedule(leftMs, look);
    };
    look();
    return { signal: overdue.signal, cancel: () => cancel() };
  }

  #heldByOther(): boolean {
    const holder = this.#lease?.spec.holderIdentity;
    return holder !== undefined && holder !== '' && holder !== this.#options.identity;
  }

  /** @returns true when we hold the lease now. */
  async tryAcquireOrRenew(signal: AbortSignal): Promise<boolean> {
    const { client, clock, identity, log, name } = this.#options;
    const namespace = this.#namespace;
    const call = { deadlineMs: this.#renewDeadlineMs, signal };
    try {
      const found = await this.#read(namespace, call);
      const sentMs = clock.monotonicMs();
      const now = formatMicroTime(clock.nowMs());
      if (found === undefined) {
        const spec = { ...this.#spec(now), acquireTime: now, leaseTransitions: 0 };
        const metadata = { name, namespace };
        const lease: Lease = {
          apiVersion: 'coordination.k8s.io/v1',
          kind: 'Lease',
          metadata,
          spec,
        };
        this.#lease = await client.create(resources.leases, lease, call);
        this.#renewedMs = sentMs;
        return true;
      }
      if (this.#leftMs(found) > 0) return false;
      const renewing = found.spec.holderIdentity === identity;
      const transitions = found.spec.leaseTransitions ?? 0;
      const spec = {
        ...found.spec,
        ...this.#spec(now),
        ...(renewing ? {} : { acquireTime: now, leaseTransitions: transitions + 1 }),
      };
      this.#lease = await client.update(resources.leases, { ...found, spec }, call);
      this.#renewedMs = sentMs;
      return true;
    } catch (error) {
      if (!isApiError(error, 'Conflict') && !isApiError(error, 'AlreadyExists')) {
        log.debug({ lease: name, error }, 'the lease could not be taken or renewed');
      }
      this.#lease = undefined;
      return false;
    }
  }

  /** A holder renews what it wrote last without reading first. */
  async #read(
    namespace: string,
    call: { readonly deadlineMs: number; readonly signal: AbortSignal },
  ): Promise<Lease | undefined> {
    const { client, identity, name } = this.#options;
    if (this.#lease?.spec.holderIdentity === identity) return this.#lease;
    try {
      const lease = await client.get<Lease>(resources.leases, { namespace, name }, call);
      this.#observe(lease);
      this.#lease = lease;
      return lease;
    } catch (error) {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  get #namespace(): string {
    return this.#options.namespace ?? 'kube-system';
  }

  /** Notes when a change of the lease was first seen. */
  #observe(lease: Lease): void {
    const seen = lease.metadata.resourceVersion ?? '';
    if (seen === this.#observed) return;
    this.#observed = seen;
    this.#observedAtMs = this.#options.clock.monotonicMs();
  }

  /** How long another has the lease to itself, as far as this candidate has seen; not positive: it may be taken. */
  #leftMs({ spec }: Lease): number {
    const holder = spec.holderIdentity ?? '';
    if (holder === '' || holder === this.#options.identity) return 0;
    const durationMs = (spec.leaseDurationSeconds ?? 0) * 1000;
    return durationMs - (this.#options.clock.monotonicMs() - this.#observedAtMs);
  }

  #spec(now: string): Lease['spec'] {
    return {
      holderIdentity: this.#options.identity,
      leaseDurationSeconds: Math.ceil(this.#leaseDurationMs / 1000),
      renewTime: now,
    };
  }

  /** Leaves the lease to whoever asks next. */
  async #release(): Promise<void> {
    const lease = this.#lease;
    this.#lease = undefined;
    if (lease?.spec.holderIdentity !== this.#options.identity) return;
    const spec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1 };
    try {
      await this.#options.client.update(resources.leases, { ...lease, spec }, { deadlineMs: 1000 });
    } catch (error) {
      this.#options.log.debug({ lease: this.#options.name, error }, 'the lease was not given up');
    }
  }
}
