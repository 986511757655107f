/**
 * The start and the memory of a master of this build beside another's, in one run:
 *
 *     node dist/bench/master.js --peer DIR [--rounds 10]
 *
 * DIR is a built checkout. Rounds alternate between the two, and which goes first. A round starts a new master on
 * loopback ports and stops it. Prints medians: wall time and CPU time of the process until it says that it is ready,
 * the latter also some seconds later, and then its memory (proportional share). CPU time says more where others use
 * the machine. `bench/scale` has what follows under load.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { delay, systemClock } from '../src/lib/clock.js';
import { MasterProcess } from './lib/master-process.js';
import { cpuMs, memoryOf } from './lib/process-stats.js';
import { median } from './lib/stats.js';

const clock = systemClock();
const settleMs = 5_000;
const { values } = parseArgs({
  options: {
    peer: { type: 'string' },
    rounds: { type: 'string', default: '10' },
  },
});
if (values.peer === undefined) {
  console.error('--peer DIR is needed: a built checkout to compare with');
  process.exit(2);
}

/** A row of the table, for each of the two. */
type Figures = Record<string, number>;

async function measure(directory: string): Promise<Figures> {
  const startMs = clock.monotonicMs();
  const master = await MasterProcess.start(directory);
  try {
    const { pid } = master;
    const readyMs = clock.monotonicMs() - startMs;
    const readyCpuMs = cpuMs(pid);
    await delay(clock, settleMs);
    return {
      'ms until ready': readyMs,
      'CPU ms until ready': readyCpuMs,
      'CPU ms 5 s later': cpuMs(pid),
      'MiB 5 s later': memoryOf(pid).pssMib,
    };
  } finally {
    await master.stop();
  }
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
