import type { Clock } from '../../lib/clock.js';
import type { LeaseCheckpoint, Lessor } from '../lease/types.js';
import { revokeBatch } from '../guards/limits.js';
import { serverMetrics } from '../telemetry/metrics.js';

/** How the driver reaches the log. Failures are not told: what did not happen is asked for again. */
export interface LeaseProposals {
  revoke(id: bigint): void;
  checkpoint(checkpoints: readonly LeaseCheckpoint[]): void;
}

/** Expired leases are looked for at most so often, and at least so often while there are any. */
const minWakeMs = 50;
const maxWakeMs = 500;

/** On the leader: turns the passing of time into log entries. Followers only follow the log. */
export class LeaseDriver {
  readonly #lessor: Lessor;
  readonly #clock: Clock;
  readonly #proposals: LeaseProposals;
  #cancel: (() => void) | undefined;

  constructor(lessor: Lessor, clock: Clock, proposals: LeaseProposals) {
    this.#lessor = lessor;
    this.#clock = clock;
    this.#proposals = proposals;
  }

  /** This member leads now. @param extendSeconds what every lease gets on top, since keep-alives may have been lost */
  lead(extendSeconds: number): void {
    this.#lessor.promote(extendSeconds);
    this.#schedule();
  }

  /** It leads no more. */
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
        serverMetrics.leaseExpired();
        this.#proposals.revoke(id);
      }
      const due = this.#lessor.checkpointsDue();
      if (due.length > 0) this.#proposals.checkpoint(due);
      this.#schedule();
    });
  }
}
