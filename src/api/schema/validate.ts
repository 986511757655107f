/** Validation by schema: required fields, then the checks that nodes carry, depth first. */
import { at, child, required } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { isJsonObject } from '../object.js';
import type { Check, SchemaNode } from './node.js';
import { resolved } from './node.js';

/** The part of a node that validation looks at; computed once per node. */
interface Plan {
  /** False when nothing is to be checked here or below. */
  readonly isUseful: boolean;
  readonly required: readonly string[];
  /** The fields to descend into. */
  readonly nested: readonly Nested[];
  /** The schema of items to descend into. */
  readonly items: SchemaNode | undefined;
  readonly checks: readonly Check[];
}

interface Nested {
  readonly name: string;
  readonly field: SchemaNode;
}

const plans = new WeakMap<SchemaNode, Plan>();

/** Nodes that are defined later, as recursive ones are, count as true. */
function hasChecks(node: SchemaNode): boolean {
  return node.resolve !== undefined || planOf(node).isUseful;
}

/** Required fields for which the zero value is missing too. */
function isMandatory(node: SchemaNode | undefined): boolean {
  if (node === undefined || node.pointer === true) return false;
  return node.type === 'string' || node.type === 'array' || node.type === 'object';
}

function planOf(node: SchemaNode): Plan {
  let plan = plans.get(node);
  if (plan === undefined) {
    plan = newPlan(node);
    plans.set(node, plan);
  }
  return plan;
}

function newPlan(node: SchemaNode): Plan {
  const { checks = [], items, required: names = [] } = node;
  const nested = Object.entries(node.properties ?? {})
    .filter(([, field]) => hasChecks(field))
    .map(([name, field]) => ({ name, field }));
  const checkedItems = items !== undefined && hasChecks(items) ? items : undefined;
  return {
    isUseful:
      checks.length > 0 || names.length > 0 || nested.length > 0 || checkedItems !== undefined,
    required: names.filter((name) => isMandatory(node.properties?.[name])),
    nested,
    items: checkedItems,
    checks,
  };
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
  const plan = planOf(node);
  if (!plan.isUseful) return;
  if (node.properties !== undefined && isJsonObject(value)) {
    for (const name of plan.required) {
      if (isMissing(value[name])) errors.push(required(child(path, name)));
    }
    for (const { name, field } of plan.nested) {
      const item = value[name];
      if (item !== undefined && item !== '') validateNode(field, item, child(path, name), errors);
    }
  } else if (plan.items !== undefined) validateItems(plan.items, value, path, errors);
  for (const check of plan.checks) check(value, path, errors);
}

function validateItems(
  items: SchemaNode,
  value: unknown,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (Array.isArray(value)) {
    value.forEach((item, index) => validateNode(items, item, at(path, index), errors));
  } else if (isJsonObject(value)) {
    for (const [key, item] of Object.entries(value)) {
      validateNode(items, item, at(path, key), errors);
    }
  }
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
