/** The condition of budgets that says whether a pod may be evicted. @see kubernetes component-helpers pdb helpers */
import type { PodDisruptionBudget } from '../types/policy.js';
import { withCondition } from './conditions.js';

/** The status of a budget. */
export type BudgetStatus = NonNullable<PodDisruptionBudget['status']>;

/** The budget's conditions once so many more disruptions are allowed. @param now when it became so */
export function disruptionConditions(
  { metadata, status }: PodDisruptionBudget,
  allowed: number,
  now: string,
): NonNullable<BudgetStatus['conditions']> {
  const condition = {
    type: 'DisruptionAllowed',
    status: allowed > 0 ? 'True' : 'False',
    reason: allowed > 0 ? 'SufficientPods' : 'InsufficientPods',
    message: '',
    observedGeneration: metadata.generation ?? 0,
    lastTransitionTime: now,
  };
  return withCondition(status?.conditions, condition, now);
}
