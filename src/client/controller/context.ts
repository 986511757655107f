import type { ApiClient, InformerFactory } from '../types.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import type { Prng } from '../../lib/prng.js';
import type { EventRecorder } from '../events/recorder.js';

/** Hooks for metrics. */
export interface ReconcileMetrics {
  observeReconcile(controller: string, failed: boolean, durationMs: number): void;
}

/** The dependencies of every reconciler. */
export interface ReconcileContext {
  readonly client: ApiClient;
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
  readonly metrics?: ReconcileMetrics;
  /** Events in the name of a component, such as "deployment-controller". */
  recorder(component: string): EventRecorder;
}
