import type { ApiClient, InformerFactory } from '../../../client/types.js';
import type { Clock } from '../../../lib/clock.js';
import type { Logger } from '../../../lib/log.js';
import type { Prng } from '../../../lib/prng.js';
import type { EventRecorder } from './events.js';
import type { ControllerFlags } from './flags.js';

/** Hooks for metrics. */
export interface ControllerMetrics {
  observeReconcile(controller: string, failed: boolean, durationMs: number): void;
}

/** What every controller gets. */
export interface ControllerContext {
  readonly client: ApiClient;
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
  readonly flags: ControllerFlags;
  readonly metrics?: ControllerMetrics;
  /** Events in the name of a component, such as "deployment-controller". */
  recorder(component: string): EventRecorder;
}
