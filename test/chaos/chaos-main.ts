/**
 * `node dist/test/chaos/chaos-main.js --seed N [--count C] [--seconds S] [--pods P] [--only FAULT,…]`: runs by hand,
 * as root. Exit code 1 on any problem.
 */
import { parseArgs } from 'node:util';
import { faultNames } from './faults.js';
import { runChaos } from './run.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '60' },
    pods: { type: 'string', default: '25' },
    only: { type: 'string' },
  },
});
const only = values.only?.split(',');
for (let n = 0; n < Number(values.count); n++) {
  const seed = Number(values.seed) + n;
  const outcome = await runChaos({
    seed,
    seconds: Number(values.seconds),
    podsMax: Number(values.pods),
    ...(only === undefined ? {} : { only: faultNames.filter((name) => only.includes(name)) }),
    log: (line) => console.error(line),
  });
  const { problems, ...counts } = outcome;
  console.log(JSON.stringify({ seed, problems: problems.length, ...counts }));
  if (problems.length > 0) process.exitCode = 1;
}
