/** From the OpenAPI schema of a CustomResourceDefinition to schema nodes, and its validation. */
import {
  at,
  child,
  invalid,
  notSupported,
  required,
  tooLong,
  tooMany,
  typeInvalid,
} from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { isJsonObject } from '../object.js';
import { deepEqual } from '../equal.js';
import { goQuote } from '../go-text/quote.js';
import { GoSyntax, goInterface } from '../go-text/syntax.js';
import { formatJson } from '../../lib/json.js';
import { itemKey } from '../cel/kube/data.js';
import { checkEmbedded, pruneEmbedded } from './embedded.js';
import { hasFormat } from './formats.js';
import { checkListType } from './list-values.js';
import type { Unchanged } from './unchanged.js';
import type { MatchBudget } from './pattern.js';
import { matchesPattern } from './pattern.js';
import { maxProblems } from '../schema/decode.js';
import type { ListType, NodeType, SchemaNode } from '../schema/node.js';

/** The errors that validation has found in one object, and the budget that it has left. */
export interface Findings {
  readonly errors: FieldError[];
  readonly budget: MatchBudget;
  /**
   * What the value replaces, where that can be told: a part that has not changed is not judged anew (Kubernetes'
   * ratcheting), so that an object may be updated after its schema became stricter.
   */
  readonly old?: unknown;
  readonly unchanged?: Unchanged | undefined;
}

/** A JSON schema as it stands in a definition. */
export type JsonSchema = Readonly<Record<string, unknown>>;

function sub(schema: JsonSchema, name: string): JsonSchema | undefined {
  const value = schema[name];
  return isJsonObject(value) ? value : undefined;
}

function typeOf(schema: JsonSchema): NodeType {
  if (schema['x-kubernetes-int-or-string'] === true) return 'int-or-string';
  const type = schema['type'];
  if (type === 'object') {
    return sub(schema, 'properties') === undefined &&
      sub(schema, 'additionalProperties') !== undefined
      ? 'map'
      : 'object';
  }
  const scalars: readonly unknown[] = ['array', 'string', 'integer', 'number', 'boolean'];
  return scalars.includes(type) ? (type as NodeType) : 'any';
}

/** Converts a structural schema. All values are kept as they are: nothing counts as unset. */
export function structuralNode(schema: JsonSchema): SchemaNode {
  const properties = sub(schema, 'properties');
  const items = sub(schema, 'items') ?? sub(schema, 'additionalProperties');
  const node: SchemaNode = {
    type: typeOf(schema),
    description: typeof schema['description'] === 'string' ? schema['description'] : undefined,
    default: schema['default'],
    nullable: schema['nullable'] === true,
    pointer: true,
    embedded: schema['x-kubernetes-embedded-resource'] === true,
    preserveUnknown:
      schema['x-kubernetes-preserve-unknown-fields'] === true ||
      schema['additionalProperties'] === true,
    listType: schema['x-kubernetes-list-type'] as ListType | undefined,
    listMapKeys: schema['x-kubernetes-list-map-keys'] as string[] | undefined,
    mapType: schema['x-kubernetes-map-type'] === 'atomic' ? 'atomic' : undefined,
    required: schema['required'] as string[] | undefined,
    items: items === undefined ? undefined : structuralNode(items),
    source: schema,
    properties:
      properties === undefined
        ? undefined
        : Object.fromEntries(
            Object.entries(properties).map(([name, field]) => [
              name,
              structuralNode(isJsonObject(field) ? field : {}),
            ]),
          ),
  };
  return node;
}

/** Drops unknown fields of a custom object, naming the first {@link maxProblems}, and nulls where none may be. */
export function prune(node: SchemaNode, value: unknown, path: string, problems: string[]): unknown {
  if (Array.isArray(value)) {
    const { items } = node;
    if (items === undefined) return value;
    return value.map((item: unknown, index) => prune(items, item, `${path}[${index}]`, problems));
  }
  if (!isJsonObject(value)) return value;
  const out: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value)) {
    const here = path === '' ? name : `${path}.${name}`;
    const field =
      (node.properties !== undefined && Object.hasOwn(node.properties, name)
        ? node.properties[name]
        : undefined) ??
      (node.properties === undefined || node.type === 'map' ? node.items : undefined);
    if (name === '__proto__') continue;
    const embedded = node.embedded === true ? pruneEmbedded(name, item) : undefined;
    if (embedded !== undefined) {
      out[name] = embedded.value;
      for (const field of embedded.unknown) addProblem(problems, `${here}.${field}`);
    } else if (field !== undefined) {
      // A null that a field may not be says nothing; its default takes its place, where it has one.
      if (item === null && field.nullable !== true) continue;
      out[name] = prune(field, item, here, problems);
    } else if (node.preserveUnknown === true) out[name] = item;
    else addProblem(problems, here);
  }
  return out;
}

