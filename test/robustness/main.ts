/** `node dist/test/robustness/main.js --seed N [--seconds S] [--clients C] [--only FAULT,…]`: one run by hand. Exit code 1 on any problem. */
import { parseArgs } from 'node:util';
import { faults } from './nemesis.js';
import { runRobustness } from './run.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '20' },
    clients: { type: 'string', default: '8' },
    only: { type: 'string' },
  },
});
const outcome = await runRobustness({
  seed: Number(values.seed),
  seconds: Number(values.seconds),
  clients: Number(values.clients),
  ...(values.only === undefined
    ? {}
    : { only: faults.filter((fault) => values.only?.split(',').includes(fault)) }),
  log: (line) => console.error(line),
});
const { problems, faults: struck, ...counts } = outcome;
for (const problem of problems.slice(0, 20)) console.error(`PROBLEM ${problem.slice(0, 600)}`);
const again = `node dist/test/robustness/main.js --seed ${values.seed} --seconds ${values.seconds}`;
console.log(JSON.stringify({ again, problems: problems.length, faults: struck.length, ...counts }));
process.exitCode = problems.length === 0 ? 0 : 1;
