/**
 * Measures how long writers wait when a leader dies or leaves, and whether leaders change needlessly, ours beside a
 * real etcd in the same run, 3 members each at default settings:
 *
 *     node dist/bench/etcd-failover.js [--rounds 20] [--stops 10] [--runs 3] [--seconds 8] [kill] [stop] [overload] [paused] [slow-disk]
 *
 * JSON lines on standard output, a Markdown table behind them.
 */
import { parseArgs } from 'node:util';
import { delay, systemClock } from '../src/lib/clock.js';
import { hasProgram, waitFor } from '../test/cluster/etcd-processes.js';
import { FailoverCluster, ours, theirs } from './failover/cluster.js';
import type { Side } from './failover/cluster.js';
import { closedWriters, openWriters } from './failover/writers.js';
import type { Acknowledged } from './failover/writers.js';
import { median } from './lib/stats.js';

const clock = systemClock();
const rows: string[] = [];

function say(what: string, side: string, figures: Record<string, number>): void {
  console.log(JSON.stringify({ what, side, ...figures }));
  const text = Object.entries(figures).map(([name, value]) => `${name} ${value}`);
  rows.push(`| ${what} | ${side} | ${text.join(', ')} |`);
}

const rounded = (value: number): number => Math.round(value * 10) / 10;

interface Round {
  readonly ms: number;
  /** The same figure of the time just before, when nothing happened: the noise. */
  readonly undisturbedMs?: number;
}

/** `kill -9` of the leader. @returns milliseconds until a write is acknowledged that was begun afterwards */
async function killRound(cluster: FailoverCluster): Promise<Round> {
  const { leader } = await cluster.settled();
  const writers = openWriters(cluster);
  await waitFor('writes go through', () => writers.acknowledged.length > 100);
  const killedMs = clock.monotonicMs();
  cluster.member(leader).signal('SIGKILL');
  const after = (): number[] =>
    writers.acknowledged.filter((each) => each.begunMs > killedMs).map((each) => each.endedMs);
  await waitFor('writes go through again', () => after().length > 0);
  const ms = Math.min(...after()) - killedMs;
  await writers.stop();
  await cluster.member(leader).stop();
  cluster.startMember(leader);
  return { ms };
}

/** SIGTERM of the leader. @returns the longest time that one of three writers was without an answer meanwhile */
async function stopRound(cluster: FailoverCluster): Promise<Round> {
  const { leader } = await cluster.settled();
  const writers = closedWriters(cluster, 3);
  await waitFor('writes go through', () => writers.acknowledged.length > 300);
  const fromMs = clock.monotonicMs();
  await cluster.member(leader).stop('SIGTERM');
  const goneMs = clock.monotonicMs();
  await waitFor('all write again', () =>
    [0, 1, 2].every((writer) =>
      writers.acknowledged.some((each) => each.writer === writer && each.begunMs > goneMs),
    ),
  );
  await writers.stop();
  cluster.startMember(leader);
  const isBefore = (each: Acknowledged): boolean => each.endedMs <= fromMs;
  return {
    ms: longestWait(writers.acknowledged.filter((each) => !isBefore(each))),
    undisturbedMs: longestWait(writers.acknowledged.filter(isBefore)),
  };
}

function longestWait(writes: readonly Acknowledged[]): number {
  return Math.max(...writes.map((each) => each.endedMs - each.begunMs));
}

/** Alternates between the sides, so that a noisy minute hits both. */
async function rounds(
  what: string,
  sides: readonly Side[],
  count: number,
  round: (cluster: FailoverCluster) => Promise<Round>,
): Promise<void> {
  const clusters: FailoverCluster[] = [];
  try {
    for (const side of sides) clusters.push(await FailoverCluster.start(side));
    const samples = clusters.map((): Round[] => []);
    for (let number = 0; number < count; number++) {
      for (const [at, cluster] of clusters.entries()) {
        const one = await round(cluster);
        samples[at]?.push(one);
        console.error(`${what} ${cluster.side.name} ${number + 1}/${count}: ${rounded(one.ms)} ms`);
      }
    }
    for (const [at, cluster] of clusters.entries()) {
      const all = samples[at] ?? [];
      const times = all.map(({ ms }) => ms);
      const undisturbed = all.flatMap(({ undisturbedMs }) => undisturbedMs ?? []);
      say(what, cluster.side.name, {
        rounds: all.length,
        medianMs: rounded(median(times)),
        maxMs: rounded(Math.max(...times)),
        ...(undisturbed.length === 0 ? {} : { undisturbedMedianMs: rounded(median(undisturbed)) }),
      });
    }
  } finally {
    for (const cluster of clusters) await cluster.close();
  }
}

