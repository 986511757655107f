/** Watch events to many watchers, and lease keep-alives. */
import { GrpcConnection } from '../lib/grpc-connection.js';
import { status } from './calls.js';
import type { Cluster } from './cluster.js';
import { runJob } from './generator.js';
import { connectionsFor } from './scenario.js';
import type { Figures, RunContext, Scenario } from './scenario.js';
import { loadFigures, loadMetrics, startFresh, valueBytes } from './scenario-load.js';

const watchers = 1000;
const keepAliveClients = 64;
const jobMsMax = 300_000;

/** Client endpoints of the leader and of the others. */
async function findLeader(
  cluster: Cluster,
): Promise<{ readonly leader: string; readonly followers: readonly string[] }> {
  const followers: string[] = [];
  let leader: string | undefined;
  for (const endpoint of cluster.endpoints) {
    const connection = await GrpcConnection.connect(endpoint);
    try {
      const answer = await status(connection);
      if (answer.leader === answer.header?.memberId) leader = endpoint;
      else followers.push(endpoint);
    } finally {
      connection.close();
    }
  }
  if (leader === undefined) throw new Error('no member says that it leads');
  return { leader, followers };
}

async function runWatchers(streams: number, context: RunContext): Promise<Figures> {
  const cluster = await startFresh(context, 3);
  const { leader, followers } = await findLeader(cluster);
  const onOne = streams === 1;
  const endpoints = onOne ? followers.slice(0, 1) : cluster.endpoints;
  const measured = await runJob(
    {
      kind: 'watch',
      endpoints,
      putTo: leader,
      connections: onOne ? 1 : (context.connections ?? connectionsFor(watchers / 10, 3)),
      watchers,
      streams,
      valueBytes,
      warmup: context.warmup,
      measureMs: context.measureMs,
      pids: cluster.pids,
      seed: context.seed,
    },
    jobMsMax,
  );
  cluster.check();
  return loadFigures(measured);
}

function watchScenario(name: string, what: string, streams: number): Scenario {
  const metrics = loadMetrics({ operation: 'deliveries' });
  return {
    name,
    what,
    metrics: metrics.map((metric) => {
      if (metric.key === 'p50Ms') {
        return { ...metric, label: 'put to last delivery, p50, ms', goal: 1 };
      }
      if (metric.key === 'p99Ms') return { ...metric, label: 'put to last delivery, p99, ms' };
      if (metric.key === 'cpuUsPerOp') {
        return { ...metric, label: 'CPU µs per delivery, all members' };
      }
      return metric;
    }),
    run: (context) => runWatchers(streams, context),
  };
}

async function runKeepAlives(context: RunContext): Promise<Figures> {
  const cluster = await startFresh(context, 3);
  const measured = await runJob(
    {
      kind: 'keep-alive',
      endpoints: cluster.endpoints,
      connections: context.connections ?? connectionsFor(keepAliveClients, 3),
      clients: keepAliveClients,
      warmup: context.warmup,
      measureMs: context.measureMs,
      pids: cluster.pids,
    },
    jobMsMax,
  );
  cluster.check();
  return loadFigures(measured);
}

export const streamScenarios: readonly Scenario[] = [
  watchScenario(
    'watch-1000',
    `one put at a time on the leader until each of ${watchers} watchers of its key has it; a stream per watcher, over all members`,
    watchers,
  ),
  watchScenario(
    'watch-1000-one-stream',
    `the same with all ${watchers} watchers on one stream to a follower`,
    1,
  ),
  {
    name: 'lease-keepalive',
    what: `${keepAliveClients} clients keep a lease each alive over a stream each, one keep-alive after the other, 3 members`,
    metrics: loadMetrics({ operation: 'keep-alives', throughputGoal: 1 }),
    run: runKeepAlives,
  },
];
