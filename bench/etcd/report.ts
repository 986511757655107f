/** The results as a table for the terminal and as a page. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import Table from 'cli-table3';
import type { Spread } from '../lib/stats.js';
import type { Warmup } from './jobs.js';
import type { MetricResult, ScenarioResult } from './pairs.js';
import { format } from './pairs.js';

/** The machine and the settings of the figures. */
export interface Surroundings {
  readonly date: string;
  readonly commit: string;
  readonly machine: string;
  readonly kernel: string;
  readonly node: string;
  readonly disk: string;
  readonly ours: string;
  readonly theirs: string;
  readonly command: string;
  readonly rounds: number;
  readonly warmup: Warmup;
  readonly seconds: number;
}

function output(program: string, args: readonly string[]): string {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return 'unknown';
  }
}

/** Describes this machine. @param directory a directory on the disk that is used */
export function describeMachine(
  directory: string,
): Pick<Surroundings, 'commit' | 'machine' | 'kernel' | 'node' | 'disk'> {
  const model = /^model name\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'latin1'))?.[1];
  const memoryGib = Math.round(totalmem() / 2 ** 30);
  const dirty = output('git', ['status', '--porcelain', '--untracked-files=no']).trim() !== '';
  return {
    commit: output('git', ['rev-parse', '--short', 'HEAD']).trim() + (dirty ? ' and changes' : ''),
    machine: `${cpus().length} cores (${model ?? 'unknown'}), ${memoryGib} GiB`,
    kernel: release(),
    node: process.version,
    disk: output('findmnt', ['-no', 'FSTYPE,SOURCE', '-T', directory]).trim().replace(/\s+/g, ' '),
  };
}

function spread(figures: Spread): string {
  const middle = format(figures.median);
  if (figures.min === figures.max) return middle;
  return `${middle} (${format(figures.min)}-${format(figures.max)})`;
}

function goal({ metric, goalMet }: MetricResult): string {
  if (goalMet === undefined) return '';
  const sign = metric.better === 'more' ? '≥' : '≤';
  const wanted = [
    ...(metric.goal === undefined ? [] : [`${sign} ${metric.goal}×`]),
    ...(metric.goalOurs === undefined ? [] : [`${sign} ${metric.goalOurs}`]),
  ];
  return `${wanted.join(', ')} ${goalMet ? 'met' : 'MISSED'}`;
}

function ratios(result: MetricResult): string {
  return result.ratios.map((ratio) => ratio.toFixed(2)).join(' ');
}

export function terminalTable(results: readonly ScenarioResult[]): string {
  const table = new Table({
    head: ['scenario', 'figure', 'ours', 'theirs', 'ratio', 'goal', 'each pair'],
    style: { head: [], border: [] },
  });
  for (const result of results) {
    for (const metric of result.metrics) {
      table.push([
        result.scenario,
        metric.metric.label,
        spread(metric.ours),
        spread(metric.theirs),
        metric.ratio.toFixed(2),
        goal(metric),
        ratios(metric),
      ]);
    }
  }
  return table.toString();
}

/** The page that is committed. */
export function markdown(results: readonly ScenarioResult[], where: Surroundings): string {
  const lines = [
    '# The store beside etcd',
    '',
    `Made by \`${where.command}\` on ${where.date}, commit ${where.commit}; do not edit. How it is measured: \`bench/etcd/README.md\`.`,
    '',
    `- machine: ${where.machine}, Linux ${where.kernel}, disk ${where.disk}`,
    `- ours: ${where.ours}, Node.js ${where.node}`,
    `- theirs: ${where.theirs}`,
    `- up to ${where.rounds} rounds, each both sides one after the other in turns (ours first, theirs first, …) on fresh clusters; ` +
      `warm-up of ${where.warmup.ms / 1000} s and ${where.warmup.operations} operations (at most ${where.warmup.maxMs / 1000} s), then ${where.seconds} s measured`,
    '',
    'Figures are medians of the rounds (least-most); the ratio is ours to theirs, the median of the pairs.',
    '',
  ];
  for (const result of results) lines.push(...scenarioLines(result));
  return `${lines.join('\n')}\n`;
}

function scenarioLines(result: ScenarioResult): string[] {
  const lines = [`## ${result.scenario}`, '', `${result.what}; ${result.pairs.length} pairs.`, ''];
  if (result.metrics.length > 0) {
    lines.push('| | ours | theirs | ratio | of each pair | goal |', '|---|---|---|---|---|---|');
  }
  for (const metric of result.metrics) {
    const cells = [
      metric.metric.label,
      spread(metric.ours),
      spread(metric.theirs),
      metric.ratio.toFixed(2),
      ratios(metric),
      goal(metric),
    ];
    lines.push(`| ${cells.join(' | ')} |`);
  }
  for (const failure of result.failures) {
    lines.push('', `Failed: ${failure.replaceAll('\n', ' / ')}`);
  }
  lines.push('');
  return lines;
}
