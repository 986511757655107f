/** Cost against size: one member with many keys. Run only where they are named: ten million keys take a while. */
import {
  CompactionRequest,
  DefragmentRequest,
  SnapshotRequest,
  SnapshotResponse,
} from '../../src/gen/etcd/rpc.js';
import { GrpcConnection } from '../lib/grpc-connection.js';
import { cpuMsOf, memoryOf } from '../lib/process-stats.js';
import { within } from '../lib/wait.js';
import { call, paths, put, range, rangeRequest, revisionOf } from './calls.js';
import { Cluster } from './cluster.js';
import { runJob } from './generator.js';
import { keyOf } from './job-load.js';
import type { LoadJob, Measured } from './jobs.js';
import { connectionsFor } from './scenario.js';
import type { Figures, RunContext, Scenario } from './scenario.js';
import { checkCount } from './scenario-load.js';
import { whenAnswered } from './serving.js';

const valueBytes = 100;
/** Room for ten million keys in either store. */
const quotaBytes = 16 * 2 ** 30;
const clients = 64;
const fillClients = 256;
/** Writers whose longest wait shows what maintenance costs those who go on writing. */
const writersBeside = 8;
const maintenanceMs = 300_000;
const startMs = 600_000;

function load(
  context: RunContext,
  cluster: Cluster,
  job: Pick<LoadJob, 'operation' | 'keys'> & { readonly clients?: number },
): Promise<Measured> {
  const callers = job.clients ?? clients;
  return runJob(
    {
      ...job,
      kind: 'load',
      endpoints: cluster.endpoints,
      connections: connectionsFor(callers, cluster.endpoints.length),
      clients: callers,
      valueBytes,
      warmup: { ms: 500, operations: 1, maxMs: 60_000 },
      measureMs: context.measureMs,
      pids: cluster.pids,
      seed: context.seed,
    },
    maintenanceMs,
  );
}

async function onConnection<T>(
  cluster: Cluster,
  use: (connection: GrpcConnection) => Promise<T>,
): Promise<T> {
  const connection = await GrpcConnection.connect(cluster.endpoints[0] ?? '');
  try {
    return await use(connection);
  } finally {
    connection.close();
  }
}

/** Reads a whole snapshot and throws it away. */
function readSnapshot(connection: GrpcConnection): Promise<number> {
  const read = new Promise<number>((resolve, reject) => {
    let bytes = 0;
    connection.unary(paths.snapshot, SnapshotRequest.encode({}).finish(), {
      onMessage: (message) => {
        bytes += SnapshotResponse.decode(message).blob.length;
      },
      onEnd: (failure) => {
        if (failure === undefined) resolve(bytes);
        else reject(new Error(`snapshot: ${failure}`));
      },
    });
  });
  return within(maintenanceMs, 'the snapshot', read);
}

async function timed(work: Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work;
  return (performance.now() - begin) / 1000;
}

/** Does maintenance while a few clients go on writing: how long it took, and the longest that a put waited. */
async function besideWriters(
  cluster: Cluster,
  maintenance: (connection: GrpcConnection) => Promise<unknown>,
): Promise<{
  readonly seconds: number;
  readonly longestPutMs: number;
  readonly failedPuts: number;
}> {
  return onConnection(cluster, async (connection) => {
    const beside = { over: false };
    let longestPutMs = 0;
    let failedPuts = 0;
    const writers = Array.from({ length: writersBeside }, async (_, at) => {
      const writer = await GrpcConnection.connect(cluster.endpoints[0] ?? '');
      for (let count = 0; !beside.over; count++) {
        const begin = performance.now();
        // A store that stands still for long fails them: that is a figure too.
        await put(writer, keyOf(at), Buffer.alloc(valueBytes, count)).catch(() => failedPuts++);
        longestPutMs = Math.max(longestPutMs, performance.now() - begin);
      }
      writer.close();
    });
    const seconds = await timed(maintenance(connection));
    beside.over = true;
    await Promise.all(writers);
    cluster.check();
    return { seconds, longestPutMs, failedPuts };
  });
}

