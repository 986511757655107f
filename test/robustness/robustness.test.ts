/** The store as real processes, with faults, judged by what clients and watchers were told. */
import { expect, test } from '@jest/globals';
import { runRobustness } from './run.js';

const seed = 3;

test('nothing acknowledged is lost, all is linearizable, watches keep their word', async () => {
  const outcome = await runRobustness({ seed, seconds: 15 });
  if (outcome.problems.length > 0) {
    throw new Error(
      `seed ${seed}, histories and logs in ${outcome.artefacts}\n${outcome.faults.join('\n')}\n` +
        outcome.problems.slice(0, 10).join('\n'),
    );
  }
  expect(outcome.faults.length).toBeGreaterThan(0);
  expect(outcome.acknowledged).toBeGreaterThan(0);
  expect(outcome.events).toBeGreaterThanOrEqual(outcome.acknowledged);
}, 180_000);
