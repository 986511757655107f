/** `node dist/test/robustness/main.js --seed N [--seconds S] [--clients C]`: one run by hand. Exit code 1 on any problem. */
import { parseArgs } from 'node:util';
import { runRobustness } from './run.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '20' },
    clients: { type: 'string', default: '8' },
  },
});
const outcome = await runRobustness({
  seed: Number(values.seed),
  seconds: Number(values.seconds),
  clients: Number(values.clients),
  log: (line) => console.error(line),
});
const { problems, faults, ...counts } = outcome;
for (const problem of problems.slice(0, 20)) console.error(`PROBLEM ${problem.slice(0, 600)}`);
const again = `node dist/test/robustness/main.js --seed ${values.seed} --seconds ${values.seconds}`;
console.log(JSON.stringify({ again, problems: problems.length, faults: faults.length, ...counts }));
process.exitCode = problems.length === 0 ? 0 : 1;
