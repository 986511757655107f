import type { HealthCheck } from '../../lib/health-checks.js';
import { alwaysHolds, answerHealth, healthPath } from '../../lib/health-checks.js';
import { HealthMetrics, healthMetricsPath } from '../../lib/health-metrics.js';
import type { Exchange } from './rest/exchange.js';
import { sendBytes } from './rest/respond.js';
import type { Store } from './storage/store.js';

/**
 * `/healthz`, `/livez`, `/readyz`, each whole, `?verbose`, with `?exclude=`, and per check; and `/metrics/slis`, what
 * these checks have found.
 */
export class HealthHandler {
  readonly #store: Store;
  readonly #metrics = new HealthMetrics();
  #ready = false;
  #stopping = false;

  constructor(store: Store) {
    this.#store = store;
  }

  setReady(): void {
    this.#ready = true;
  }

  setStopping(): void {
    this.#stopping = true;
  }

  #checks(root: string): HealthCheck[] {
    const checks: HealthCheck[] = [
      alwaysHolds('ping'),
      alwaysHolds('log'),
      {
        name: 'etcd',
        holds: async () => {
          try {
            await this.#store.revision();
            return true;
          } catch {
            return false;
          }
        },
      },
      { name: 'poststarthook/rbac/bootstrap-roles', holds: () => this.#ready },
    ];
    if (root === 'readyz') checks.push({ name: 'shutdown', holds: () => !this.#stopping });
    return checks;
  }

  /** @returns false when the path is none of these */
  async handle(exchange: Exchange): Promise<boolean> {
    if (exchange.info.path === healthMetricsPath) {
      const { registry } = this.#metrics;
      await sendBytes(exchange, 200, Buffer.from(registry.metrics()), registry.contentType);
      return true;
    }
    const path = healthPath(exchange.info.path);
    if (path === undefined) return false;
    const checks = this.#checks(path.root);
    const answer = await answerHealth(path, exchange.query, checks, this.#metrics);
    if (answer === undefined) return false;
    const type = 'text/plain; charset=utf-8';
    await sendBytes(exchange, answer.status, Buffer.from(answer.text), type, {
      'x-content-type-options': 'nosniff',
    });
    return true;
  }
}
