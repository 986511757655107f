/**
 * Compares our store with a real etcd, request by request, for as many seeds as are asked for:
 * `node dist/test/cluster/etcd-fuzz/fuzz-main.js --etcd PROGRAM [--seed 1] [--runs 10] [--steps 400] [--scope keys]`
 */
import { parseArgs } from 'node:util';
import { runFuzz } from './run.js';
import { Side } from './side.js';

const { values } = parseArgs({
  options: {
    etcd: { type: 'string', default: 'etcd' },
    seed: { type: 'string', default: '1' },
    runs: { type: 'string', default: '10' },
    steps: { type: 'string', default: '400' },
    scope: { type: 'string', default: 'all' },
    extra: { type: 'string', multiple: true, default: [] },
  },
});

const verdicts = new Map<string, { well: number; refused: number }>();
const first = Number(values.seed);
let requests = 0;
let different = 0;
for (let seed = first; seed < first + Number(values.runs); seed++) {
  const [ours, theirs] = await Promise.all([
    Side.start(undefined, values.extra),
    Side.start([values.etcd]),
  ]);
  try {
    const outcome = await runFuzz({ ours, theirs }, seed, {
      steps: Number(values.steps),
      scope: values.scope === 'keys' ? 'keys' : 'all',
    });
    requests += outcome.requests;
    for (const [method, { well, refused }] of outcome.verdicts) {
      const sum = verdicts.get(method) ?? { well: 0, refused: 0 };
      verdicts.set(method, { well: sum.well + well, refused: sum.refused + refused });
    }
    for (const one of outcome.differences) {
      different++;
      process.stdout.write(`seed ${one.seed}, step ${one.at}: ${one.step}\n`);
      process.stdout.write(`  ours   ${one.ours}\n  theirs ${one.theirs}\n`);
    }
    for (const [why, count] of outcome.explained) process.stdout.write(`${count} x ${why}\n`);
  } finally {
    await Promise.all([ours.stop(), theirs.stop()]);
  }
}
for (const [method, { well, refused }] of [...verdicts].sort(([a], [b]) => (a < b ? -1 : 1))) {
  process.stdout.write(`${method}: ${well} answered, ${refused} refused\n`);
}
process.stdout.write(`${requests} requests, ${different} runs ended by a difference\n`);
process.exitCode = different === 0 ? 0 : 1;
