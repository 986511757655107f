/** `node dist/test/security/authorization-fuzz-main.js [--seed N] [--count N]`: the fuzz by hand. Exit code 1 when doors disagree. */
import { parseArgs } from 'node:util';
import { AuthorizationWorld } from './authorization-fuzz.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '100000' },
  },
});
const world = await AuthorizationWorld.start();
const outcome = await world.run(Number(values.seed), Number(values.count));
await world.stop();
for (const difference of outcome.differences) console.error(JSON.stringify(difference, null, 1));
console.log(
  `seed=${values.seed} requests=${values.count} differences=${outcome.differences.length} ` +
    JSON.stringify(outcome.verdicts),
);
process.exit(outcome.differences.length === 0 ? 0 : 1);
