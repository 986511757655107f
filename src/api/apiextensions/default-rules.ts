/**
 * Defaults in the schemas of definitions: each is a value that its own schema takes, rules included.
 * @see apiextensions-apiserver pkg/apiserver/schema/defaulting/validation.go
 */
import type { Effort } from '../cel/effort.js';
import { at, child, invalid } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { GoSyntax, goInterface } from '../go-text/syntax.js';
import { isJsonObject } from '../object.js';
import { maxMatchSteps } from './pattern.js';
import { defaultErrors, RuleBudget } from './rule-validator.js';
import type { JsonSchema } from './structural.js';
import { prune, structuralNode, validateStructural } from './structural.js';

/** What the rules of all defaults of a schema may take together. */
interface Bounds {
  readonly budget: RuleBudget;
  readonly effort: Effort | undefined;
}

/**
 * Adds what is wrong with the defaults of a structural schema and of all below it.
 * @throws EffortError when their rules use up the effort
 */
export function checkDefaults(
  schema: JsonSchema,
  path: FieldPath,
  errors: FieldError[],
  effort: Effort | undefined,
): void {
  checkAll(schema, path, errors, { budget: new RuleBudget(), effort });
}

function checkAll(schema: JsonSchema, path: FieldPath, errors: FieldError[], bounds: Bounds): void {
  if (schema['default'] !== undefined && schema['default'] !== null) {
    checkDefault(schema, child(path, 'default'), errors, bounds);
  }
  const { properties, items, additionalProperties } = schema;
  if (isJsonObject(properties)) {
    for (const [name, field] of Object.entries(properties)) {
      if (isJsonObject(field)) checkAll(field, at(child(path, 'properties'), name), errors, bounds);
    }
  }
  if (isJsonObject(additionalProperties)) {
    checkAll(additionalProperties, child(path, 'additionalProperties'), errors, bounds);
  }
  if (isJsonObject(items)) checkAll(items, child(path, 'items'), errors, bounds);
}

function withoutName(text: string, path: FieldPath): string {
  return text.replaceAll(`${path}.`, '').replaceAll(path, '');
}

function checkDefault(
  schema: JsonSchema,
  path: FieldPath,
  errors: FieldError[],
  { budget, effort }: Bounds,
): void {
  const value = schema['default'];
  const before = errors.length;
  const unknown: string[] = [];
  prune(structuralNode(schema), value, '', unknown);
  if (unknown.length > 0) {
    const shown = new GoSyntax(goInterface(value));
    errors.push(invalid(path, shown, 'must not have unknown fields'));
  }
  validateStructural(schema, value, path, { errors, budget: { stepsLeft: maxMatchSteps } });
  if (errors.length > before) {
    // A default has no name of its own: texts name what is in it.
    const named = errors.splice(before);
    errors.push(...named.map((error) => ({ ...error, body: withoutName(error.body, path) })));
    return;
  }
  errors.push(...defaultErrors(schema, path, budget, effort));
}
