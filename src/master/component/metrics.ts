import { ClientMetrics } from '../../client/client-metrics.js';
import { Gauge, Registry } from '../../lib/metrics.js';
import { observeEventLoop, observeProcess } from '../../lib/process-metrics.js';
import { WorkQueueMetrics } from '../../lib/work-queue-metrics.js';

/** The metrics that the scheduler and the controller manager have in common. They outlive a term as leader. */
export class ComponentMetrics {
  readonly registry = new Registry();
  readonly queues = new WorkQueueMetrics(this.registry);
  readonly client = new ClientMetrics(this.registry);
  readonly #leads = new Gauge({
    name: 'leader_election_master_status',
    help:
      'Gauge of if the reporting system is master of the relevant lease, 0 indicates backup, 1 indicates master. ' +
      "'name' is the string used to identify the lease. Please make sure to group by name.",
    labelNames: ['name'],
    registers: [this.registry],
  });

  constructor() {
    observeProcess(this.registry);
    observeEventLoop(this.registry);
  }

  /** Tells whether this instance holds the lease of that name. */
  setLeading(lease: string, leads: boolean): void {
    this.#leads.set({ name: lease }, leads ? 1 : 0);
  }
}
