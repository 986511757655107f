/** Users, roles and rights of a cluster of processes, with faults. */
import { expect, test } from '@jest/globals';
import { runAuth } from './auth-run.js';

const seed = 3;

test('a right that was taken away lets nobody through, one that was given is not refused', async () => {
  const outcome = await runAuth({ seed, seconds: 10 });
  if (outcome.problems.length > 0) {
    throw new Error(
      `seed ${seed}, logs in ${outcome.directory}\n${outcome.faults.join('\n')}\n` +
        outcome.problems.slice(0, 10).join('\n'),
    );
  }
  expect(outcome.faults.length).toBeGreaterThan(0);
  expect(outcome.changes).toBeGreaterThan(0);
  expect(outcome.allowed).toBeGreaterThan(0);
  expect(outcome.refused).toBeGreaterThan(0);
}, 180_000);
