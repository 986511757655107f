/** Validation by schema: required fields, then the checks that nodes carry, depth first. */
import { at, child, required } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { isJsonObject } from '../object.js';
import type { SchemaNode } from './node.js';
import { resolved } from './node.js';

/** The required fields of an object, and those to descend into; computed once per node. */
interface Plan {
  readonly required: readonly string[];
  readonly nested: readonly (readonly [string, SchemaNode])[];
}

const plans = new WeakMap<SchemaNode, Plan>();
const useful = new WeakMap<SchemaNode, boolean>();

function hasChecks(node: SchemaNode): boolean {
  if (node.resolve !== undefined) return true;
  const known = useful.get(node);
  if (known !== undefined) return known;
  const found =
    (node.checks?.length ?? 0) > 0 ||
    (node.required?.length ?? 0) > 0 ||
    (node.items !== undefined && hasChecks(node.items)) ||
    Object.values(node.properties ?? {}).some(hasChecks);
  useful.set(node, found);
  return found;
}

/** Required fields for which the zero value is missing too. */
function isMandatory(node: SchemaNode | undefined): boolean {
  if (node === undefined || node.pointer === true) return false;
  return node.type === 'string' || node.type === 'array' || node.type === 'object';
}

function planOf(node: SchemaNode): Plan {
  let plan = plans.get(node);
  if (plan === undefined) {
    plan = {
      required: (node.required ?? []).filter((name) => isMandatory(node.properties?.[name])),
      nested: Object.entries(node.properties ?? {}).filter(([, field]) => hasChecks(field)),
    };
    plans.set(node, plan);
  }
  return plan;
}

function isMissing(value: unknown): boolean {
  return value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
}

/** Adds what is wrong with a value below a node. */
export function validateNode(
  schema: SchemaNode,
  value: unknown,
  path: FieldPath,
  errors: FieldError[],
): void {
  const node = resolved(schema);
  if (!hasChecks(node)) return;
  if (node.properties !== undefined && isJsonObject(value)) {
    const plan = planOf(node);
    for (const name of plan.required) {
      if (isMissing(value[name])) errors.push(required(child(path, name)));
    }
    for (const [name, field] of plan.nested) {
      const item = value[name];
      if (item !== undefined && item !== '') validateNode(field, item, child(path, name), errors);
    }
  } else if (node.items !== undefined && hasChecks(node.items)) {
    const items = node.items;
    if (Array.isArray(value)) {
      value.forEach((item, index) => validateNode(items, item, at(path, index), errors));
    } else if (isJsonObject(value)) {
      for (const [key, item] of Object.entries(value))
        validateNode(items, item, at(path, key), errors);
    }
  }
  for (const check of node.checks ?? []) check(value, path, errors);
}

/** Fields that validation of a whole object leaves to others. */
const skipped = new Set(['apiVersion', 'kind', 'metadata', 'status']);

/** Adds what is wrong with an object's own fields, beside metadata and status. */
export function validateFields(schema: SchemaNode, object: object, errors: FieldError[]): void {
  if (!isJsonObject(object)) return;
  for (const name of schema.required ?? []) {
    if (skipped.has(name) || !isMandatory(schema.properties?.[name])) continue;
    if (isMissing(object[name])) errors.push(required(name));
  }
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    if (!skipped.has(name) && object[name] !== undefined) {
      validateNode(field, object[name], name, errors);
    }
  }
}
