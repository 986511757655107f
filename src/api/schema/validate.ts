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
  readonly required: readonly Required[];
  /** The fields to descend into. */
  readonly nested: readonly Nested[];
  /** The schema of items to descend into. */
  readonly items: SchemaNode | undefined;
  readonly checks: readonly Check[];
}

interface Required {
  readonly name: string;
  /** What the error says beside that it is missing. */
  readonly text: string | undefined;
}

interface Nested {
  readonly name: string;
  readonly field: SchemaNode;
  /** Go's zero value, which the checks are asked about where the field is absent; undefined for none. */
  readonly zero: unknown;
  /** True when an empty text is no value: the field is no pointer in Go. */
  readonly skipsEmpty: boolean;
}

const plans = new WeakMap<SchemaNode, Plan>();

/** Nodes that are defined later, as recursive ones are, count as true. */
function hasChecks(node: SchemaNode): boolean {
  return node.resolve !== undefined || planOf(node).isUseful;
}

/** Required fields for which the zero value is missing too. */
function isMandatory(node: SchemaNode | undefined): boolean {
  if (node === undefined || node.pointer === true) return false;
  if (node.checksEmpty === true || node.isValue === true) return false;
  return node.type === 'string' || node.type === 'array' || node.type === 'object';
}

/** True for a struct that Go always has, given or not. */
function isAlways(node: (SchemaNode & { readonly isRequired?: boolean }) | undefined): boolean {
  return node?.type === 'object' && node.always === true && node.isRequired === true;
}

/** Go's zero value of a required field, where its checks decide about it; a number or name is no pointer in Go. */
function zeroOf(node: SchemaNode | undefined): unknown {
  if (node?.type === 'string' && node.checksEmpty === true) return '';
  if (node?.isValue === true || isAlways(node)) return {};
  if (node?.type === 'int-or-string') return 0;
  return node?.type === 'integer' && node.pointer !== true ? 0 : undefined;
}

function nestedOf(name: string, field: SchemaNode, isRequired: boolean): Nested {
  return {
    name,
    field,
    zero: isRequired || isAlways(field) ? zeroOf(field) : undefined,
    skipsEmpty: field.pointer !== true && field.checksEmpty !== true,
  };
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
    .map(([name, field]) => nestedOf(name, field, names.includes(name)));
  const checkedItems = items !== undefined && hasChecks(items) ? items : undefined;
  return {
    isUseful:
      checks.length > 0 || names.length > 0 || nested.length > 0 || checkedItems !== undefined,
    required: names
      .filter((name) => isMandatory(node.properties?.[name]))
      .map((name) => ({ name, text: node.properties?.[name]?.missing })),
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
    for (const { name, text } of plan.required) {
      if (isMissing(value[name])) errors.push(required(child(path, name), text));
    }
    for (const { name, field, zero, skipsEmpty } of plan.nested) {
      const item = value[name] ?? zero;
      if (item === undefined || (item === '' && skipsEmpty)) continue;
      validateNode(field, item, child(path, name), errors);
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
  const plan = planOf(schema);
  for (const { name, text } of plan.required) {
    if (!skipped.has(name) && isMissing(object[name])) errors.push(required(name, text));
  }
  for (const { name, field, zero, skipsEmpty } of plan.nested) {
    const value = object[name] ?? zero;
    if (skipped.has(name) || value === undefined || (value === '' && skipsEmpty)) continue;
    validateNode(field, value, name, errors);
  }
}
