/**
 * `node dist/test/security/attack-latency-main.js [--only TEXT] [--seconds 4]`: what attacks without credentials, and bodies of a
 * user, do to a client that behaves. Server, client and attacker are processes of their own. Prints percentiles of the client's
 * times without and with each attack, the server's memory, its CPU, and the longest stall of its event loop. Each attack has its
 * quiet beside it, since a shared machine is not the same for long.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
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
  },
});
const megabyte = 1024 * 1024;
const clock = systemClock();
const windowMs = 1000 * Number(values.seconds);

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

interface Window extends ClientReport, LoopReport {
  readonly peakBytes: number;
}

interface Rig {
  readonly pid: number;
  readonly client: ChildProcess;
  readonly probeFile: string;
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

/** Measures for a while. @param begin what happens meanwhile */
async function measure(rig: Rig, begin: () => Promise<void>): Promise<Window> {
  await clientOf(rig);
  await loopOf(rig);
  let peakBytes = 0;
  const untilMs = clock.monotonicMs() + windowMs;
  const beginning = begin();
  while (clock.monotonicMs() < untilMs) {
    peakBytes = Math.max(peakBytes, heldBy(rig.pid).residentBytes);
    await delay(clock, 10);
  }
  const report = await clientOf(rig);
  const loop = await loopOf(rig);
  await beginning;
  return { ...report, ...loop, peakBytes };
}

async function attackOnce(rig: Rig, name: string, address: ServerAddress): Promise<string> {
  const quiet = await measure(rig, () => Promise.resolve());
  const attacker = child('attacker', [name, JSON.stringify(address)]);
  const beside = await measure(rig, async () => {
    await message(attacker);
  });
  const gone = new Promise((resolve) => attacker.once('exit', resolve));
  attacker.kill();
  await gone;
  const row = (kind: 'rest' | 'grpc'): string => {
    const [before, after] = [quiet[kind], beside[kind]];
    return (
      `${kind} p50 ${before.p50Ms.toFixed(1)} -> ${after.p50Ms.toFixed(1)}, ` +
      `p99 ${before.p99Ms.toFixed(1)} -> ${after.p99Ms.toFixed(1)} ms ` +
      `(${(after.p99Ms / before.p99Ms).toFixed(1)} x)`
    );
  };
  const mib = (bytes: number): string => (bytes / megabyte).toFixed(0);
  return (
    `${name}\n    ${row('rest')}; ${row('grpc')}; failures ${beside.failures}\n` +
    `    RSS ${mib(quiet.peakBytes)} -> ${mib(beside.peakBytes)} MiB; ` +
    `CPU ${((100 * quiet.cpuMs) / windowMs).toFixed(0)} -> ` +
    `${((100 * beside.cpuMs) / windowMs).toFixed(0)} %; ` +
    `longest stall ${quiet.stallMs.toFixed(0)} -> ${beside.stallMs.toFixed(0)} ms`
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
    await delay(clock, 500);
  }
} finally {
  client.kill();
  await harness.stop();
  rmSync(home, { recursive: true, force: true });
}
