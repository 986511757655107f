import { Registry } from '../../lib/metrics.js';
import { GrpcMetrics } from './grpc-metrics.js';
import { MetricSet } from './metric-set.js';
import { NetworkMetrics } from './network-metrics.js';
import { ServerMetrics } from './server-metrics.js';

/** The metrics of one member, handed to its parts: members of one process share nothing. */
export class Telemetry {
  /** All metrics of the member, as `/metrics` shows them. */
  readonly registry = new Registry();
  readonly set = new MetricSet(this.registry);
  readonly server = new ServerMetrics(this.set);
  readonly grpc = new GrpcMetrics(this.set);
  readonly network = new NetworkMetrics(this.set, this.server);
}