function addProblem(problems: string[], path: string): void {
  if (problems.length < maxProblems) problems.push(`unknown field ${goQuote(path)}`);
}

function jsonTypeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value === 'bigint' ? 'integer' : typeof value;
}

function checkType(schema: JsonSchema, value: unknown, path: FieldPath): FieldError | undefined {
  const actual = jsonTypeOf(value);
  if (schema['x-kubernetes-int-or-string'] === true) {
    if (actual === 'integer' || actual === 'string') return undefined;
    const text = `${path} in body must be of type integer,string: ${JSON.stringify(actual)}`;
    return typeInvalid(path, actual, text);
  }
  const wanted = schema['type'];
  if (typeof wanted !== 'string' || wanted === actual) return undefined;
  if (wanted === 'number' && actual === 'integer') return undefined;
  const text = `${path} in body must be of type ${wanted}: ${JSON.stringify(actual)}`;
  return typeInvalid(path, actual, text);
}

function num(schema: JsonSchema, name: string): number | undefined {
  const value = schema[name];
  return typeof value === 'number' ? value : undefined;
}

function checkNumber(
  schema: JsonSchema,
  value: number | bigint,
  path: FieldPath,
  found: Findings,
): void {
  const { errors } = found;
  const [minimum, maximum, factor] = [
    num(schema, 'minimum'),
    num(schema, 'maximum'),
    num(schema, 'multipleOf'),
  ];
  const say = (text: string): void => {
    errors.push(invalid(path, value, `${path} in body should be ${text}`));
  };
  if (minimum !== undefined) {
    const isOpen = schema['exclusiveMinimum'] === true;
    if (isOpen ? value <= minimum : value < minimum) {
      say(isOpen ? `greater than ${minimum}` : `greater than or equal to ${minimum}`);
    }
  }
  if (maximum !== undefined) {
    const isOpen = schema['exclusiveMaximum'] === true;
    if (isOpen ? value >= maximum : value > maximum) {
      say(isOpen ? `less than ${maximum}` : `less than or equal to ${maximum}`);
    }
  }
  if (factor !== undefined && !isMultiple(value, factor)) say(`a multiple of ${factor}`);
}

function isMultiple(value: number | bigint, factor: number): boolean {
  const isExact = typeof value === 'bigint' && Number.isInteger(factor);
  return isExact ? value % BigInt(factor) === 0n : Number(value) % factor === 0;
}

function checkString(schema: JsonSchema, value: string, path: FieldPath, found: Findings): void {
  const { errors } = found;
  const [min, max] = [num(schema, 'minLength'), num(schema, 'maxLength')];
  const length = Array.from(value).length;
  if (min !== undefined && length < min) {
    errors.push(invalid(path, value, `${path} in body should be at least ${min} chars long`));
  }
  if (max !== undefined && length > max) errors.push(tooLong(path, max));
  const { format, pattern } = schema as { format?: unknown; pattern?: unknown };
  if (typeof format === 'string' && !hasFormat(format, value)) {
    const text = `${path} in body must be of type ${format}: ${goQuote(value)}`;
    errors.push(typeInvalid(path, value, text));
  }
  if (typeof pattern !== 'string') return;
  const matches = matchesPattern(pattern, value, found.budget);
  if (matches === 'too long') {
    errors.push(
      invalid(path, value, `${path} in body is too long to be matched with '${pattern}'`),
    );
  } else if (!matches) {
    errors.push(invalid(path, value, `${path} in body should match '${pattern}'`));
  }
}

function checkArray(
  schema: JsonSchema,
  value: readonly unknown[],
  path: FieldPath,
  found: Findings,
): void {
  const { errors } = found;
  const [min, max] = [num(schema, 'minItems'), num(schema, 'maxItems')];
  if (min !== undefined && value.length < min) {
    errors.push(invalid(path, value.length, `${path} in body should have at least ${min} items`));
  }
  if (max !== undefined && value.length > max) errors.push(tooMany(path, value.length, max));
  checkListType(schema, value, path, errors);
  const items = sub(schema, 'items');
  if (items === undefined) return;
  const before = oldItems(schema, found.old);
  value.forEach((item, index) => {
    const old = before?.get(itemKey(item, schema));
    validateStructural(items, item, at(path, index), { ...found, old });
  });
}

