import type { ApiClient, InformerFactory } from '../types.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/log.js';
import type { Prng } from '../../lib/prng.js';
import type { WorkQueue, WorkQueueObserver } from '../../lib/work-queue.js';
import type { EventRecorder } from '../events/recorder.js';

/** Makes the observers of work queues, by the controller's name. */
export interface QueueMetrics {
  observer(name: string): (queue: WorkQueue) => WorkQueueObserver;
}

/** The dependencies of every reconciler. */
export interface ReconcileContext {
  readonly client: ApiClient;
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
  /** @default nobody observes the queues */
  readonly metrics?: QueueMetrics;
  /** Events in the name of a component, such as "deployment-controller". */
  recorder(component: string): EventRecorder;
}
