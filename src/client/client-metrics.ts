import { Counter, Histogram } from '../lib/metrics.js';
import type { Registry } from '../lib/metrics.js';
import type { FinishedCall } from './api-client.js';

/**
 * The requests of a component to the API, under client-go's names (`rest_client_…`). Hosts are those of the masters:
 * the few that the cluster has had.
 */
export class ClientMetrics {
  readonly #requests: Counter;
  readonly #duration: Histogram;

  constructor(registry: Registry) {
    this.#requests = new Counter({
      name: 'rest_client_requests_total',
      help: 'Number of HTTP requests, partitioned by status code, method, and host.',
      labelNames: ['code', 'method', 'host'],
      registers: [registry],
    });
    this.#duration = new Histogram({
      name: 'rest_client_request_duration_seconds',
      help: 'Request latency in seconds. Broken down by verb, and host.',
      labelNames: ['verb', 'host'],
      buckets: [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60],
      registers: [registry],
    });
  }

  onCall({ method, host, code, elapsedMs }: FinishedCall): void {
    this.#requests.inc({ code: code ?? '<error>', method, host });
    if (elapsedMs !== undefined) this.#duration.observe({ verb: method, host }, elapsedMs / 1000);
  }
}
