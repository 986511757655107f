/**
 * Runs seeds of the simulation of whole members: `node dist/test/sim/store-sim-main.js --seed N [--count M] [--canary
 * NAME] [--keep-going] [--beginning] [--log]`.
 */
import { parseArgs } from 'node:util';
import { exitCodeOf, exitCodes } from './lib/sim-error.js';
import type { StoreCanary } from './store-canaries.js';
import { drawBeginning, drawStoreOptions } from './store-options.js';
import { StoreWorld } from './store-world.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '1' },
    canary: { type: 'string' },
    'keep-going': { type: 'boolean', default: false },
    beginning: { type: 'boolean', default: false },
    log: { type: 'boolean', default: false },
  },
});

let exitCode: number = exitCodes.ok;
const total = new Map<string, number>();
const first = Number(values.seed);
const draw = values.beginning ? drawBeginning : drawStoreOptions;
for (let seed = first; seed < first + Number(values.count); seed++) {
  const world = new StoreWorld(draw(seed, values.canary as StoreCanary | undefined));
  if (values.log) world.say = (line) => console.error(line);
  try {
    await world.run();
  } catch (error) {
    exitCode = exitCodeOf(error);
    const flag = values.beginning ? ' --beginning' : '';
    const again = `node dist/test/sim/store-sim-main.js --seed ${seed}${flag}`;
    console.error(`seed=${seed} us=${world.queue.now} exit=${exitCode} again: ${again}`);
    console.error(world.describe());
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    console.error(exitCode === exitCodes.crash ? message : String(error));
    if (!values['keep-going']) break;
  }
  world.counts.set('operations', world.clients.history.length);
  world.counts.set('revisions', world.checker.log.at(-1)?.revision ?? 0);
  for (const [what, count] of world.counts) total.set(what, (total.get(what) ?? 0) + count);
  if (values.log) console.error(`trace ${world.trace.hash}`);
}
console.log(
  JSON.stringify({ seeds: Number(values.count), first, exitCode, ...Object.fromEntries(total) }),
);
process.exitCode = exitCode;
