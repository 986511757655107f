/** Puts and gets under load. */
import { GrpcConnection } from '../lib/grpc-connection.js';
import { put, range, rangeRequest, revisionOf } from './calls.js';
import { Cluster } from './cluster.js';
import { runJob } from './generator.js';
import { keyOf, keysEnd } from './job-load.js';
import type { LoadJob, Measured } from './jobs.js';
import { connectionsFor } from './scenario.js';
import type { Figures, Metric, RunContext, Scenario } from './scenario.js';
import { whenAnswered } from './serving.js';

export const valueBytes = 256;
/** Puts draw from many keys, so that most of the first ones create a key and later ones overwrite. */
const putKeys = 100_000;
const getKeys = 10_000;
const jobMsMax = 300_000;

/** Starts a fresh cluster and waits until each member has acknowledged a write. */
export async function startFresh(context: RunContext, members: number): Promise<Cluster> {
  const cluster = await Cluster.plan({ ...context, members });
  context.own(cluster);
  cluster.start();
  await whenAnswered(cluster, 'all', (connection) =>
    put(connection, Buffer.from('ready'), Buffer.from('yes')),
  );
  return cluster;
}

/** Puts keys 0..count-1, and counts them through the quorum. */
export async function fill(
  context: RunContext,
  cluster: Cluster,
  count: number,
): Promise<Measured> {
  const clients = 256;
  const job = {
    kind: 'fill',
    endpoints: cluster.endpoints,
    clients,
    connections: connectionsFor(clients, cluster.endpoints.length),
    keys: count,
    valueBytes,
    seed: context.seed,
  } as const;
  const measured = await runJob(job, jobMsMax);
  await checkCount(cluster, count);
  return measured;
}

/** @throws unless the store holds exactly so many keys of ours */
export async function checkCount(cluster: Cluster, count: number): Promise<void> {
  const connection = await GrpcConnection.connect(cluster.endpoints[0] ?? '');
  try {
    const request = rangeRequest(keyOf(0), { end: keysEnd, count: true });
    const found = (await range(connection, request)).count;
    if (found !== count) throw new Error(`${count} keys were put, ${found} are there`);
  } finally {
    connection.close();
  }
}

async function readRevision(cluster: Cluster): Promise<number> {
  const connection = await GrpcConnection.connect(cluster.endpoints[0] ?? '');
  try {
    return await revisionOf(connection);
  } finally {
    connection.close();
  }
}

/** The figures that every load reports. */
export function loadFigures(measured: Measured): Figures {
  return {
    perSecond: measured.operations / measured.seconds,
    p50Ms: measured.p50Ms,
    p99Ms: measured.p99Ms,
    cpuUsPerOp: (measured.cpuMs * 1000) / measured.operations,
    membersCores: measured.cpuMs / 1000 / measured.seconds,
    generatorCores: measured.generatorCpuMs / 1000 / measured.seconds,
  };
}

export function loadMetrics(options: {
  readonly operation: string;
  readonly throughputGoal?: number;
  readonly cpuGoal?: number;
}): Metric[] {
  const { operation, throughputGoal, cpuGoal } = options;
  return [
    {
      key: 'perSecond',
      label: `${operation}/s`,
      better: 'more',
      ...(throughputGoal === undefined ? {} : { goal: throughputGoal }),
    },
    { key: 'p50Ms', label: 'p50, ms', better: 'less' },
    { key: 'p99Ms', label: 'p99, ms', better: 'less' },
    {
      key: 'cpuUsPerOp',
      label: `CPU µs per ${operation.replace(/s$/, '')}, all members`,
      better: 'less',
      ...(cpuGoal === undefined ? {} : { goal: cpuGoal }),
    },
    { key: 'membersCores', label: 'cores busy with members', better: 'none' },
    { key: 'generatorCores', label: 'cores busy with load generator', better: 'none' },
  ];
}

interface LoadShape {
  readonly operation: LoadJob['operation'];
  readonly members: number;
  readonly clients: number;
}

async function runLoadScenario(shape: LoadShape, context: RunContext): Promise<Figures> {
  const cluster = await startFresh(context, shape.members);
  const isPut = shape.operation === 'put';
  if (!isPut) await fill(context, cluster, getKeys);
  const before = await readRevision(cluster);
  const job: LoadJob = {
    kind: 'load',
    operation: shape.operation,
    endpoints: cluster.endpoints,
    connections: context.connections ?? connectionsFor(shape.clients, shape.members),
    clients: shape.clients,
    keys: isPut ? putKeys : getKeys,
    valueBytes,
    warmup: context.warmup,
    measureMs: context.measureMs,
    pids: cluster.pids,
    seed: context.seed,
  };
  const measured = await runJob(job, jobMsMax);
  cluster.check();
  const written = (await readRevision(cluster)) - before;
  if (isPut && written < measured.operations) {
    throw new Error(`${measured.operations} puts were acknowledged, ${written} took effect`);
  }
  return loadFigures(measured);
}

function loadScenario(name: string, what: string, shape: LoadShape): Scenario {
  const isPut = shape.operation === 'put';
  return {
    name,
    what,
    metrics: loadMetrics({
      operation: isPut ? 'puts' : 'gets',
      throughputGoal: 1.2,
      ...(isPut ? { cpuGoal: 0.8 } : {}),
    }),
    run: (context) => runLoadScenario(shape, context),
  };
}

function putScenario(members: number, clients: number): Scenario {
  return loadScenario(
    `put-${members}m-${clients}`,
    `${clients} clients put ${valueBytes}-byte values under ${putKeys} keys, ${members} member${members === 1 ? '' : 's'}`,
    { operation: 'put', members, clients },
  );
}

export const loadScenarios: readonly Scenario[] = [
  putScenario(3, 64),
  putScenario(3, 256),
  putScenario(1, 64),
  putScenario(1, 256),
  loadScenario('get-lin-64', `64 clients get single keys of ${getKeys}, linearizable, 3 members`, {
    operation: 'get',
    members: 3,
    clients: 64,
  }),
  loadScenario('get-ser-64', `64 clients get single keys of ${getKeys}, serializable, 3 members`, {
    operation: 'get-serializable',
    members: 3,
    clients: 64,
  }),
];
