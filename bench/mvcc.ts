/**
 * Measures the storage layers on their own: a put through store and backend, with watchers, range reads, a restart; and
 * the log with its syncs. `node dist/bench/mvcc.js [keys] [valueBytes]`. Figures vary with the machine; run it twice.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteBackend } from '../src/etcd/backend/sqlite-backend.js';
import { WatchableRevisionStore } from '../src/etcd/mvcc/watchable-store.js';
import { nodeDisk } from '../src/etcd/wal/node-disk.js';
import { Wal } from '../src/etcd/wal/wal.js';
import { systemClock } from '../src/lib/clock.js';

const keyCount = Number(process.argv[2] ?? 100_000);
const value = Buffer.alloc(Number(process.argv[3] ?? 256), 'x');
const clock = systemClock();
const directory = mkdtempSync(join(tmpdir(), 'trireme-bench-'));
const path = join(directory, 'db');
const padding = 'p'.repeat(240);

/** Runs `step` for each number below `count`, giving the loop a turn after every 64, as requests come. */
async function measure(name: string, count: number, step: (at: number) => void): Promise<void> {
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  let stallMs = 0;
  for (let at = 0; at < count;) {
    const turnMs = performance.now();
    for (const until = Math.min(count, at + 64); at < until; at++) step(at);
    stallMs = Math.max(stallMs, performance.now() - turnMs);
    await new Promise((resolve) => void setImmediate(resolve));
  }
  const used = process.cpuUsage(cpu);
  const wallUs = ((performance.now() - startMs) * 1000) / count;
  const cpuUs = (used.user + used.system) / count;
  console.log(
    `${name.padEnd(34)} ${wallUs.toFixed(2)} us  (cpu ${cpuUs.toFixed(2)} us, longest turn ${stallMs.toFixed(1)} ms)`,
  );
}

async function timed(name: string, fn: () => unknown): Promise<void> {
  const startMs = performance.now();
  await fn();
  console.log(`${name.padEnd(34)} ${(performance.now() - startMs).toFixed(1)} ms`);
}

function keyOf(at: number): string {
  return `k${padding}${String((at * 7919) % keyCount).padStart(8, '0')}`;
}

async function benchStore(): Promise<void> {
  let backend = SqliteBackend.open(path, { clock });
  let store = new WatchableRevisionStore({ backend, clock });
  const keys = Array.from({ length: keyCount }, (_, at) => Buffer.from(keyOf(at)));
  const put = (at: number): void => {
    const txn = store.write();
    txn.put((keys[at % keyCount] as Buffer).toString('latin1'), value, 0n);
    backend.endApply(txn.end(), 1);
  };
  await measure('put, new keys', keyCount, put);
  await measure('put, the same keys again', keyCount, put);
  let seen = 0;
  const sink = { send: (): boolean => (seen += 1) > 0 };
  for (let at = 0; at < 5000; at++) {
    const key = keyOf(at % keyCount);
    store.watch({ key, end: at % 2 === 0 ? '' : `${key}\0`, startRevision: 0 }, sink);
  }
  store.watch({ key: '\0', end: '\0', startRevision: 0 }, sink);
  await measure('put, 5001 watchers, 1-2 hit', keyCount, put);
  console.log(`${'events sent'.padEnd(34)} ${seen}`);
  await measure('get, cached or not', keyCount, (at) => void store.range(keyOf(at), ''));
  await measure('range of 100', 2000, (at) => void store.range(keyOf(at), '\0', { limit: 100 }));
  await timed('count all', () => store.range('\0', '\0', { countOnly: true }));
  await timed('hashKV', () => store.hashKV(0));
  await timed('compact', () => store.compact(store.rev));
  store.close();
  await backend.close();
  const memory = process.memoryUsage();
  console.log(`${'memory'.padEnd(34)} ${(memory.rss / 2 ** 20).toFixed(0)} MiB`);
  await timed('restart', () => {
    backend = SqliteBackend.open(path, { clock });
    store = new WatchableRevisionStore({ backend, clock });
  });
  store.close();
  await backend.close();
}

async function benchWal(): Promise<void> {
  const wal = Wal.create(
    join(directory, 'wal'),
    { clusterId: 1n, memberId: 1n },
    { disk: nodeDisk },
  );
  let index = 0;
  const data = Buffer.alloc(value.length + 280, 'x');
  const append = (): void => {
    index += 1;
    wal.append(undefined, [{ term: 1, index, type: 'normal', data }]);
  };
  await measure('wal append (in memory)', 20_000, append);
  await wal.sync();
  for (const batch of [1, 16, 256]) {
    const rounds = 300;
    const startMs = performance.now();
    for (let round = 0; round < rounds; round++) {
      for (let at = 0; at < batch; at++) append();
      await wal.sync();
    }
    const perSync = (performance.now() - startMs) / rounds;
    console.log(`${`wal sync of ${batch}`.padEnd(34)} ${perSync.toFixed(3)} ms`);
  }
  await wal.close();
}

try {
  await benchStore();
  await benchWal();
} finally {
  rmSync(directory, { recursive: true });
}
