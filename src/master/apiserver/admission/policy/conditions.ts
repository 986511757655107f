/** Match conditions: expressions that must hold for a webhook to be called or a policy to be evaluated. */
import { compileExpression } from '../../../../api/admission/expressions.js';
import type { Effort } from '../../../../api/cel/effort.js';
import type { Program } from '../../../../api/cel/environment.js';
import { matchConditionsCostBudget, perCallCostLimit } from '../../../../api/cel/limits.js';
import { types } from '../../../../api/cel/types.js';
import type { Value } from '../../../../api/cel/value.js';
import { aggregate } from '../../../../api/field-error.js';

/** A condition as it is configured. */
interface Configured {
  readonly name: string;
  readonly expression: string;
}

/** A condition, ready to be evaluated, or what is wrong with it. */
export interface Condition {
  readonly expression: string;
  readonly program: Program | string;
}

/** Compiles conditions. */
export function compileConditions(
  conditions: readonly Configured[] | undefined,
  hasParams: boolean,
): readonly Condition[] {
  return (conditions ?? []).map(({ expression }) => ({
    expression,
    program: compileExpression(expression.trim(), { hasParams, hasAuthorizer: true }, [types.bool]),
  }));
}

/** Text of an evaluation that used up what all together may cost. */
export const outOfBudget =
  'validation failed due to running out of cost budget, no further validation rules will be run';

/**
 * Evaluates conditions: one that is false settles it, whatever the others do.
 * @returns an Error when none is false and some cannot be evaluated
 * @throws EffortError
 */
export function conditionsHold(
  conditions: readonly Condition[],
  read: (name: string) => Value | undefined,
  effort?: Effort,
): boolean | Error {
  const problems: string[] = [];
  let budget = matchConditionsCostBudget;
  for (const { expression, program } of conditions) {
    if (typeof program === 'string') {
      problems.push(`compilation error: ${program}`);
      continue;
    }
    const outcome = program.run(read, Math.min(perCallCostLimit, budget), effort);
    budget -= outcome.cost;
    if (budget < 0) return new Error(outOfBudget);
    if (outcome.error !== undefined) {
      problems.push(`expression '${expression}' resulted in error: ${outcome.error.message}`);
    } else if (outcome.value === false) return false;
  }
  return problems.length === 0 ? true : new Error(aggregate(problems));
}
