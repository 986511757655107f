/** Fields that hold expressions, in definitions, policies and webhooks. */
const fields = new Set(['rule', 'expression', 'messageExpression', 'valueExpression']);

/** Returns the length of all expressions in an object: it takes so long to compile them. */
export function expressionLength(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let length = 0;
  for (const [name, item] of Object.entries(value)) {
    if (typeof item === 'string') length += fields.has(name) ? item.length : 0;
    else length += expressionLength(item);
  }
  return length;
}
