/** Memory with many keys, and the time that members take to start. */
import { memoryOf, cpuMsOf } from '../lib/process-stats.js';
import { median } from '../lib/stats.js';
import { sleep } from '../lib/wait.js';
import { put, range, rangeRequest } from './calls.js';
import { Cluster } from './cluster.js';
import { keyOf } from './job-load.js';
import type { Figures, RunContext, Scenario } from './scenario.js';
import { checkCount, fill, startFresh, valueBytes } from './scenario-load.js';
import { whenAnswered } from './serving.js';

const keys = 100_000;
const idleMs = 10_000;
const restarts = 3;

/** After a while of rest: what a member holds, the mean of all, and how busy they are with nothing. */
async function rest(cluster: Cluster): Promise<{
  readonly rssMib: number;
  readonly pssMib: number;
  readonly idleCpuPercent: number;
}> {
  const pids = cluster.pids;
  const before = cpuMsOf(pids);
  const startMs = performance.now();
  await sleep(idleMs);
  const idleCpuPercent = ((cpuMsOf(pids) - before) / (performance.now() - startMs)) * 100;
  cluster.check();
  const memories = pids.map((pid) => memoryOf(pid));
  const mean = (of: (memory: (typeof memories)[number]) => number): number =>
    memories.reduce((sum, memory) => sum + of(memory), 0) / cluster.members.length;
  return {
    rssMib: mean((memory) => memory.rssMib),
    pssMib: mean((memory) => memory.pssMib),
    idleCpuPercent,
  };
}

async function runMemory(context: RunContext): Promise<Figures> {
  const cluster = await startFresh(context, 3);
  const fresh = await rest(cluster);
  const filled = await fill(context, cluster, keys);
  const full = await rest(cluster);
  await fill({ ...context, seed: context.seed + 1 }, cluster, keys);
  const overwritten = await rest(cluster);
  return {
    freshMib: fresh.rssMib,
    fullMib: full.rssMib,
    fullPssMib: full.pssMib,
    overwrittenMib: overwritten.rssMib,
    overwrittenPssMib: overwritten.pssMib,
    idleCpuPercent: fresh.idleCpuPercent,
    fullIdleCpuPercent: full.idleCpuPercent,
    fillSeconds: filled.seconds,
  };
}

async function runColdStart(context: RunContext): Promise<Figures> {
  const cluster = await Cluster.plan({ ...context, members: 3 });
  context.own(cluster);
  const startMs = performance.now();
  cluster.start();
  await whenAnswered(cluster, 'any', (connection) =>
    put(connection, Buffer.from('first'), Buffer.from('write')),
  );
  const seconds = (performance.now() - startMs) / 1000;
  return { seconds, cpuMs: cluster.cpuMs() };
}

/** Fills a store, then stops it and starts it again a few times. */
async function runRestart(members: number, context: RunContext): Promise<Figures> {
  const cluster = await startFresh(context, members);
  await fill(context, cluster, keys);
  const seconds: number[] = [];
  const cpuMs: number[] = [];
  for (let count = 0; count < restarts; count++) {
    await cluster.stop();
    const startMs = performance.now();
    cluster.start();
    await whenAnswered(cluster, 'any', async (connection) => {
      const answer = await range(connection, rangeRequest(keyOf(keys - 1)));
      if (answer.kvs[0]?.value.length !== valueBytes) throw new Error('the key is not there');
    });
    seconds.push((performance.now() - startMs) / 1000);
    cpuMs.push(cluster.cpuMs());
    await whenAnswered(cluster, 'all', (connection) => range(connection, rangeRequest(keyOf(0))));
    await checkCount(cluster, keys);
  }
  return { seconds: median(seconds), cpuMs: median(cpuMs) };
}

function restartScenario(members: number): Scenario {
  const who = members === 1 ? 'a single member' : `${members} members at once`;
  return {
    name: `restart-100k-${members}m`,
    what: `${who} with ${keys} keys of ${valueBytes} bytes, stopped by SIGTERM: from spawn to the first linearizable get (median of ${restarts} restarts a run)`,
    metrics: [
      { key: 'seconds', label: 'seconds to the first get', better: 'less', goal: 1 },
      { key: 'cpuMs', label: 'CPU ms until then, all members', better: 'less' },
    ],
    roundsMax: 3,
    run: (context) => runRestart(members, context),
  };
}

export const stateScenarios: readonly Scenario[] = [
  {
    name: 'memory-100k',
    what: `resident memory of a member (mean of 3), ${idleMs / 1000} s after the last write: fresh, with ${keys} keys of ${valueBytes} bytes, and after each was put once more`,
    metrics: [
      { key: 'freshMib', label: 'RSS fresh, MiB', better: 'less' },
      { key: 'fullMib', label: 'RSS with the keys, MiB', better: 'less', goal: 1 },
      { key: 'fullPssMib', label: 'PSS with the keys, MiB', better: 'less' },
      { key: 'overwrittenMib', label: 'RSS all overwritten, MiB', better: 'less', goal: 1 },
      { key: 'overwrittenPssMib', label: 'PSS all overwritten, MiB', better: 'less' },
      {
        key: 'idleCpuPercent',
        label: 'CPU idle and fresh, all members, % of a core',
        better: 'less',
      },
      {
        key: 'fullIdleCpuPercent',
        label: 'CPU idle with the keys, all members, % of a core',
        better: 'less',
      },
      { key: 'fillSeconds', label: 'seconds to fill, 256 clients', better: 'less' },
    ],
    roundsMax: 2,
    run: runMemory,
  },
  {
    name: 'cold-start',
    what: 'three members with empty directories, spawned at once: until one of them acknowledges a write',
    metrics: [
      { key: 'seconds', label: 'seconds to the first write', better: 'less', goalOurs: 0.7 },
      { key: 'cpuMs', label: 'CPU ms until then, all members', better: 'less' },
    ],
    run: runColdStart,
  },
  restartScenario(1),
  restartScenario(3),
];
