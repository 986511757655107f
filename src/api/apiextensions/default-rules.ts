/** Defaults in the schemas of definitions: each is a value that its own schema takes. */
import { deepEqual } from '../equal.js';
import { at, child, invalid } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { isJsonObject } from '../object.js';
import { maxMatchSteps } from './pattern.js';
import type { JsonSchema } from './structural.js';
import { prune, structuralNode, validateStructural } from './structural.js';

/** Adds what is wrong with the defaults of a structural schema and of all below it. */
export function checkDefaults(schema: JsonSchema, path: FieldPath, errors: FieldError[]): void {
  if (schema['default'] !== undefined && schema['default'] !== null) {
    checkDefault(schema, child(path, 'default'), errors);
  }
  const { properties, items, additionalProperties } = schema;
  if (isJsonObject(properties)) {
    for (const [name, field] of Object.entries(properties)) {
      if (isJsonObject(field)) checkDefaults(field, at(child(path, 'properties'), name), errors);
    }
  }
  if (isJsonObject(additionalProperties)) {
    checkDefaults(additionalProperties, child(path, 'additionalProperties'), errors);
  }
  if (isJsonObject(items)) checkDefaults(items, child(path, 'items'), errors);
}

function checkDefault(schema: JsonSchema, path: FieldPath, errors: FieldError[]): void {
  const value = schema['default'];
  if (!deepEqual(prune(structuralNode(schema), value, '', []), value)) {
    errors.push(invalid(path, value, 'must not have unknown fields'));
    return;
  }
  validateStructural(schema, value, path, { errors, budget: { stepsLeft: maxMatchSteps } });
}
