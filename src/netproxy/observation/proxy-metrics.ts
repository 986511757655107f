import type { Clock } from '../../lib/clock.js';
import { Counter, exponentialBuckets, Gauge, Histogram } from '../../lib/metrics.js';
import type { Registry } from '../../lib/metrics.js';
import type { ProxyMode } from '../types.js';

/** Is told how the rules of services follow what is known of them. */
export interface SyncObserver {
  /** Something changed: the rules are behind. */
  queued(): void;
  /** What is known goes into the rules now. */
  began(): void;
  /** The rules are in force. @param tookMs since they began to be made */
  synced(tookMs: number): void;
  /** The rules could not be put in force. */
  failed(): void;
}

const prefix = 'kubeproxy_sync_proxy_rules';

/** kube-proxy's metrics of the rules of services, and its verdict on its own health. */
export class ProxyMetrics implements SyncObserver {
  readonly #clock: Clock;
  readonly #seconds: Histogram;
  readonly #lastQueued: Gauge;
  readonly #lastSynced: Gauge;
  readonly #failures: Counter;
  readonly #changes: Readonly<Record<'service' | 'endpoint', { total: Counter; pending: Gauge }>>;
  /** When the oldest change came that is not in the rules, on the monotonic clock. */
  #waitingMs: number | undefined;
  /** The same of changes that go into the rules at the moment. */
  #underWayMs: number | undefined;
  #syncedAtMs: number | undefined;

  constructor(registry: Registry, clock: Clock, mode: ProxyMode) {
    this.#clock = clock;
    const registers = [registry];
    this.#seconds = new Histogram({
      name: `${prefix}_duration_seconds`,
      help: 'SyncProxyRules latency in seconds',
      buckets: exponentialBuckets(0.001, 2, 15),
      registers,
    });
    this.#lastSynced = new Gauge({
      name: `${prefix}_last_timestamp_seconds`,
      help: 'The last time proxy rules were successfully synced',
      registers,
    });
    this.#lastQueued = new Gauge({
      name: `${prefix}_last_queued_timestamp_seconds`,
      help: 'The last time a sync of proxy rules was queued',
      registers,
    });
    const change = (name: string, words: string): { total: Counter; pending: Gauge } => ({
      total: new Counter({
        name: `${prefix}_${name}_changes_total`,
        help: `Cumulative proxy rules ${words} changes`,
        registers,
      }),
      pending: new Gauge({
        name: `${prefix}_${name}_changes_pending`,
        help: `Pending proxy rules ${words} changes`,
        registers,
      }),
    });
    this.#changes = {
      service: change('service', 'Service'),
      endpoint: change('endpoint', 'Endpoint'),
    };
    const [name, words] =
      mode === 'nftables'
        ? ['nftables_sync_failures', 'nftables sync failures']
        : ['iptables_restore_failures', 'iptables restore failures'];
    this.#failures = new Counter({
      name: `${prefix}_${name}_total`,
      help: `Cumulative proxy ${words}`,
      registers,
    });
  }

  /** A Service or an EndpointSlice has changed. */
  changed(what: 'service' | 'endpoint'): void {
    this.#changes[what].total.inc();
    this.#changes[what].pending.inc();
  }

  queued(): void {
    this.#lastQueued.set(this.#clock.nowMs() / 1000);
    this.#waitingMs ??= this.#clock.monotonicMs();
  }

  began(): void {
    this.#underWayMs ??= this.#waitingMs;
    this.#waitingMs = undefined;
    for (const { pending } of Object.values(this.#changes)) pending.set(0);
  }

  synced(tookMs: number): void {
    this.#seconds.observe(tookMs / 1000);
    this.#syncedAtMs = this.#clock.nowMs();
    this.#lastSynced.set(this.#syncedAtMs / 1000);
    this.#underWayMs = undefined;
  }

  failed(): void {
    this.#failures.inc();
  }

  /** For how long the oldest change waits that is not in the rules, in milliseconds; 0 when none does. */
  get behindMs(): number {
    const sinceMs = this.#underWayMs ?? this.#waitingMs;
    return sinceMs === undefined ? 0 : this.#clock.monotonicMs() - sinceMs;
  }

  /** When the rules were last as they should be, by the wall clock. */
  get syncedAtMs(): number | undefined {
    return this.#syncedAtMs;
  }
}
