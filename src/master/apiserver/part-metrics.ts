import type { KindDeclaration } from '../../api/kind.js';
import { Counter, Gauge, Histogram, Registry } from '../../lib/metrics.js';
import type { AdmissionStep } from './admission/chain.js';
import { kubernetesVersion } from './discovery/version.js';
import type { DispatchedRequest } from './flowcontrol/index.js';
import type { FinishedStoreCall } from './storage/measured-store.js';

interface StoreSeries {
  readonly requests: { inc(): void };
  readonly seconds: { observe(value: number): void };
}

const stepBuckets = [0.005, 0.025, 0.1, 0.5, 1, 2.5];

/** The metrics of what a request passes in the API server, under kube-apiserver's names. */
export class PartMetrics {
  readonly registry = new Registry();
  readonly #storeRequests = new Counter({
    name: 'etcd_requests_total',
    help: 'Etcd request counts for each operation and object type.',
    labelNames: ['operation', 'type'],
    registers: [this.registry],
  });
  readonly #storeErrors = new Counter({
    name: 'etcd_request_errors_total',
    help: 'Etcd failed request counts for each operation and object type.',
    labelNames: ['operation', 'type'],
    registers: [this.registry],
  });
  readonly #storeSeconds = new Histogram({
    name: 'etcd_request_duration_seconds',
    help: 'Etcd request latency in seconds for each operation and object type.',
    labelNames: ['operation', 'type'],
    buckets: [
      0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30,
      45, 60,
    ],
    registers: [this.registry],
  });
  readonly #watchEvents = new Counter({
    name: 'apiserver_watch_events_total',
    help: 'Number of events sent in watch clients',
    labelNames: ['group', 'version', 'kind'],
    registers: [this.registry],
  });
  readonly #steps = new Histogram({
    name: 'apiserver_admission_step_admission_duration_seconds',
    help:
      'Admission sub-step latency histogram in seconds, broken out for each operation and API resource and step type ' +
      '(validate or admit).',
    labelNames: ['operation', 'rejected', 'type'],
    buckets: stepBuckets,
    registers: [this.registry],
  });
  readonly #plugins = new Histogram({
    name: 'apiserver_admission_controller_admission_duration_seconds',
    help:
      'Admission controller latency histogram in seconds, identified by name and broken out for each operation and API ' +
      'resource and type (validate or admit).',
    labelNames: ['name', 'operation', 'rejected', 'type'],
    buckets: stepBuckets,
    registers: [this.registry],
  });
  readonly #dispatched = new Counter({
    name: 'apiserver_flowcontrol_dispatched_requests_total',
    help: 'Number of requests executed by API Priority and Fairness subsystem',
    labelNames: ['priority_level', 'flow_schema'],
    registers: [this.registry],
  });
  readonly #waited = new Histogram({
    name: 'apiserver_flowcontrol_request_wait_duration_seconds',
    help: 'Length of time a request spent waiting in its queue',
    labelNames: ['priority_level', 'flow_schema', 'execute'],
    buckets: [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30],
    registers: [this.registry],
  });
  readonly #storeSeries = new Map<string, StoreSeries>();
  readonly #watchSeries = new WeakMap<KindDeclaration, { inc(by: number): void }>();

  constructor() {
    const { major, minor, gitVersion, gitCommit, gitTreeState, buildDate, ...rest } =
      kubernetesVersion;
    const { goVersion, compiler, platform } = rest;
    const labels = {
      build_date: buildDate,
      compiler,
      git_commit: gitCommit,
      git_tree_state: gitTreeState,
      git_version: gitVersion,
      go_version: goVersion,
      major,
      minor,
      platform,
    };
    new Gauge({
      name: 'kubernetes_build_info',
      help:
        'A metric with a constant 1 value labeled by major, minor, git version, git commit, git tree state, build date, ' +
        'Go version, and compiler from which Kubernetes was built, and platform on which it is running.',
      labelNames: Object.keys(labels),
      registers: [this.registry],
    }).set(labels, 1);
  }

  onStoreCall({ operation, type, failed, elapsedMs }: FinishedStoreCall): void {
    const key = `${operation} ${type}`;
    let series = this.#storeSeries.get(key);
    if (series === undefined) {
      const labels = { operation, type };
      series = {
        requests: this.#storeRequests.labels(labels),
        seconds: this.#storeSeconds.labels(labels),
      };
      this.#storeSeries.set(key, series);
    }
    series.requests.inc();
    series.seconds.observe(elapsedMs / 1000);
    if (failed) this.#storeErrors.inc({ operation, type });
  }

  /** Events have gone to a watch. */
  onWatchEvents(kind: KindDeclaration, count: number): void {
    let series = this.#watchSeries.get(kind);
    if (series === undefined) {
      const { group, version, kind: name } = kind;
      series = this.#watchEvents.labels({ group, version, kind: name });
      this.#watchSeries.set(kind, series);
    }
    series.inc(count);
  }

  onAdmission({ plugin, operation, type, rejected, elapsedMs }: AdmissionStep): void {
    const labels = { operation, rejected: String(rejected), type };
    const seconds = elapsedMs / 1000;
    if (plugin === undefined) this.#steps.observe(labels, seconds);
    else this.#plugins.observe({ name: plugin, ...labels }, seconds);
  }

  onDispatched({ level, schema, waitedMs }: DispatchedRequest): void {
    const labels = { priority_level: level, flow_schema: schema };
    this.#dispatched.inc(labels);
    this.#waited.observe({ ...labels, execute: 'true' }, waitedMs / 1000);
  }
}
