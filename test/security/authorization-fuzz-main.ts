/**
 * `node dist/test/security/authorization-fuzz-main.js [--seed N] [--count N]`: the fuzz by hand. With ORACLE_KUBECONFIG
 * a real apiserver is asked as well. Exit code 1 when they disagree.
 */
import { parseArgs } from 'node:util';
import { AuthorizationWorld } from './authorization-fuzz.js';
import { Oracle } from './oracle.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '100000' },
  },
});
const kubeconfig = process.env['ORACLE_KUBECONFIG'];
const oracle = kubeconfig === undefined ? undefined : new Oracle(kubeconfig);
await oracle?.prepare();
const world = await AuthorizationWorld.start();
const outcome = await world.run(
  Number(values.seed),
  Number(values.count),
  oracle === undefined ? undefined : (user, request) => oracle.compare(user, request),
);
await world.stop();
for (const difference of outcome.differences) console.error(JSON.stringify(difference, null, 1));
console.log(
  `seed=${values.seed} requests=${values.count} differences=${outcome.differences.length} ` +
    JSON.stringify(outcome.verdicts),
);
await oracle?.cleanUp();
oracle?.close();
process.exit(outcome.differences.length === 0 ? 0 : 1);
