/** What the checks of a component's health have found, as Kubernetes' components count it: `/metrics/slis`. */
import { Counter, Gauge, Registry } from './metrics.js';

/** Where the metrics are read. */
export const healthMetricsPath = '/metrics/slis';

/** The outcomes of health checks. Labels are the names of checks, which a component chooses itself. */
export class HealthMetrics {
  readonly registry = new Registry();
  readonly #last = new Gauge({
    name: 'kubernetes_healthcheck',
    help: '[STABLE] This metric records the result of a single healthcheck.',
    labelNames: ['name', 'type'] as const,
    registers: [this.registry],
  });
  readonly #all = new Counter({
    name: 'kubernetes_healthchecks_total',
    help: '[STABLE] This metric records the results of all healthcheck.',
    labelNames: ['name', 'status', 'type'] as const,
    registers: [this.registry],
  });

  /** Counts one look at one check. @param type `healthz`, `livez` or `readyz` */
  observe(type: string, name: string, isWell: boolean): void {
    this.#last.set({ name, type }, isWell ? 1 : 0);
    this.#all.inc({ name, status: isWell ? 'success' : 'error', type });
  }
}