interface Load {
  readonly clients: number;
  readonly seconds: number;
  readonly pause?: boolean;
}

/** Load with a disturbance, by turns on the sides: the term must stay. */
async function elections(
  what: string,
  sides: readonly Side[],
  runs: number,
  load: Load,
): Promise<void> {
  const results = sides.map((): LoadResult[] => []);
  for (let run = 0; run < runs; run++) {
    for (const [at, side] of sides.entries()) {
      const result = await underLoad(what, side, load);
      results[at]?.push(result);
      console.error(what, side.name, JSON.stringify(result));
    }
  }
  for (const [at, side] of sides.entries()) {
    const all = results[at] ?? [];
    const sum = (of: (result: LoadResult) => number): number =>
      all.reduce((total, result) => total + of(result), 0);
    say(what, side.name, {
      runs,
      elections: sum((result) => result.elections),
      medianWritesPerSecond: median(all.map((result) => result.writesPerSecond)),
      failed: sum((result) => result.failed),
    });
  }
}

interface LoadResult {
  readonly elections: number;
  readonly writesPerSecond: number;
  readonly failed: number;
}

async function underLoad(what: string, side: Side, load: Load): Promise<LoadResult> {
  const cluster = await FailoverCluster.start(side);
  try {
    const { leader, term } = await cluster.settled();
    const writers = closedWriters(cluster, load.clients, 256);
    const follower = cluster.member((leader + 1) % 3);
    const fromMs = clock.monotonicMs();
    while (clock.monotonicMs() < fromMs + load.seconds * 1_000) {
      if (load.pause === true) {
        follower.signal('SIGSTOP');
        await delay(clock, 2_500);
        follower.signal('SIGCONT');
      }
      await delay(clock, 1_000);
    }
    const seconds = (clock.monotonicMs() - fromMs) / 1_000;
    const writesPerSecond = Math.round(writers.acknowledged.length / seconds);
    await writers.stop();
    const failed = writers.failed();
    if (failed > 0) console.error(what, side.name, Object.fromEntries(writers.reasons));
    const after = await cluster.settled();
    return { elections: after.term - term, writesPerSecond, failed };
  } finally {
    await cluster.close();
  }
}

/** Our program with a log whose syncs take so much longer, on some members. */
function slowDisk(slow: readonly number[], ms: number): Side {
  return {
    name: 'ours',
    program: (at) => [
      process.execPath,
      'dist/test/robustness/faulty-member.js',
      'none',
      slow.includes(at) ? JSON.stringify([{ do: 'syncDelay', ms }]) : '[]',
    ],
  };
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '20' },
    stops: { type: 'string', default: '10' },
    runs: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '8' },
  },
});
const wanted = (name: string): boolean => positionals.length === 0 || positionals.includes(name);
const sides = hasProgram('etcd') ? [ours, theirs] : [ours];
const runs = Number(values.runs);
const seconds = Number(values.seconds);
if (wanted('kill')) await rounds('kill -9 of the leader', sides, Number(values.rounds), killRound);
if (wanted('stop')) await rounds('SIGTERM of the leader', sides, Number(values.stops), stopRound);
if (wanted('overload')) {
  await elections('overload: 256 writers', sides, runs, { clients: 256, seconds });
}
if (wanted('paused')) {
  const load = { clients: 64, seconds, pause: true };
  await elections('a follower paused for 2.5 s', sides, runs, load);
}
if (wanted('slow-disk')) {
  for (const slow of [[0], [0, 1, 2]]) {
    const name = `syncs 300 ms slower on ${slow.length} of 3`;
    await elections(name, [slowDisk(slow, 300)], runs, { clients: 64, seconds });
  }
}
console.log(`\n| what | program | figures |\n|---|---|---|\n${rows.join('\n')}`);
