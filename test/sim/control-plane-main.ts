/**
 * Runs seeds of the simulated control plane:
 * `node dist/test/sim/control-plane-main.js --first K --seeds N [--canary NAME] [--keep-going] [--log]`.
 */
import { parseArgs } from 'node:util';
import type { Canary } from './control-plane/canaries.js';
import { drawOptions } from './control-plane/options.js';
import { ControlPlaneWorld } from './control-plane/world.js';
import { exitCodeOf, exitCodes } from './lib/sim-error.js';

const { values } = parseArgs({
  options: {
    first: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    canary: { type: 'string' },
    'keep-going': { type: 'boolean', default: false },
    log: { type: 'boolean', default: false },
  },
});

// Refusals are many, and their stacks cost a tenth of the time; a run that is read along has them.
if (!values.log) Error.stackTraceLimit = 0;

let exitCode: number = exitCodes.ok;
let failed = 0;
const total = new Map<string, number>();
const first = Number(values.first);
for (let seed = first; seed < first + Number(values.seeds); seed++) {
  const options = drawOptions(seed, values.canary as Canary | undefined);
  const world = await ControlPlaneWorld.create(options);
  if (values.log) world.say = (line) => console.error(line);
  try {
    await world.run();
  } catch (error) {
    exitCode = exitCodeOf(error);
    failed += 1;
    const again = `node dist/test/sim/control-plane-main.js --first ${seed}`;
    console.error(`seed=${seed} us=${world.queue.now} exit=${exitCode} again: ${again}`);
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    console.error(exitCode === exitCodes.crash ? message : String(error));
    if (!values['keep-going']) break;
  }
  for (const [what, count] of world.counts) total.set(what, (total.get(what) ?? 0) + count);
  if (values.log) console.error(`trace ${world.trace.hash}`);
}
console.log(
  JSON.stringify({
    seeds: Number(values.seeds),
    first,
    failed,
    exitCode,
    ...Object.fromEntries(total),
  }),
);
process.exit(exitCode);
