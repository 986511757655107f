/**
 * `node dist/test/robustness/main.js --seed N [--seconds S] [--clients C] [--only FAULT,…] [--auth]`: one run by hand;
 * with users and roles alone for `--auth`. Exit code 1 on any problem.
 */
import { parseArgs } from 'node:util';
import { runAuth } from './auth-run.js';
import { faults } from './nemesis.js';
import { runRobustness } from './run.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '20' },
    clients: { type: 'string', default: '8' },
    only: { type: 'string' },
    auth: { type: 'boolean', default: false },
  },
});
const plan = {
  seed: Number(values.seed),
  seconds: Number(values.seconds),
  ...(values.only === undefined
    ? {}
    : { only: faults.filter((fault) => values.only?.split(',').includes(fault)) }),
  log: (line: string) => console.error(line),
};
const outcome = values.auth
  ? await runAuth(plan)
  : await runRobustness({ ...plan, clients: Number(values.clients) });
const { problems, faults: struck, ...counts } = outcome;
for (const problem of problems.slice(0, 20)) console.error(`PROBLEM ${problem.slice(0, 600)}`);
const flag = values.auth ? ' --auth' : '';
const again = `node dist/test/robustness/main.js --seed ${values.seed} --seconds ${values.seconds}${flag}`;
console.log(JSON.stringify({ again, problems: problems.length, faults: struck.length, ...counts }));
process.exitCode = problems.length === 0 ? 0 : 1;