async function runGrowth(keys: number, context: RunContext): Promise<Figures> {
  const flags = { '--quota-backend-bytes': String(quotaBytes) };
  const cluster = await Cluster.plan({ ...context, members: 1, flags });
  context.own(cluster);
  cluster.start();
  await whenAnswered(cluster, 'all', (connection) =>
    put(connection, Buffer.from('ready'), Buffer.from('yes')),
  );
  const emptyMib = memoryOf(cluster.pids[0] ?? 0).pssMib;
  const filled = await runJob(
    {
      kind: 'fill',
      endpoints: cluster.endpoints,
      clients: fillClients,
      connections: connectionsFor(fillClients, 1),
      keys,
      valueBytes,
      seed: context.seed,
    },
    startMs + keys,
  );
  await checkCount(cluster, keys);
  const rssMib = memoryOf(cluster.pids[0] ?? 0).rssMib;
  const pssMib = memoryOf(cluster.pids[0] ?? 0).pssMib;
  const puts = await load(context, cluster, { operation: 'put', keys });
  const gets = await load(context, cluster, { operation: 'get', keys });
  const snapshot = await besideWriters(cluster, readSnapshot);
  const compacted = await onConnection(cluster, revisionOf);
  const compaction = await besideWriters(cluster, (connection) =>
    call(
      connection,
      paths.compact,
      CompactionRequest.encode({ revision: compacted, physical: true }).finish(),
      maintenanceMs,
    ),
  );
  const defragmentation = await besideWriters(cluster, (connection) =>
    call(connection, paths.defragment, DefragmentRequest.encode({}).finish(), maintenanceMs),
  );
  await cluster.stop();
  const begin = performance.now();
  cluster.start();
  await whenAnswered(
    cluster,
    'any',
    async (connection) => {
      const answer = await range(connection, rangeRequest(keyOf(keys - 1)));
      if (answer.kvs[0]?.value.length !== valueBytes) throw new Error('the key is not there');
    },
    startMs,
  );
  const restartSeconds = (performance.now() - begin) / 1000;
  const restartCpuMs = cpuMsOf(cluster.pids);
  await checkCount(cluster, keys);
  return {
    fillPerSecond: filled.operations / filled.seconds,
    rssMib,
    bytesPerKey: ((pssMib - emptyMib) * 2 ** 20) / keys,
    putsPerSecond: puts.operations / puts.seconds,
    putP99Ms: puts.p99Ms,
    getsPerSecond: gets.operations / gets.seconds,
    getP99Ms: gets.p99Ms,
    snapshotSeconds: snapshot.seconds,
    snapshotPutMs: snapshot.longestPutMs,
    compactionSeconds: compaction.seconds,
    compactionPutMs: compaction.longestPutMs,
    defragmentSeconds: defragmentation.seconds,
    defragmentPutMs: defragmentation.longestPutMs,
    failedPuts: snapshot.failedPuts + compaction.failedPuts + defragmentation.failedPuts,
    restartSeconds,
    restartCpuMs,
    restartedMib: memoryOf(cluster.pids[0] ?? 0).rssMib,
  };
}

function growthScenario(name: string, keys: number): Scenario {
  return {
    name,
    what: `one member with ${keys} keys of ${valueBytes} bytes: ${clients} clients at that size, maintenance beside ${writersBeside} writers, a restart`,
    metrics: [
      { key: 'fillPerSecond', label: `puts/s to fill, ${fillClients} clients`, better: 'more' },
      { key: 'rssMib', label: 'RSS filled, MiB', better: 'less' },
      { key: 'bytesPerKey', label: 'bytes of PSS a key', better: 'less', goal: 0.8 },
      { key: 'putsPerSecond', label: 'puts/s', better: 'more' },
      { key: 'putP99Ms', label: 'put p99, ms', better: 'less' },
      { key: 'getsPerSecond', label: 'linearizable gets/s', better: 'more' },
      { key: 'getP99Ms', label: 'get p99, ms', better: 'less' },
      { key: 'snapshotSeconds', label: 'seconds to read a snapshot', better: 'less' },
      { key: 'snapshotPutMs', label: 'longest put beside it, ms', better: 'less' },
      { key: 'compactionSeconds', label: 'seconds to compact all', better: 'less' },
      { key: 'compactionPutMs', label: 'longest put beside it, ms', better: 'less' },
      { key: 'defragmentSeconds', label: 'seconds to defragment', better: 'less' },
      { key: 'defragmentPutMs', label: 'longest put beside it, ms', better: 'less' },
      { key: 'failedPuts', label: 'puts that failed beside maintenance', better: 'less' },
      { key: 'restartSeconds', label: 'restart, seconds to a get', better: 'less', goal: 0.8 },
      { key: 'restartCpuMs', label: 'CPU ms until then', better: 'less' },
      { key: 'restartedMib', label: 'RSS restarted, MiB', better: 'less' },
    ],
    roundsMax: 1,
    onlyByName: true,
    run: (context) => runGrowth(keys, context),
  };
}

export const growthScenarios: readonly Scenario[] = [
  growthScenario('growth-100k', 100_000),
  growthScenario('growth-1m', 1_000_000),
  growthScenario('growth-10m', 10_000_000),
];
