/**
 * Counters, gauges and histograms, and their text in Prometheus' exposition format 0.0.4. Label values come from
 * callers who bound how many there are; the names of labels are fixed when a metric is made.
 */
import { systemClock } from './clock.js';

/** A value for each label, in the order in which they are printed. */
export type Labels<Label extends string> = Readonly<Partial<Record<Label, string | number>>>;

interface MetricOptions<Label extends string> {
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly Label[];
  /** The registries that show the metric. @default none: `registerMetric` adds it */
  readonly registers?: readonly Registry[];
}

interface Sample {
  /** The suffix of the metric's name, such as `_bucket`. */
  readonly suffix?: string;
  /** `a="1",b="2"` */
  readonly labels: string;
  readonly value: number;
  /** When the value was measured, by the wall clock. @default when it is read */
  readonly atMs?: number;
}

/** A metric that a registry shows. */
export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  samples(): readonly Sample[];
}

/** Metrics that are shown together; each name once. */
export class Registry {
  readonly contentType = 'text/plain; version=0.0.4; charset=utf-8';
  readonly #metrics = new Map<string, Metric>();

  /** @throws TypeError when the name is taken by another metric */
  registerMetric(metric: Metric): void {
    const known = this.#metrics.get(metric.name);
    if (known !== undefined && known !== metric) {
      throw new TypeError(`a metric with the name ${metric.name} has already been registered`);
    }
    this.#metrics.set(metric.name, metric);
  }

  /** All of them as text, in the order of their registration; collected now. */
  metrics(): string {
    return `${[...this.#metrics.values()].map(textOf).join('\n\n')}\n`;
  }
}

function textOf(metric: Metric): string {
  const { name, help, type } = metric;
  const lines = metric.samples().map(({ suffix = '', labels, value, atMs }) => {
    const time = atMs === undefined ? '' : ` ${Math.round(atMs)}`;
    return `${name}${suffix}${labels === '' ? '' : `{${labels}}`} ${valueText(value)}${time}`;
  });
  return [`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${type}`, ...lines].join('\n');
}

function valueText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  return String(value);
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

/** The series of one metric, by its labels. */
class Family<Label extends string, Series> {
  readonly #name: string;
  readonly #labelNames: readonly Label[];
  readonly #create: () => Series;
  readonly #series = new Map<string, { readonly labels: string; readonly series: Series }>();

  constructor({ name, labelNames = [] }: MetricOptions<Label>, create: () => Series) {
    this.#name = name;
    this.#labelNames = labelNames;
    this.#create = create;
    this.reset();
  }

