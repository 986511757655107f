/** Calls of clients, by method and outcome. */
import { Histogram } from '../../lib/metrics.js';
import type { Registry } from '../../lib/metrics.js';
import type { MetricSet, PlainCounts } from './metric-set.js';

/** The name of each gRPC code, as the label has it and as Go writes it. */
export const codeNames = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
] as const;

/** Versions that are told apart, and how long they may be: clients name them as they like. */
const clientVersionsMax = 32;
const clientVersionLengthMax = 32;
const unknownVersion = 'unknown';

type MethodLabel = 'grpc_type' | 'grpc_service' | 'grpc_method';
const methodLabels = ['grpc_type', 'grpc_service', 'grpc_method'] as const;

/** Calls by method. */
export class GrpcMetrics {
  /** Counts unary calls by what their client says its version is. */
  readonly unary: (version: string | undefined) => void;
  /** The same for streams. */
  readonly stream: (version: string | undefined) => void;
  readonly #registry: Registry;
  readonly #started: PlainCounts<MethodLabel>;
  readonly #handled: PlainCounts<MethodLabel | 'grpc_code'>;
  readonly #clientRequests: PlainCounts<'client_api_version' | 'type'>;
  readonly #seconds = new Histogram({
    name: 'grpc_server_handling_seconds',
    help: 'Histogram of response latency (seconds) of gRPC that had been application-level handled by the server.',
    labelNames: [...methodLabels],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  });
  #isExtensive = false;

  constructor(set: MetricSet) {
    this.#registry = set.registry;
    this.#started = set.counts(
      'grpc_server_started_total',
      'Total number of RPCs started on the server.',
      methodLabels,
    );
    this.#handled = set.counts(
      'grpc_server_handled_total',
      'Total number of RPCs completed on the server, regardless of success or failure.',
      [...methodLabels, 'grpc_code'],
    );
    this.#clientRequests = set.counts(
      'etcd_server_client_requests_total',
      'The total number of client requests per client version.',
      ['client_api_version', 'type'],
    );
    this.unary = this.#byVersion('unary');
    this.stream = this.#byVersion('stream');
  }

  /** `--metrics=extensive`: how long calls take as well. */
  measureTime(): void {
    this.#registry.registerMetric(this.#seconds);
    this.#isExtensive = true;
  }

  method(labels: { readonly service: string; readonly method: string; readonly type: string }): {
    started(): void;
    handled(code: number): void;
    /** @returns to be called at the end; nothing where time is not measured */
    timer(): (() => void) | undefined;
  } {
    const { service, method, type } = labels;
    // In the order of their names, as all of etcd's labels are printed: there are those who look for the whole line.
    const own = { grpc_method: method, grpc_service: service, grpc_type: type };
    const started = this.#started.of(own);
    // All of them are shown from the beginning, so that rates can be told.
    const handled = codeNames.map((grpc_code) => this.#handled.of({ grpc_code, ...own }));
    return {
      timer: () => (this.#isExtensive ? this.#seconds.startTimer(own) : undefined),
      started: () => {
        started.count += 1;
      },
      handled: (code) => {
        const one = (handled[code] ??= this.#handled.of({
          grpc_code: codeNames[code] ?? 'Unknown',
          ...own,
        }));
        one.count += 1;
      },
    };
  }

  #byVersion(type: 'unary' | 'stream'): (version: string | undefined) => void {
    const counts = new Map<string, { count: number }>();
    return (version = unknownVersion) => {
      let one = counts.get(version);
      if (one === undefined) {
        const isTold = counts.size < clientVersionsMax && version.length <= clientVersionLengthMax;
        const label = isTold ? version : unknownVersion;
        one = this.#clientRequests.of({ client_api_version: label, type });
        if (label === version) counts.set(version, one);
      }
      one.count += 1;
    };
  }
}
