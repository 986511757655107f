import type { HealthCheck } from '../../lib/health-checks.js';
import { alwaysHolds, answerHealth, healthPath } from '../../lib/health-checks.js';
import { HealthMetrics, healthMetricsPath } from '../../lib/health-metrics.js';
import type { Exchange } from './rest/exchange.js';
import { sendBytes } from './rest/respond.js';
import type { Store } from './storage/store.js';

/**
 * What Kubernetes 1.33 names of its start, in its order, so that whoever asks for one, or excludes one, finds it. All
 * of it is done here when the server is ready, none of it before.
 */
const startSteps = [
  'poststarthook/start-apiserver-admission-initializer',
  'poststarthook/generic-apiserver-start-informers',
  'poststarthook/priority-and-fairness-config-consumer',
  'poststarthook/priority-and-fairness-filter',
  'poststarthook/storage-object-count-tracker-hook',
  'poststarthook/start-apiextensions-informers',
  'poststarthook/start-apiextensions-controllers',
  'poststarthook/crd-informer-synced',
  'poststarthook/start-system-namespaces-controller',
  'poststarthook/start-cluster-authentication-info-controller',
  'poststarthook/start-kube-apiserver-identity-lease-controller',
  'poststarthook/start-kube-apiserver-identity-lease-garbage-collector',
  'poststarthook/start-legacy-token-tracking-controller',
  'poststarthook/start-service-ip-repair-controllers',
  'poststarthook/rbac/bootstrap-roles',
  'poststarthook/scheduling/bootstrap-system-priority-classes',
  'poststarthook/priority-and-fairness-config-producer',
  'poststarthook/bootstrap-controller',
  'poststarthook/start-kubernetes-service-cidr-controller',
  'poststarthook/aggregator-reload-proxy-client-cert',
  'poststarthook/start-kube-aggregator-informers',
  'poststarthook/apiservice-status-local-available-controller',
  'poststarthook/apiservice-status-remote-available-controller',
  'poststarthook/apiservice-registration-controller',
  'poststarthook/apiservice-discovery-controller',
  'poststarthook/kube-apiserver-autoregistration',
  'autoregister-completion',
  'poststarthook/apiservice-openapi-controller',
  'poststarthook/apiservice-openapiv3-controller',
];

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
    const etcd = {
      holds: async () => {
        try {
          await this.#store.revision();
          return true;
        } catch {
          return false;
        }
      },
      reason: 'error getting data from etcd',
    };
    const started = (name: string): HealthCheck => ({
      name,
      holds: () => this.#ready,
      reason: 'not finished',
    });
    const isAboutReadiness = root === 'readyz';
    return [
      alwaysHolds('ping'),
      alwaysHolds('log'),
      { name: 'etcd', ...etcd },
      ...(isAboutReadiness ? [{ name: 'etcd-readiness', ...etcd }, started('informer-sync')] : []),
      ...startSteps.map(started),
      ...(isAboutReadiness
        ? [
            {
              name: 'shutdown',
              holds: () => !this.#stopping,
              reason: 'process is shutting down',
            },
          ]
        : []),
    ];
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
