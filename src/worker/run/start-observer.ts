import type { Clock } from '../../lib/clock.js';
import type { PodState, TrackedContainer } from '../pod/state.js';
import { isRunning } from '../pod/state.js';
import type { PodObserver } from './node-context.js';

/** Tells of the starts of a pod's containers, for metrics. */
export class StartObserver {
  readonly #node: { readonly clock: Clock; readonly observer?: PodObserver };
  readonly #state: Readonly<PodState>;
  /** The first time that all its containers run is told once; of a pod that was taken over, never. */
  #hasRun: boolean;

  constructor(
    node: { readonly clock: Clock; readonly observer?: PodObserver },
    state: Readonly<PodState>,
    hasRun: boolean,
  ) {
    this.#node = node;
    this.#state = state;
    this.#hasRun = hasRun;
  }

  /** A container was started, or could not be: then with the reason, as its status has it. */
  started(tracked: TrackedContainer, failure: string | undefined): void {
    const { observer, clock } = this.#node;
    if (observer === undefined) return;
    observer.containerStarted(tracked.role, failure);
    const main = [...this.#state.trackedContainers.values()].filter(({ role }) => role === 'main');
    if (this.#hasRun || !main.every(isRunning)) return;
    this.#hasRun = true;
    observer.podStarted(clock.nowMs() - this.#state.startedAtMs);
  }
}
