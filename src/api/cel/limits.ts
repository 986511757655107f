/** The limits of expressions: Kubernetes' own where it has them, so that what is accepted there is accepted here. */

/** Most cost of one evaluation (`celconfig.PerCallLimit`); a unit is some 50 ns there. */
export const perCallCostLimit = 1_000_000;
/** Most cost of all rules of one object (`RuntimeCELCostBudget`). */
export const objectCostBudget = 10_000_000;
/** Most cost of all match conditions of one webhook or policy (`RuntimeCELCostBudgetMatchConditions`). */
export const matchConditionsCostBudget = 2_500_000;
/** Most estimated cost of one rule of a definition, times how often it may run. */
export const estimatedRuleCostLimit = 10_000_000;
/** Most estimated cost of all rules of a definition. */
export const estimatedSchemaCostLimit = 100_000_000;
/** Longest text of an evaluated message, in bytes. */
export const maxMessageBytes = 5 * 1024;
/** Largest request that sizes are estimated from. */
export const maxRequestBytes = 3 * 1024 * 1024;
/** Longest expression (cel-go `expressionSizeCodePointLimit`). */
export const maxExpressionLength = 100_000;
/** Deepest nesting of an expression (cel-go `maxRecursionDepth`). */
export const maxDepth = 250;
/**
 * Most work of one evaluation: nodes of the expression, nodes compared, characters made. cel-go charges a deep
 * comparison by its outermost size only, so that cost alone would not bound the time.
 */
export const perCallWorkLimit = 3_000_000;
/** Most work of all rules of one object. */
export const objectWorkBudget = 10_000_000;
/**
 * Most cost and work together of what is evaluated on the event loop in one turn, and characters of what is compiled:
 * a unit of cost takes up to 1 µs, a character 2 µs. Rules of published definitions take some hundreds for an object.
 */
export const turnEffort = 10_000;
