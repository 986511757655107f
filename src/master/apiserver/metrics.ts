import { Counter, Gauge, Histogram, Registry } from '../../lib/metrics.js';
import { observeEventLoop, observeProcess } from '../../lib/process-metrics.js';
import type { FlowCounts } from './flowcontrol/index.js';
import type { FinishedRequest } from './verbs/index.js';

const hour = 3600;
const day = 24 * hour;
/** As kube-apiserver's: from half an hour to a year of twelve times thirty days. */
const certificateHours = [0, 0.5, 1, 2, 6, 12].map((hours) => hours * hour);
const certificateDays = [1, 2, 4, 7, 30, 90, 180, 360].map((days) => days * day);

/** kube-apiserver's metric names, for what means the same here. */
export class ServerMetrics {
  readonly registry = new Registry();
  readonly #requests = new Counter({
    name: 'apiserver_request_total',
    help: 'Counter of apiserver requests broken out for each verb, group, version, resource and code.',
    labelNames: ['verb', 'group', 'version', 'resource', 'subresource', 'scope', 'code'],
    registers: [this.registry],
    collect: () => this.#countSeries(),
  });
  readonly #duration = new Histogram({
    name: 'apiserver_request_duration_seconds',
    help: 'Response latency distribution in seconds for each verb, group, version and resource.',
    labelNames: ['verb', 'group', 'version', 'resource', 'subresource', 'scope'],
    buckets: [
      0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30,
      45, 60,
    ],
    registers: [this.registry],
  });

  readonly #authentications = new Counter({
    name: 'authentication_attempts',
    help: 'Counter of authenticated attempts.',
    labelNames: ['result'],
    registers: [this.registry],
  });
  readonly #authorizations = new Counter({
    name: 'authorization_attempts_total',
    help: "Counter of authorization attempts broken down by result. It can be either 'allowed', 'denied', 'no-opinion' or 'error'.",
    labelNames: ['result'],
    registers: [this.registry],
  });
  readonly #outcomes = {
    known: this.#authentications.labels({ result: 'success' }),
    unknown: this.#authentications.labels({ result: 'failure' }),
    allowed: this.#authorizations.labels({ result: 'allowed' }),
    denied: this.#authorizations.labels({ result: 'denied' }),
  };
  readonly #certificates = new Histogram({
    name: 'apiserver_client_certificate_expiration_seconds',
    help: 'Distribution of the remaining lifetime on the certificate used to authenticate a request.',
    buckets: [...certificateHours, ...certificateDays],
    registers: [this.registry],
  });

  /** By the labels; as many as there are series. */
  readonly #series = new Map<string, Series>();

  constructor(gauges: {
    readonly inFlight: () => { readonly reading: number; readonly mutating: number };
    readonly flow: () => FlowCounts;
    readonly watches: () => number;
    readonly objects: () => Iterable<{ readonly id: string; readonly count: number }>;
  }) {
    observeProcess(this.registry);
    observeEventLoop(this.registry);
    const show = (gauge: Gauge): void => this.registry.registerMetric(gauge);
    show(
      new Gauge({
        name: 'apiserver_current_inflight_requests',
        help: 'Maximal number of currently used inflight request limit of this apiserver per request kind.',
        labelNames: ['request_kind'],
        collect(metric) {
          const now = gauges.inFlight();
          metric.set({ request_kind: 'readOnly' }, now.reading);
          metric.set({ request_kind: 'mutating' }, now.mutating);
        },
      }),
    );
    for (const metric of flowMetrics(gauges.flow)) this.registry.registerMetric(metric);
    show(
      new Gauge({
        name: 'apiserver_longrunning_requests',
        help: 'Gauge of all active long-running apiserver requests.',
        labelNames: ['verb'],
        collect(metric) {
          metric.set({ verb: 'WATCH' }, gauges.watches());
        },
      }),
    );
    show(
      new Gauge({
        name: 'apiserver_storage_objects',
        help: 'Number of stored objects at the time of last check split by kind.',
        labelNames: ['resource'],
        collect(metric) {
          metric.reset();
          for (const { id, count } of gauges.objects()) metric.set({ resource: id }, count);
        },
      }),
    );
  }

  /** A client certificate has authenticated a request. @param leftMs until it ends */
  onCertificate(leftMs: number): void {
    this.#certificates.observe(leftMs / 1000);
  }

  onRequest({ call, attributes, decision, code, elapsedMs }: FinishedRequest): void {
    const { known: isKnown, unknown, allowed, denied } = this.#outcomes;
    (attributes === undefined ? unknown : isKnown).inc();
    if (decision !== undefined) (decision.allowed ? allowed : denied).inc();
    // Names that nobody declared come from callers: as labels they would grow without bound.
    const known = code < 400 || ![401, 403, 404, 405].includes(code);
    const of = known && attributes?.isResource === true ? attributes : noResource;
    const scope = call.resource === undefined ? '' : scopeOf(call.resource);
    const verb = verbOf(call.verb);
    const key = `${verb} ${of.group} ${of.version} ${of.resource} ${of.subresource} ${scope} ${code}`;
    let series = this.#series.get(key);
    if (series === undefined) {
      const { group, version, resource, subresource } = of;
      const labels = { verb, group, version, resource, subresource, scope };
      series = {
        uncounted: 0,
        requests: this.#requests.labels({ ...labels, code }),
        duration: call.verb === 'watch' ? undefined : this.#duration.labels(labels),
      };
      this.#series.set(key, series);
    }
    series.uncounted++;
    series.duration?.observe(elapsedMs / 1_000);
  }

  /** Brings the counter up to date when it is read: each step of it looks its labels up again. */
  #countSeries(): void {
    for (const series of this.#series.values()) {
      if (series.uncounted > 0) series.requests.inc(series.uncounted);
      series.uncounted = 0;
    }
  }
}