  /** Forgets all; a metric without labels always has its one series. */
  reset(): void {
    this.#series.clear();
    if (this.#labelNames.length === 0) this.of();
  }

  /** @throws TypeError for a label that the metric does not have */
  of(labels?: Labels<Label>): Series {
    const key = this.#labelNames.map((name) => labels?.[name] ?? '').join('\0');
    const known = this.#series.get(key);
    if (known !== undefined) return known.series;
    const entries = Object.entries<string | number | undefined>(labels ?? {});
    for (const [name] of entries) {
      if (!this.#labelNames.some((one) => one === name)) {
        throw new TypeError(`the metric ${this.#name} has no label ${name}`);
      }
    }
    const made = { labels: entries.map(labelText).join(','), series: this.#create() };
    this.#series.set(key, made);
    return made.series;
  }

  map<T>(read: (series: Series, labels: string) => T): T[] {
    return [...this.#series.values()].map(({ series, labels }) => read(series, labels));
  }
}

function labelText([name, value]: readonly [string, string | number | undefined]): string {
  return `${name}="${escapeHelp(String(value ?? '')).replaceAll('"', '\\"')}"`;
}

function register(metric: Metric, registers: readonly Registry[] = []): void {
  for (const registry of registers) registry.registerMetric(metric);
}

/** A number that a scrape reads. */
interface Value {
  value: number;
}

/** Numbers by their labels. */
class Numbers<Label extends string> {
  readonly name: string;
  readonly help: string;
  readonly #family: Family<Label, Value>;

  constructor(options: MetricOptions<Label>) {
    this.name = options.name;
    this.help = options.help;
    this.#family = new Family(options, () => ({ value: 0 }));
  }

  protected series(labels?: Labels<Label>): Value {
    return this.#family.of(labels);
  }

  inc(by?: number): void;
  inc(labels: Labels<Label>, by?: number): void;
  inc(first: Labels<Label> | number = 1, by = 1): void {
    if (typeof first === 'number') this.series().value += first;
    else this.series(first).value += by;
  }

  /** @returns the one series, for adding to it often */
  labels(labels: Labels<Label>): { inc(by?: number): void } {
    const series = this.series(labels);
    return {
      inc(by = 1) {
        series.value += by;
      },
    };
  }

  /** Forgets all series; the one of a metric without labels becomes 0. */
  reset(): void {
    this.#family.reset();
  }

  samples(): readonly Sample[] {
    return this.#family.map(({ value }, labels) => ({ labels, value }));
  }
}

interface Collected<Self> {
  /** Brings the metric up to date when it is read. */
  readonly collect?: (metric: Self) => void;
}

/** Only goes up; `reset` is for one that takes its value from elsewhere when it is read. */
export class Counter<Label extends string = string> extends Numbers<Label> implements Metric {
  readonly type = 'counter';
  readonly #collect: ((metric: Counter<Label>) => void) | undefined;

  constructor(options: MetricOptions<Label> & Collected<Counter<Label>>) {
    super(options);
    this.#collect = options.collect;
    register(this, options.registers);
  }

  override samples(): readonly Sample[] {
    this.#collect?.(this);
    return super.samples();
  }
}

/** Goes up and down. */
export class Gauge<Label extends string = string> extends Numbers<Label> implements Metric {
  readonly type = 'gauge';
  readonly #collect: ((metric: Gauge<Label>) => void) | undefined;

  constructor(options: MetricOptions<Label> & Collected<Gauge<Label>>) {
    super(options);
    this.#collect = options.collect;
    register(this, options.registers);
  }

  override samples(): readonly Sample[] {
    this.#collect?.(this);
    return super.samples();
  }

  set(value: number): void;
  set(labels: Labels<Label>, value: number): void;
  set(first: Labels<Label> | number, value = 0): void {
    if (typeof first === 'number') this.series().value = first;
    else this.series(first).value = value;
  }

  dec(by?: number): void;
  dec(labels: Labels<Label>, by?: number): void;
  dec(first: Labels<Label> | number = 1, by = 1): void {
    if (typeof first === 'number') this.series().value -= first;
    else this.series(first).value -= by;
  }
}

/** Values that were measured elsewhere and are shown once, with their own times. */
export class Readings<Label extends string = string> implements Metric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly #samples: Sample[] = [];

  constructor(options: {
    readonly name: string;
    readonly help: string;
    readonly type: 'counter' | 'gauge';
  }) {
    this.name = options.name;
    this.help = options.help;
    this.type = options.type;
  }

  add(labels: Labels<Label>, value: number, atMs?: number): void {
    const text = Object.entries<string | number | undefined>(labels).map(labelText).join(',');
    this.#samples.push({ labels: text, value, ...(atMs !== undefined && { atMs }) });
  }

  samples(): readonly Sample[] {
    return this.#samples;
  }
}

/** Bucket bounds, each so many times the one before. */
export function exponentialBuckets(first: number, factor: number, count: number): number[] {
  // Rounded to what the factors say: 0.001 * 3 is not 0.003 in binary.
  return Array.from({ length: count }, (_, n) => Number((first * factor ** n).toPrecision(12)));
}

/** @see https://prometheus.io/docs/practices/histograms */
interface Distribution {
  /** Values up to each bound that are above the one before. */
  readonly counts: number[];
  sum: number;
  count: number;
}

const clock = systemClock();

/** A histogram: counts values by buckets. */
export class Histogram<Label extends string = string> implements Metric {
  readonly type = 'histogram';
  readonly name: string;
  readonly help: string;
  readonly #buckets: readonly number[];
  readonly #family: Family<Label, Distribution>;

  /** Buckets are inclusive upper bounds, the smallest first. */
  constructor(options: MetricOptions<Label> & { readonly buckets: readonly number[] }) {
    this.name = options.name;
    this.help = options.help;
    this.#buckets = options.buckets;
    const counts = options.buckets.map(() => 0);
    this.#family = new Family(options, () => ({ counts: [...counts], sum: 0, count: 0 }));
    register(this, options.registers);
  }

  observe(value: number): void;
  observe(labels: Labels<Label>, value: number): void;
  observe(first: Labels<Label> | number, value = 0): void {
    if (typeof first === 'number') this.#add(this.#family.of(), first);
    else this.#add(this.#family.of(first), value);
  }

  /** @returns the one series, for adding to it often */
  labels(labels: Labels<Label>): { observe(value: number): void } {
    const series = this.#family.of(labels);
    return { observe: (value) => this.#add(series, value) };
  }

  /** @returns ends the time and adds it, in seconds */
  startTimer(labels?: Labels<Label>): () => void {
    const series = this.#family.of(labels);
    const startMs = clock.monotonicMs();
    return () => this.#add(series, (clock.monotonicMs() - startMs) / 1000);
  }

  samples(): readonly Sample[] {
    return this.#family
      .map(({ counts, sum, count }, labels) => {
        let below = 0;
        const bucket = (le: string, value: number): Sample => ({
          suffix: '_bucket',
          labels: `le="${le}"${labels === '' ? '' : `,${labels}`}`,
          value,
        });
        return [
          ...this.#buckets.map((bound, at) => bucket(valueText(bound), (below += counts[at] ?? 0))),
          bucket('+Inf', count),
          { suffix: '_sum', labels, value: sum },
          { suffix: '_count', labels, value: count },
        ];
      })
      .flat();
  }

  #add(series: Distribution, value: number): void {
    const at = this.#buckets.findIndex((bound) => value <= bound);
    if (at >= 0) series.counts[at] = (series.counts[at] ?? 0) + 1;
    series.sum += value;
    series.count += 1;
  }
}
