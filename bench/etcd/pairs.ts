/** Runs scenarios side by side: A B, B A, A B, …, so that what drifts on the machine hits both sides alike. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { median, spreadOf } from '../lib/stats.js';
import type { Spread } from '../lib/stats.js';
import { errorMessage } from '../../src/lib/errors.js';
import type { Cluster, Ports, Side } from './cluster.js';
import type { Warmup } from './jobs.js';
import type { Figures, Metric, Scenario } from './scenario.js';

export interface PairOptions {
  readonly ours: Side;
  readonly theirs: Side;
  readonly ports: Ports;
  /** The parent of the members' directories, on the disk to be measured. */
  readonly directory: string;
  readonly rounds: number;
  readonly warmup: Warmup;
  readonly measureMs: number;
  readonly connections: number | undefined;
  readonly onProgress: (line: string) => void;
}

export interface Pair {
  readonly ours: Figures;
  readonly theirs: Figures;
}

export interface MetricResult {
  readonly metric: Metric;
  readonly ours: Spread;
  readonly theirs: Spread;
  /** Ours to theirs, of each pair. */
  readonly ratios: readonly number[];
  readonly ratio: number;
  readonly goalMet: boolean | undefined;
}

export interface ScenarioResult {
  readonly scenario: string;
  readonly what: string;
  readonly pairs: readonly Pair[];
  readonly metrics: readonly MetricResult[];
  /** Why runs failed; their pairs are left out. */
  readonly failures: readonly string[];
}

async function runOnce(
  scenario: Scenario,
  side: Side,
  options: PairOptions,
  seed: number,
): Promise<Figures> {
  const directory = mkdtempSync(join(options.directory, `${side.name}-`));
  const clusters: Cluster[] = [];
  try {
    const figures = await scenario.run({
      ...options,
      side,
      directory: join(directory, 'members'),
      seed,
      own: (cluster) => clusters.push(cluster),
    });
    const shown = scenario.metrics.map(
      (metric) => `${metric.label} ${format(figures[metric.key])}`,
    );
    options.onProgress(`${scenario.name} ${side.name}: ${shown.join(', ')}`);
    return figures;
  } finally {
    for (const cluster of clusters) await cluster.destroy();
    rmSync(directory, { recursive: true, force: true });
  }
}

export async function runPairs(scenario: Scenario, options: PairOptions): Promise<ScenarioResult> {
  const pairs: Pair[] = [];
  const failures: string[] = [];
  const rounds = Math.min(options.rounds, scenario.roundsMax ?? options.rounds);
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? (['ours', 'theirs'] as const) : (['theirs', 'ours'] as const);
    const figures: { ours?: Figures; theirs?: Figures } = {};
    for (const name of order) {
      try {
        figures[name] = await runOnce(scenario, options[name], options, round + 1);
      } catch (error) {
        const reason = errorMessage(error);
        failures.push(`round ${round + 1}, ${name}: ${reason}`);
        options.onProgress(`${scenario.name} ${name} FAILED: ${reason}`);
      }
    }
    if (figures.ours !== undefined && figures.theirs !== undefined) {
      pairs.push({ ours: figures.ours, theirs: figures.theirs });
    }
  }
  const metrics = pairs.length === 0 ? [] : scenario.metrics.map((m) => compare(m, pairs));
  return { scenario: scenario.name, what: scenario.what, pairs, metrics, failures };
}

function compare(metric: Metric, pairs: readonly Pair[]): MetricResult {
  const ours = pairs.map((pair) => pair.ours[metric.key] ?? Number.NaN);
  const theirs = pairs.map((pair) => pair.theirs[metric.key] ?? Number.NaN);
  const ratios = ours.map((figure, at) => figure / (theirs[at] ?? Number.NaN));
  const ratio = median(ratios);
  return {
    metric,
    ours: spreadOf(ours),
    theirs: spreadOf(theirs),
    ratios,
    ratio,
    goalMet: meets(metric, ratio, median(ours)),
  };
}

/** Tells whether all goals of the metric are met; undefined without a goal. */
function meets(metric: Metric, ratio: number, ours: number): boolean | undefined {
  const { goal, goalOurs, better } = metric;
  if (goal === undefined && goalOurs === undefined) return undefined;
  const reaches = (figure: number, wanted: number): boolean =>
    better === 'more' ? figure >= wanted : figure <= wanted;
  return (
    (goal === undefined || reaches(ratio, goal)) &&
    (goalOurs === undefined || reaches(ours, goalOurs))
  );
}

/** Three digits that count, and no more than are needed. */
export function format(figure: number | undefined): string {
  if (figure === undefined || Number.isNaN(figure)) return '-';
  if (Math.abs(figure) >= 100) return String(Math.round(figure));
  return Math.abs(figure) >= 10 ? figure.toFixed(1) : figure.toFixed(2);
}
