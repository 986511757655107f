import type { Clock } from '../../lib/clock.js';
import type { HealthCheck } from '../../lib/health-checks.js';
import { alwaysHolds } from '../../lib/health-checks.js';

/** The work of a leader that has lost its lease must have ended by then (leader election's `HealthzAdaptor`). */
const overtimeMs = 20_000;

/** The part of an election that health is about: whether this instance works, and whether it may. */
export class Term {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #state: 'idle' | 'starting' | 'working' = 'idle';
  #lostMs: number | undefined;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** Work begins. @param signal aborts when it has to end */
  begin(signal: AbortSignal): void {
    this.#state = 'starting';
    this.#lostMs = undefined;
    signal.addEventListener('abort', () => (this.#lostMs = this.#clock.monotonicMs()), {
      once: true,
    });
  }

  /** Everything that the work needs is known. */
  started(): void {
    this.#state = 'working';
  }

  /** The work has ended. */
  end(): void {
    this.#state = 'idle';
  }

  /** The checks of a component. @param root `healthz`, `livez` or `readyz` */
  checks(root: string): readonly HealthCheck[] {
    if (root === 'readyz') {
      const synced = { name: 'informer-sync', holds: () => this.#state !== 'starting' };
      return [alwaysHolds('ping'), alwaysHolds('log'), synced];
    }
    return [
      alwaysHolds('ping'),
      alwaysHolds('log'),
      { name: 'leaderElection', holds: () => !this.#isOvertime() },
    ];
  }

  #isOvertime(): boolean {
    if (this.#state === 'idle' || this.#lostMs === undefined) return false;
    return this.#clock.monotonicMs() - this.#lostMs > overtimeMs;
  }
}