/** The levels of priority and fairness, under Kubernetes' names. */
function flowMetrics(counts: () => FlowCounts): (Gauge | Counter)[] {
  const gauge = (name: string, help: string, of: (level: Level) => number): Gauge =>
    new Gauge({
      name: `apiserver_flowcontrol_${name}`,
      help,
      labelNames: ['priority_level'],
      registers: [],
      collect(metric) {
        metric.reset();
        for (const level of counts().levels) metric.set({ priority_level: level.name }, of(level));
      },
    });
  // No level borrows from another: each has what its shares give it, no less and no more.
  const limits = ['nominal', 'lower', 'upper'].map((which) =>
    gauge(
      `${which}_limit_seats`,
      `${which} number of execution seats configured for each priority level`,
      ({ limit }) => limit,
    ),
  );
  return [
    ...limits,
    gauge(
      'current_limit_seats',
      'current derived number of execution seats available to each priority level',
      ({ limit }) => limit,
    ),
    gauge(
      'current_executing_seats',
      'Concurrency (number of seats) occupied by the currently executing requests in the API Priority and Fairness subsystem',
      ({ inUse }) => inUse,
    ),
    gauge(
      'current_inqueue_requests',
      'Number of requests currently pending in queues of the API Priority and Fairness subsystem',
      ({ waiting }) => waiting,
    ),
    new Counter({
      name: 'apiserver_flowcontrol_rejected_requests_total',
      help: 'Number of requests rejected by API Priority and Fairness subsystem',
      labelNames: ['priority_level', 'flow_schema', 'reason'],
      registers: [],
      collect(metric) {
        metric.reset();
        for (const [key, count] of counts().rejected) {
          const [level = '', schema = '', reason = ''] = key.split('\0');
          metric.inc({ priority_level: level, flow_schema: schema, reason }, count);
        }
      },
    }),
  ];
}

type Level = FlowCounts['levels'][number];

/** One request's counters, found once for each set of labels: their lookup costs more than the counting. */
interface Series {
  /** Requests since the counter was read. */
  uncounted: number;
  readonly requests: { inc(value: number): void };
  readonly duration: { observe(value: number): void } | undefined;
}

const noResource = { group: '', version: '', resource: '', subresource: '' };

const verbLabels = new Map(
  'get list watch create update patch delete deletecollection head options post put'
    .split(' ')
    .map((verb) => [verb, verb.toUpperCase()]),
);

/** The verb as a label; methods that somebody made up share one. */
function verbOf(verb: string): string {
  return verbLabels.get(verb) ?? 'other';
}

function scopeOf({
  name,
  namespace,
}: {
  readonly name: string;
  readonly namespace: string;
}): string {
  if (name !== '') return 'resource';
  return namespace === '' ? 'cluster' : 'namespace';
}