/** The old items by what tells them apart; only those of maps can be. */
function oldItems(schema: JsonSchema, old: unknown): ReadonlyMap<string, unknown> | undefined {
  if (schema['x-kubernetes-list-type'] !== 'map' || !Array.isArray(old)) return undefined;
  return new Map(old.map((item: unknown) => [itemKey(item, schema), item] as const));
}

function checkObject(
  schema: JsonSchema,
  value: Record<string, unknown>,
  path: FieldPath,
  found: Findings,
): void {
  const { errors } = found;
  for (const name of (schema['required'] as string[] | undefined) ?? []) {
    if (value[name] === undefined) errors.push(required(name === '' ? path : child(path, name)));
  }
  if (schema['x-kubernetes-embedded-resource'] === true) checkEmbedded(value, path, errors);
  const size = Object.keys(value).length;
  const [min, max] = [num(schema, 'minProperties'), num(schema, 'maxProperties')];
  if (min !== undefined && size < min) {
    errors.push(invalid(path, size, `${path} in body should have at least ${min} properties`));
  }
  if (max !== undefined && size > max) errors.push(tooMany(path, size, max));
  const properties = sub(schema, 'properties');
  const rest = sub(schema, 'additionalProperties');
  const before = isJsonObject(found.old) ? found.old : undefined;
  for (const [name, item] of Object.entries(value)) {
    const field = properties === undefined ? undefined : properties[name];
    const target = isJsonObject(field) ? field : rest;
    if (target === undefined) continue;
    const old = before !== undefined && Object.hasOwn(before, name) ? before[name] : undefined;
    validateStructural(target, item, child(path, name), { ...found, old });
  }
}

function passes(schema: unknown, value: unknown, path: FieldPath, budget: MatchBudget): boolean {
  if (!isJsonObject(schema)) return true;
  const found: Findings = { errors: [], budget };
  validateStructural(schema, value, path, found);
  return found.errors.length === 0;
}

function checkCombined(schema: JsonSchema, value: unknown, path: FieldPath, found: Findings): void {
  const { errors } = found;
  const { budget } = found;
  const { allOf, anyOf, oneOf, not } = schema;
  const say = (text: string): void => {
    errors.push(invalid(path, value, `${path === '' ? '<nil>' : path} in body ${text}`));
  };
  if (Array.isArray(allOf)) {
    for (const part of allOf as unknown[]) {
      if (isJsonObject(part)) validateStructural(part, value, path, { errors, budget });
    }
  }
  if (Array.isArray(anyOf) && !anyOf.some((part) => passes(part, value, path, budget))) {
    say('must validate at least one schema (anyOf)');
  }
  if (Array.isArray(oneOf)) {
    const count = oneOf.filter((part) => passes(part, value, path, budget)).length;
    if (count !== 1) {
      const found = count === 0 ? 'none valid' : `${count} correct`;
      say(`must validate one and only one schema (oneOf). Found ${found}`);
    }
  }
  if (isJsonObject(not) && passes(not, value, path, budget))
    say('must not validate the schema (not)');
}

/** A value of an enumeration as its error names it. */
function enumText(value: unknown): string {
  return typeof value === 'string' ? value : formatJson(value);
}

/** A value that is none of an enumeration, as its error shows it. */
function enumValue(value: unknown): unknown {
  if (value === null) return 'null';
  return typeof value === 'object' ? new GoSyntax(goInterface(value)) : value;
}

/** Adds what is wrong with a value by its JSON schema, in the texts of Kubernetes' validator. */
export function validateStructural(
  schema: JsonSchema,
  value: unknown,
  path: FieldPath,
  found: Findings,
): void {
  const { errors, old } = found;
  if (value === null && schema['nullable'] === true) return;
  if (old !== undefined && found.unchanged?.has(value, old) === true) return;
  const wrong = checkType(schema, value, path);
  if (wrong !== undefined) errors.push(wrong);
  const { enum: values } = schema;
  if (Array.isArray(values) && !values.some((item) => deepEqual(item, value))) {
    errors.push(notSupported(path, enumValue(value), values.map(enumText)));
  }
  if (wrong !== undefined) return;
  if (typeof value === 'number' || typeof value === 'bigint')
    checkNumber(schema, value, path, found);
  else if (typeof value === 'string') checkString(schema, value, path, found);
  else if (Array.isArray(value)) checkArray(schema, value, path, found);
  else if (isJsonObject(value)) checkObject(schema, value, path, found);
  checkCombined(schema, value, path, found);
}
