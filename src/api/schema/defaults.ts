/**
 * Defaulting by schema: fields with a default are filled when absent, structs that are always written
 * become `{}`. Defaults that depend on other fields are functions of the kind.
 */
import { cloneJson } from '../clone.js';
import { isJsonObject } from '../object.js';
import type { SchemaNode } from './node.js';
import { resolved } from './node.js';

/** The fields with defaults below one node, and those to descend into; computed once per node. */
interface Plan {
  readonly own: readonly (readonly [string, SchemaNode])[];
  readonly nested: readonly (readonly [string, SchemaNode])[];
}

const plans = new WeakMap<SchemaNode, Plan>();
const useful = new WeakMap<SchemaNode, boolean>();

/** True when something below the node has defaults. Recursive schemas count as true. */
function hasDefaults(node: SchemaNode): boolean {
  if (node.resolve !== undefined) return true;
  const known = useful.get(node);
  if (known !== undefined) return known;
  const inside =
    (node.items !== undefined && hasDefaults(node.items)) ||
    Object.values(node.properties ?? {}).some(
      (field) => field.default !== undefined || field.always === true || hasDefaults(field),
    );
  useful.set(node, inside);
  return inside;
}

function planOf(node: SchemaNode): Plan {
  let plan = plans.get(node);
  if (plan === undefined) {
    const fields = Object.entries(node.properties ?? {});
    plan = {
      own: fields.filter(([, field]) => field.default !== undefined || field.always === true),
      nested: fields.filter(([, field]) => hasDefaults(field)),
    };
    plans.set(node, plan);
  }
  return plan;
}

function initial(node: SchemaNode): unknown {
  if (node.default === undefined) return {};
  return typeof node.default === 'object' ? cloneJson(node.default) : node.default;
}

/** Fills defaults in place. */
export function applySchemaDefaults(schema: SchemaNode, value: unknown): void {
  const node = resolved(schema);
  if (!hasDefaults(node)) return;
  if (Array.isArray(value)) {
    if (node.items === undefined) return;
    for (const item of value) applySchemaDefaults(node.items, item);
    return;
  }
  if (!isJsonObject(value)) return;
  if (node.items !== undefined) {
    for (const item of Object.values(value)) applySchemaDefaults(node.items, item);
  }
  const plan = planOf(node);
  for (const [name, field] of plan.own) {
    if (value[name] === undefined) value[name] = initial(field);
    else if (value[name] === null && field.nullable !== true) value[name] = initial(field);
  }
  for (const [name, field] of plan.nested) {
    if (value[name] !== undefined) applySchemaDefaults(field, value[name]);
  }
}
