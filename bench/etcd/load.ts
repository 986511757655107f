/**
 * Makes one run of puts or gets on members that run already, ours or a real etcd's, by the suite's own load generator:
 *
 *     node dist/bench/etcd/load.js put|get|get-serializable --endpoints a:2379,b:2379 --clients 64 --seconds 5 [--pids 1,2,3]
 *
 * Prints operations a second, latencies, and CPU time per operation summed over the given processes. Gets fill the keys
 * first.
 */
import { parseArgs } from 'node:util';
import { runJob } from './generator.js';
import type { LoadJob } from './jobs.js';
import { connectionsFor } from './scenario.js';
import { loadFigures } from './scenario-load.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    endpoints: { type: 'string', default: '127.0.0.1:2379' },
    clients: { type: 'string', default: '64' },
    connections: { type: 'string' },
    keys: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '5' },
    warmup: { type: 'string', default: '1' },
    size: { type: 'string', default: '256' },
    pids: { type: 'string', default: '' },
  },
});

function operationOf(word: string): LoadJob['operation'] {
  if (word === 'put' || word === 'get' || word === 'get-serializable') return word;
  console.error(`put, get or get-serializable, not ${word}`);
  return process.exit(2);
}

const operation = operationOf(positionals[0] ?? 'put');
const endpoints = values.endpoints.split(',');
const clients = Number(values.clients);
const seconds = Number(values.seconds);
const warmupMs = Number(values.warmup) * 1000;
const common = {
  endpoints,
  clients,
  connections: Number(values.connections ?? connectionsFor(clients, endpoints.length)),
  keys: Number(values.keys),
  valueBytes: Number(values.size),
  seed: 1,
};
const deadlineMs = warmupMs + seconds * 1000 + 120_000;

if (operation !== 'put') await runJob({ kind: 'fill', ...common }, deadlineMs);
const measured = await runJob(
  {
    kind: 'load',
    operation,
    ...common,
    warmup: { ms: warmupMs, operations: 0, maxMs: warmupMs + 1000 },
    measureMs: seconds * 1000,
    pids: values.pids === '' ? [] : values.pids.split(',').map(Number),
  },
  deadlineMs,
);
const figures = Object.entries(loadFigures(measured)).map(([name, figure]) => [
  name,
  Number(figure.toPrecision(3)),
]);
console.log(JSON.stringify({ operation, clients, ...Object.fromEntries(figures) }));
