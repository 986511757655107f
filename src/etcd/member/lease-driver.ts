import { LeaseCheckpointRequest, LeaseRevokeRequest } from '../../gen/etcd/rpc.js';
import type { Clock } from '../../lib/clock.js';
import type { EntryKind } from '../apply/entry.js';
import type { LeaseCheckpoint, Lessor } from '../lease/types.js';
import type { ServerMetrics } from '../telemetry/server-metrics.js';
import { revokeBatch } from '../guards/limits.js';

/** Counts expired leases. */
type LeaseMetrics = Pick<ServerMetrics, 'leaseExpired'>;

/** Proposes entries on behalf of the driver. */
export interface LeaseProposals {
  /** Puts a request into the log as the leader of the present term, or not at all. */
  proposeAsLeader(kind: EntryKind, payload: Uint8Array, request: unknown): Promise<unknown>;
}

/** Expired leases are looked for at most so often, and at least so often while there are any. */
const minWakeMs = 50;
const maxWakeMs = 500;

/** On the leader: turns the passing of time into log entries. Followers only follow the log. */
export class LeaseDriver {
  readonly #lessor: Lessor;
  readonly #clock: Clock;
  readonly #metrics: LeaseMetrics;
  readonly #proposals: LeaseProposals;
  #cancel: (() => void) | undefined;

  constructor(
    lessor: Lessor,
    tools: { readonly clock: Clock; readonly telemetry: { readonly server: LeaseMetrics } },
    proposals: LeaseProposals,
  ) {
    this.#lessor = lessor;
    this.#clock = tools.clock;
    this.#metrics = tools.telemetry.server;
    this.#proposals = proposals;
  }

  /** This member leads now. @param extendSeconds what every lease gets on top, since keep-alives may have been lost */
  lead(extendSeconds: number): void {
    this.#lessor.promote(extendSeconds);
    this.#schedule();
  }

  /** This member leads no more: time stops for its leases. */
  follow(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#lessor.isPrimary) this.#lessor.demote();
  }

  #schedule(): void {
    this.#cancel?.();
    const wakeMs = Math.min(Math.max(this.#lessor.nextWakeMs() ?? maxWakeMs, minWakeMs), maxWakeMs);
    this.#cancel = this.#clock.schedule(wakeMs, () => {
      if (!this.#lessor.isPrimary) return;
      for (const id of this.#lessor.expired(revokeBatch)) {
        this.#metrics.leaseExpired();
        this.revoke(id);
      }
      const due = this.#lessor.checkpointsDue();
      if (due.length > 0) this.#checkpoint(due);
      this.#schedule();
    });
  }
  /**
   * Proposes to revoke an expired lease. A failure is not told: the lessor names the lease again. The proposal must not
   * be passed on to a later leader: a leader that stalls, and finds the lease expired when it goes on, does not know
   * who has kept it alive with its successor meanwhile.
   */
  revoke(id: bigint): void {
    const request = { ID: id };
    const payload = LeaseRevokeRequest.encode(request).finish();
    this.#proposals.proposeAsLeader('leaseRevoke', payload, request).catch(() => undefined);
  }

  /** Proposes to remember how much of long leases is left; what fails is due again. */
  #checkpoint(due: readonly LeaseCheckpoint[]): void {
    const checkpoints = due.map(({ id, remainingTtlSeconds }) => ({
      ID: id,
      remainingTTL: remainingTtlSeconds,
    }));
    const request = { checkpoints };
    const payload = LeaseCheckpointRequest.encode(request).finish();
    this.#proposals.proposeAsLeader('leaseCheckpoint', payload, request).catch(() => undefined);
  }
}
