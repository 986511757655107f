/**
 * Measures what clients of the API notice when the leading master is killed: three masters of `trireme up`, 100 writes
 * a second (creates, updates with a resourceVersion, deletes with a uid) by clients that are spread over the masters
 * and try again as client-go's do: after a connection that failed, at the next master; after an answer, never.
 *
 *     node dist/bench/master-failover.js [--rounds 10] [--rate 100]
 *
 * JSON lines on standard output, one a round, and a summary.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { ClusterRecord } from '../src/cli/home.js';
import { delay, systemClock } from '../src/lib/clock.js';
import { waitFor } from '../test/cluster/etcd-processes.js';
import { ApiWriters } from './failover/api-writers.js';
import { median } from './lib/stats.js';

const clock = systemClock();
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10' },
    rate: { type: 'string', default: '100' },
  },
});
const home = mkdtempSync(join(tmpdir(), 'trireme-failover-'));
const kubeconfig = join(home, 'kubeconfig');

const env = { ...process.env, TRIREME_HOME: home, KUBECONFIG: kubeconfig };

function up(): void {
  const words = '--masters 3 --workers 0 --runtime hollow --no-example'.split(' ');
  spawnSync(process.execPath, ['bin/trireme', 'up', ...words], { env, stdio: 'ignore' });
}

interface Member {
  readonly name: string;
  readonly leader: boolean;
  readonly reachable: boolean;
}

function members(): Member[] {
  const words = ['bin/trireme', 'cluster', 'status', '-o', 'json'];
  const text = execFileSync(process.execPath, words, { env, encoding: 'utf8' });
  return (JSON.parse(text) as { members: Member[] }).members;
}

async function round(number: number): Promise<Record<string, unknown>> {
  const record = JSON.parse(readFileSync(join(home, 'cluster.json'), 'utf8')) as ClusterRecord;
  console.error(`round ${number}`);
  const leader = members().find((member) => member.leader)?.name;
  const pid = record.hosts.find(({ name }) => name === leader)?.pid;
  if (pid === undefined) throw new Error('nobody leads');
  const writers = new ApiWriters({
    kubeconfig,
    hosts: record.hosts.filter(({ role }) => role === 'master').map(({ address }) => address),
    rate: Number(values.rate),
    run: `round-${number}`,
  });
  writers.start();
  await waitFor('writes go through', () => writers.done.length > 2 * Number(values.rate));
  const killedMs = clock.monotonicMs();
  process.kill(pid, 'SIGKILL');
  const since = (): number[] => writers.done.filter((atMs) => atMs > killedMs);
  await waitFor('writes go through again', () => since().length > 2 * Number(values.rate), 60_000);
  await writers.stop();
  const times = [killedMs, ...since()];
  const gaps = times.slice(1).map((atMs, at) => atMs - (times[at] ?? atMs));
  up();
  await waitFor('all are there again', () => members().every(({ reachable }) => reachable), 60_000);
  await delay(clock, 1_000);
  const figures = { pauseMs: Math.round(Math.max(...gaps)), slowestMs: writers.slowestMs };
  return { round: number, ...figures, ...writers.counts(), errors: writers.errors };
}

try {
  up();
  const pauses: number[] = [];
  for (let number = 1; number <= Number(values.rounds); number++) {
    const result = await round(number);
    pauses.push(Number(result['pauseMs']));
    console.log(JSON.stringify(result));
  }
  console.log(
    JSON.stringify({ rounds: pauses.length, medianMs: median(pauses), maxMs: Math.max(...pauses) }),
  );
} finally {
  spawnSync(process.execPath, ['bin/trireme', 'down', '--purge'], { env, stdio: 'ignore' });
  rmSync(home, { recursive: true, force: true });
}
