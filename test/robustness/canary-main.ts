/**
 * `node dist/test/robustness/canary-main.js [MISTAKE…]`: the plans by hand, with what each finds. Exit code 1 where one
 * fails.
 */
import { systemClock } from '../../src/lib/clock.js';
import { plans } from './canary-plans.js';
import { runPlan } from './canary-run.js';

const clock = systemClock();
const names = process.argv.slice(2);
for (const plan of plans.filter(({ mistake }) => names.length === 0 || names.includes(mistake))) {
  for (const withMistake of [true, false]) {
    const startMs = clock.monotonicMs();
    const problems = await runPlan(plan, withMistake);
    const ms = Math.round(clock.monotonicMs() - startMs);
    const right = withMistake ? plan.foundBy.test(problems.join('\n')) : problems.length === 0;
    if (!right) process.exitCode = 1;
    const { mistake } = plan;
    console.log(JSON.stringify({ mistake, withMistake, right, ms, problems: problems.length }));
    for (const problem of problems.slice(0, 6)) console.log(`  ${problem.slice(0, 300)}`);
  }
}
