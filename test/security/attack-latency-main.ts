/**
 * `node dist/test/security/attack-latency-main.js [--only TEXT] [--seconds 4] [--pairs 3]`: what attacks without
 * credentials, and bodies of a user, do to a client that behaves. Server, client and attacker are processes of their
 * own. Windows without and with the attack take turns, and the attack stands before its window begins; what is printed
 * is of all windows of a kind together: percentiles of the client's times, the server's memory, its CPU, and what held
 * up its event loop. A shared machine is not the same for long, so a ratio counts only with a load below the number of
 * its processors.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { delay, systemClock } from '../../src/lib/clock.js';
import { startHarness } from '../cluster/apiserver-harness.js';
import { waitFor } from '../cluster/etcd-processes.js';
import { attacks } from './lib/attacker.js';
import type { ClientReport, ServerAddress } from './lib/behaving-client.js';
import { probeVariable } from './lib/event-loop-probe.js';
import type { LoopReport } from './lib/event-loop-probe.js';
import { heldBy } from './targets.js';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    seconds: { type: 'string', default: '4' },
    pairs: { type: 'string', default: '3' },
  },
});
const megabyte = 1024 * 1024;
const clock = systemClock();
const windowMs = 1000 * Number(values.seconds);
/** After an attack has begun, and after it has ended. */
const settleMs = 500;

function child(file: string, parameters: readonly string[]): ChildProcess {
  const path = fileURLToPath(new URL(`./lib/${file}.js`, import.meta.url));
  return fork(path, [...parameters]);
}

function message<T>(from: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => reject(new Error(`a child ended: ${code}`));
    from.once('exit', onExit);
    from.once('message', (value) => {
      from.removeListener('exit', onExit);
      resolve(value as T);
    });
  });
}

interface Rig {
  readonly pid: number;
  readonly client: ChildProcess;
  readonly probeFile: string;
}

/** All windows of one kind. */
interface Windows {
  readonly restMs: number[];
  readonly grpcMs: number[];
  readonly loops: LoopReport[];
  failures: number;
  peakBytes: number;
}

function noWindows(): Windows {
  return { restMs: [], grpcMs: [], loops: [], failures: 0, peakBytes: 0 };
}

async function loopOf({ pid, probeFile }: Rig): Promise<LoopReport> {
  rmSync(probeFile, { force: true });
  process.kill(pid, 'SIGUSR2');
  let text = '';
  await waitFor('the probe', () => {
    try {
      text = readFileSync(probeFile, 'utf8');
    } catch {
      return false;
    }
    return true;
  });
  return JSON.parse(text) as LoopReport;
}

async function clientOf({ client }: Rig): Promise<ClientReport> {
  const report = message<ClientReport>(client);
  client.send('report');
  return report;
}

async function measure(rig: Rig, into: Windows): Promise<void> {
  await clientOf(rig);
  await loopOf(rig);
  const untilMs = clock.monotonicMs() + windowMs;
  while (clock.monotonicMs() < untilMs) {
    into.peakBytes = Math.max(into.peakBytes, heldBy(rig.pid).residentBytes);
    await delay(clock, 20);
  }
  const { restMs, grpcMs, failures } = await clientOf(rig);
  into.restMs.push(...restMs);
  into.grpcMs.push(...grpcMs);
  into.failures += failures;
  into.loops.push(await loopOf(rig));
}

async function attackOnce(rig: Rig, name: string, address: ServerAddress): Promise<string> {
  const [quiet, beside] = [noWindows(), noWindows()];
  for (let pair = 0; pair < Number(values.pairs); pair++) {
    await measure(rig, quiet);
    const attacker = child('attacker', [name, JSON.stringify(address)]);
    await message(attacker);
    await delay(clock, settleMs);
    await measure(rig, beside);
    const gone = new Promise((resolve) => attacker.once('exit', resolve));
    attacker.kill();
    await gone;
    await delay(clock, settleMs);
  }
  return report(name, quiet, beside);
}

function report(name: string, quiet: Windows, beside: Windows): string {
  const row = (kind: string, before: number[], after: number[]): string => {
    const at = (list: number[], share: number): number =>
      list.toSorted((a, b) => a - b)[Math.floor(list.length * share)] ?? 0;
    const [p50, p99] = [0.5, 0.99].map((share) => [at(before, share), at(after, share)] as const);
    if (p50 === undefined || p99 === undefined) return '';
    return (
      `${kind} p50 ${p50[0].toFixed(1)} -> ${p50[1].toFixed(1)}, ` +
      `p99 ${p99[0].toFixed(1)} -> ${p99[1].toFixed(1)} ms (${(p99[1] / p99[0]).toFixed(1)} x)`
    );
  };
  const both = (of: (windows: Windows) => number): string =>
    `${of(quiet).toFixed(0)} -> ${of(beside).toFixed(0)}`;
  const sum = (of: (loop: LoopReport) => number): string =>
    both(({ loops }) => loops.reduce((total, loop) => total + of(loop), 0) / loops.length);
  const longest = (of: (loop: LoopReport) => number): string =>
    both(({ loops }) => Math.max(...loops.map(of)));
  const perSecond = 1000 / windowMs;
  return (
    `${name} (load ${(loadavg()[0] ?? 0).toFixed(1)})\n` +
    `    ${row('rest', quiet.restMs, beside.restMs)}; ${row('grpc', quiet.grpcMs, beside.grpcMs)}; ` +
    `failures ${beside.failures}\n` +
    `    RSS ${both(({ peakBytes }) => peakBytes / megabyte)} MiB; ` +
    `CPU ${sum(({ cpuMs }) => cpuMs * perSecond)} ms/s, GC ${sum(({ gcMs }) => gcMs * perSecond)} ms/s; ` +
    `loop p99 ${longest(({ p99Ms }) => p99Ms)}, longest ${longest(({ stallMs }) => stallMs)} ms ` +
    `(GC ${longest(({ longestGcMs }) => longestGcMs)} ms)`
  );
}

const home = mkdtempSync(join(tmpdir(), 'trireme-attacks-'));
const probeFile = join(home, 'loop.json');
process.env[probeVariable] = probeFile;
process.env['NODE_OPTIONS'] =
  `--import ${new URL('./lib/event-loop-probe.js', import.meta.url).href}`;
const harness = await startHarness();
process.env['NODE_OPTIONS'] = '';
const { url, grpcPort, pki, pid } = harness;
const address: ServerAddress = { url, grpcPort, pki };
const client = child('behaving-client', [JSON.stringify(address)]);
const rig: Rig = { pid, client, probeFile };
try {
  // Code is compiled, caches fill.
  await delay(clock, 3000);
  for (const name of Object.keys(attacks).filter((each) => each.includes(values.only))) {
    console.log(await attackOnce(rig, name, address));
  }
} finally {
  client.kill();
  await harness.stop();
  rmSync(home, { recursive: true, force: true });
}
