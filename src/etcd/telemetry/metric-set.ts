import { Counter, Gauge, Histogram } from '../../lib/metrics.js';
import type { Registry } from '../../lib/metrics.js';

/** Upper bounds of a histogram, each twice the one before. */
export function exponential(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, at) => first * 2 ** at);
}

/** Makes the metrics of one member: all in its registry. */
export class MetricSet {
  readonly registry: Registry;

  constructor(registry: Registry) {
    this.registry = registry;
  }

  counter(name: string, help: string, ...labelNames: string[]): Counter {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  gauge(name: string, help: string, ...labelNames: string[]): Gauge {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }

  histogram(name: string, help: string, buckets: number[], ...labelNames: string[]): Histogram {
    return new Histogram({ name, help, buckets, labelNames, registers: [this.registry] });
  }

  /** Counts of a hot path. */
  counts<Labels extends string>(
    name: string,
    help: string,
    labelNames: readonly Labels[],
  ): PlainCounts<Labels> {
    return new PlainCounts(this.registry, { name, help, labelNames });
  }

  /** A gauge that is read when the metrics are asked for. */
  readGauge(name: string, help: string, read: () => number): void {
    const collect = (metric: Gauge): void => metric.set(read());
    this.registry.registerMetric(new Gauge({ name, help, collect }));
  }

  /** A counter that is read when the metrics are asked for. */
  readCounter(name: string, help: string, read: () => number): void {
    const collect = (metric: Counter): void => {
      metric.reset();
      metric.inc(read());
    };
    this.registry.registerMetric(new Counter({ name, help, collect }));
  }
}

/**
 * Counts of the hot paths are plain numbers, and become the metric's when it is read: the library's own counting costs
 * more than what is counted.
 */
export class PlainCounts<Labels extends string> {
  readonly #labelNames: readonly Labels[];
  readonly #counts = new Map<string, { readonly labels: Record<Labels, string>; count: number }>();

  constructor(
    registry: Registry,
    options: {
      readonly name: string;
      readonly help: string;
      readonly labelNames: readonly Labels[];
    },
  ) {
    const { name, help, labelNames } = options;
    this.#labelNames = labelNames;
    const counts = this.#counts;
    const collect = (metric: Counter<Labels>): void => {
      metric.reset();
      for (const { labels, count } of counts.values()) metric.inc(labels, count);
    };
    registry.registerMetric(new Counter({ name, help, labelNames, collect }));
  }

  /** @returns a count of its own, to be added to */
  of(labels: Record<Labels, string>): { count: number } {
    const key = this.#labelNames.map((name) => labels[name]).join('\n');
    let count = this.#counts.get(key);
    if (count === undefined) {
      count = { labels, count: 0 };
      this.#counts.set(key, count);
    }
    return count;
  }
}
