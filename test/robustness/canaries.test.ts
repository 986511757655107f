/** Known mistakes, put back into real processes: each must be found, and its plan must find nothing without it. */
import { expect, test } from '@jest/globals';
import { plans } from './canary-plans.js';
import { runPlan } from './canary-run.js';
import { mistakes } from './mistakes.js';

test('each mistake has a plan', () => {
  expect(plans.map((plan) => plan.mistake).toSorted()).toEqual([...mistakes].toSorted());
});

test.each(plans.map((plan) => [plan.mistake, plan] as const))(
  '%s is found, and only where it is',
  async (_name, plan) => {
    // At the same time, since most of it is waiting.
    const [found, without] = await Promise.all([runPlan(plan, true), runPlan(plan, false)]);
    expect(without).toEqual([]);
    expect(found.join('\n')).toMatch(plan.foundBy);
  },
  120_000,
);
