/**
 * Runs seeds of the Raft simulation: `node dist/test/sim/raft-sim-main.js --seed N [--count M] [--canary NAME]
 * [--keep-going] [--brief]`.
 */
import { parseArgs } from 'node:util';
import { exitCodeOf, exitCodes } from './lib/sim-error.js';
import { RaftCluster } from './raft-cluster.js';
import { drawBriefly, drawOptions } from './raft-options.js';
import type { Canary } from './raft-options.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '1' },
    canary: { type: 'string' },
    'keep-going': { type: 'boolean', default: false },
    brief: { type: 'boolean', default: false },
  },
});

let exitCode: number = exitCodes.ok;
const total = { writes: 0, acked: 0, reads: 0, leaders: 0, delivered: 0 };
const first = Number(values.seed);
for (let seed = first; seed < first + Number(values.count); seed++) {
  const draw = values.brief ? drawBriefly : drawOptions;
  const options = draw(seed, values.canary as Canary | undefined);
  const cluster = new RaftCluster(options);
  try {
    cluster.run();
    const { summary } = cluster;
    for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += summary[key];
  } catch (error) {
    exitCode = exitCodeOf(error);
    const again = `node dist/test/sim/raft-sim-main.js --seed ${seed}${values.brief ? ' --brief' : ''}`;
    console.error(`seed=${seed} units=${cluster.now} exit=${exitCode} again: ${again}`);
    console.error(cluster.describe());
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    console.error(exitCode === exitCodes.crash ? message : String(error));
    if (!values['keep-going']) break;
  }
}
console.log(JSON.stringify({ seeds: Number(values.count), first, exitCode, ...total }));
process.exitCode = exitCode;
