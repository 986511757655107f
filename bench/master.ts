/**
 * The start and the memory of a master of this build beside another's, in one run:
 *
 *     node dist/bench/master.js --peer DIR [--rounds 10] [--writes 0]
 *
 * DIR is a built checkout. Rounds alternate between the two, and which goes first. A round starts a new master on
 * loopback ports and stops it. Prints medians: wall time and CPU time of the process until it says that it is ready,
 * the latter also some seconds later, and then its memory (proportional share); with `--writes` the memory after so
 * many patches of 24 ConfigMaps by 24 clients. CPU time says more where others use the machine.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { delay, systemClock } from '../src/lib/clock.js';
import { freePorts } from '../test/cluster/etcd-processes.js';
import { cpuMs, memoryOf } from './lib/process-stats.js';
import { median } from './lib/stats.js';

const clock = systemClock();
const settleMs = 5_000;
const clients = 24;
const configMaps = '/api/v1/namespaces/default/configmaps';
const { values } = parseArgs({
  options: {
    peer: { type: 'string' },
    rounds: { type: 'string', default: '10' },
    writes: { type: 'string', default: '0' },
  },
});
if (values.peer === undefined) {
  console.error('--peer DIR is needed: a built checkout to compare with');
  process.exit(2);
}

/** A row of the table, for each of the two. */
type Figures = Record<string, number>;

/** The flags for ports: earlier builds have fewer. */
async function portFlags(program: string): Promise<string[]> {
  const { stdout } = spawnSync(process.execPath, [program, 'master', '--help'], {
    encoding: 'utf8',
  });
  const names = [...stdout.matchAll(/--[a-z-]+-port(?= <)/g)].map(([name]) => name);
  const ports = await freePorts(names.length);
  return names.map((name, at) => `${name}=${ports[at]}`);
}

async function measure(directory: string): Promise<Figures> {
  const home = mkdtempSync(join(tmpdir(), 'trireme-bench-'));
  const program = join(directory, 'bin/trireme');
  const ports = await portFlags(program);
  const words = ['master', '--name=bench', `--data-dir=${home}`, '--address=127.0.0.1', ...ports];
  const startMs = clock.monotonicMs();
  const child = spawn(process.execPath, [program, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, MALLOC_ARENA_MAX: '2' },
  });
  const { pid = 0 } = child;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const isReady = new Promise<void>((resolve, reject) => {
    let text = '';
    const look = (chunk: Buffer): void => {
      text += chunk.toString();
      if (text.includes('"master is ready"')) resolve();
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
    child.once('exit', (code) => reject(new Error(`${program} ended with ${code}:\n${text}`)));
  });
  try {
    await isReady;
    const readyMs = clock.monotonicMs() - startMs;
    const readyCpuMs = cpuMs(pid);
    await delay(clock, settleMs);
    const figures: Figures = {
      'ms until ready': readyMs,
      'CPU ms until ready': readyCpuMs,
      'CPU ms 5 s later': cpuMs(pid),
      'MiB 5 s later': memoryOf(pid).pssMib,
    };
    const writes = Number(values.writes);
    if (writes > 0) {
      const beforeMs = cpuMs(pid);
      await write(home, ports, writes);
      figures['CPU us a write'] = ((cpuMs(pid) - beforeMs) * 1_000) / writes;
      await delay(clock, settleMs);
      figures['MiB after the writes'] = memoryOf(pid).pssMib;
    }
    return figures;
  } finally {
    child.kill('SIGTERM');
    await ended;
    rmSync(home, { recursive: true, force: true });
  }
}

async function write(home: string, ports: readonly string[], count: number): Promise<void> {
  const port = Number(ports.find((flag) => flag.startsWith('--rest-port='))?.split('=')[1]);
  const pem = (name: string): Buffer => readFileSync(join(home, 'pki', name));
  const tls = { ca: pem('ca.crt'), cert: pem('admin.crt'), key: pem('admin.key') };
  const agent = new Agent({ ...tls, keepAlive: true, maxSockets: clients });
  const call = (method: string, path: string, body: object): Promise<void> =>
    new Promise((resolve, reject) => {
      const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
      const headers = { 'content-type': type };
      const asked = request({ agent, host: '127.0.0.1', port, method, path, headers }, (answer) => {
        const code = answer.statusCode ?? 0;
        answer.resume().on('end', () => {
          if (code < 300) resolve();
          else reject(new Error(`${method} ${path}: ${code}`));
        });
      });
      asked.on('error', reject).end(JSON.stringify(body));
    });
  let begun = 0;
  const client = async (_: unknown, at: number): Promise<void> => {
    const metadata = { name: `c${at}` };
    await call('POST', configMaps, { metadata, data: { text: 'x'.repeat(200) } });
    for (; begun < count; begun++) {
      await call('PATCH', `${configMaps}/c${at}`, { data: { n: String(begun) } });
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  agent.destroy();
}

const here = fileURLToPath(new URL('../..', import.meta.url));
const sides = [
  { directory: here, rounds: [] as Figures[] },
  { directory: values.peer, rounds: [] as Figures[] },
];
for (let round = 0; round < Number(values.rounds); round++) {
  for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
    side.rounds.push(await measure(side.directory));
  }
}
const [own = [], peer = []] = sides.map(({ rounds }) => rounds);
console.log(`${''.padEnd(22)} ${'here'.padStart(8)} ${'peer'.padStart(8)}  ratio`);
for (const name of Object.keys(own[0] ?? {})) {
  const of = (rounds: readonly Figures[]): number => median(rounds.map((each) => each[name] ?? 0));
  const ratio = median(own.map((each, at) => (each[name] ?? 0) / (peer[at]?.[name] ?? 1)));
  const cells = [of(own), of(peer)].map((value) => value.toFixed(0).padStart(8));
  console.log(`${name.padEnd(22)} ${cells.join(' ')}  ${ratio.toFixed(2)}`);
}
