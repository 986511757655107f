/**
 * Load on an etcd v3 cluster, ours or a real one: `node dist/bench/etcd-load.js put|get --endpoints a,b,c --clients 64 --seconds 5
 * [--pids 1,2,3]`. Prints operations a second, latencies, and the CPU time per operation summed over the given processes.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { KVDefinition } from '../src/gen/etcd/rpc.js';
import type { RangeRequest } from '../src/gen/etcd/rpc.js';
import { createGrpcChannel } from '../src/lib/grpc/index.js';
import { silentLogger } from '../src/lib/log.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    endpoints: { type: 'string', default: '127.0.0.1:2379' },
    clients: { type: 'string', default: '64' },
    seconds: { type: 'string', default: '5' },
    size: { type: 'string', default: '256' },
    serializable: { type: 'boolean', default: false },
    pids: { type: 'string', default: '' },
  },
});
const kind = positionals[0] ?? 'put';
const none = Buffer.alloc(0);
const value = Buffer.alloc(Number(values.size), 'v');

/** User and system time of a process, milliseconds. */
function cpuMs(pid: string): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

const pids = values.pids.split(',').filter((pid) => pid !== '');
const cpuSum = (): number => pids.reduce((sum, pid) => sum + cpuMs(pid), 0);

function rangeRequest(key: Buffer): RangeRequest {
  return {
    key,
    rangeEnd: none,
    limit: 0,
    revision: 0,
    sortOrder: 0,
    sortTarget: 0,
    serializable: values.serializable,
    keysOnly: false,
    countOnly: false,
    minModRevision: 0,
    maxModRevision: 0,
    minCreateRevision: 0,
    maxCreateRevision: 0,
  };
}

const kvs = values.endpoints
  .split(',')
  .map((target) => createGrpcChannel({ target, log: silentLogger }).client(KVDefinition));
const latencies: number[] = [];
let failed = 0;
const untilMs = performance.now() + Number(values.seconds) * 1000;

async function client(number: number): Promise<void> {
  const kv = kvs[number % kvs.length]!;
  for (let count = 0; performance.now() < untilMs; count++) {
    const key = Buffer.from(`bench/${(number * 7919 + count) % 10_000}`);
    const startMs = performance.now();
    try {
      if (kind === 'put') {
        const flags = { prevKv: false, ignoreValue: false, ignoreLease: false };
        await kv.put({ key, value, lease: 0n, ...flags });
      } else await kv.range(rangeRequest(key));
      latencies.push(performance.now() - startMs);
    } catch {
      failed++;
    }
  }
}

const cpuBefore = cpuSum();
const startMs = performance.now();
await Promise.all(Array.from({ length: Number(values.clients) }, (_, at) => client(at)));
const seconds = (performance.now() - startMs) / 1000;
const cpu = cpuSum() - cpuBefore;
latencies.sort((a, b) => a - b);
const at = (share: number): string =>
  (latencies[Math.floor(latencies.length * share)] ?? 0).toFixed(2);
console.log(
  JSON.stringify({
    kind,
    clients: Number(values.clients),
    perSecond: Math.round(latencies.length / seconds),
    failed,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    cpuUsPerOp: pids.length === 0 ? undefined : Math.round((cpu * 1000) / latencies.length),
  }),
);
process.exit(0);
