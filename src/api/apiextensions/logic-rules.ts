/** The rules of logic in structural schemas: `allOf`, `anyOf`, `oneOf`, `not` say nothing of the shape of values. */
import { deepEqual } from '../equal.js';
import { at, child, forbidden, required } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { isJsonObject } from '../object.js';
import { checkPattern } from './pattern.js';
import { checkUnsupported } from './unsupported-rules.js';
import type { JsonSchema } from './structural.js';

const empty = 'must be empty to be structural';
const absent = 'must be undefined to be structural';
const untrue = 'must be false to be structural';
/** Fields that branches must not have. */
const notInLogic: readonly (readonly [name: string, text: string])[] = [
  ['type', empty],
  ['additionalProperties', absent],
  ['default', absent],
  ['title', empty],
  ['description', empty],
  ['nullable', untrue],
  ['x-kubernetes-preserve-unknown-fields', untrue],
  ['x-kubernetes-embedded-resource', untrue],
  ['x-kubernetes-int-or-string', untrue],
  ['x-kubernetes-list-map-keys', empty],
  ['x-kubernetes-list-type', absent],
  ['x-kubernetes-map-type', absent],
  ['x-kubernetes-validations', empty],
];

/** A number or a text, said by logic: the one branch that may name types. */
const amount = [{ type: 'integer' }, { type: 'string' }];

interface Branch {
  readonly branch: JsonSchema;
  readonly path: FieldPath;
}

/** The branches of a schema, by the word that they stand under. */
function branchesOf(schema: JsonSchema, name: string, path: FieldPath): Branch[] {
  const branches = schema[name];
  if (!Array.isArray(branches)) return [];
  return branches
    .map((branch: unknown, index) => ({ branch, path: at(child(path, name), index) }))
    .filter((each): each is Branch => isJsonObject(each.branch));
}

function allBranches(schema: JsonSchema, path: FieldPath): Branch[] {
  const branches = ['allOf', 'anyOf', 'oneOf'].flatMap((name) => branchesOf(schema, name, path));
  const { not } = schema;
  return isJsonObject(not) ? [...branches, { branch: not, path: child(path, 'not') }] : branches;
}

/** Adds what is wrong with the branches of a schema, and of all below them. */
export function checkLogic(schema: JsonSchema, path: FieldPath, errors: FieldError[]): void {
  checkBranches(schema, path, { mayBeAmount: true }, errors);
}

function checkBranches(
  schema: JsonSchema,
  path: FieldPath,
  { mayBeAmount }: { readonly mayBeAmount: boolean },
  errors: FieldError[],
): void {
  const isAmount = mayBeAmount && deepEqual(schema['anyOf'], amount);
  const [first] = branchesOf(schema, 'allOf', path);
  for (const each of allBranches(schema, path)) {
    if (isAmount && each.path.startsWith(child(path, 'anyOf'))) continue;
    const isFirst = mayBeAmount && each.branch === first?.branch && each.path === first.path;
    checkBranch(each, { mayBeAmount: isFirst }, errors);
  }
}

function checkBranch(
  { branch, path }: Branch,
  options: { readonly mayBeAmount: boolean },
  errors: FieldError[],
): void {
  checkUnsupported(branch, path, errors);
  for (const [name, text] of notInLogic) {
    const value = branch[name];
    if (value === undefined || value === null || (text === untrue && value !== true)) continue;
    errors.push(forbidden(child(path, name), text));
  }
  checkPattern(branch, path, errors);
  const { items, properties } = branch;
  const plain = { mayBeAmount: false };
  if (isJsonObject(items))
    checkBranch({ branch: items, path: child(path, 'items') }, plain, errors);
  for (const [name, field] of Object.entries(isJsonObject(properties) ? properties : {})) {
    const here = at(child(path, 'properties'), name);
    if (name === 'metadata') {
      errors.push(forbidden(here, 'must not be specified in a nested context'));
    }
    if (isJsonObject(field)) checkBranch({ branch: field, path: here }, plain, errors);
  }
  checkBranches(branch, path, options, errors);
}

/** Adds the fields that branches speak of and the schema itself does not have. */
export function checkCompleteness(schema: JsonSchema, path: FieldPath, errors: FieldError[]): void {
  for (const each of allBranches(schema, path)) checkComplete(each, schema, path, errors);
}

function checkComplete(
  { branch, path: from }: Branch,
  schema: unknown,
  path: FieldPath,
  errors: FieldError[],
): void {
  if (!isJsonObject(schema)) {
    errors.push(required(path, `because it is defined in ${from}`));
    return;
  }
  for (const each of allBranches(branch, from)) checkComplete(each, schema, path, errors);
  const { items, properties } = branch;
  if (isJsonObject(items)) {
    const place = { branch: items, path: child(from, 'items') };
    checkComplete(place, schema['items'], child(path, 'items'), errors);
  }
  const own = isJsonObject(schema['properties']) ? schema['properties'] : {};
  for (const [name, field] of Object.entries(isJsonObject(properties) ? properties : {})) {
    if (!isJsonObject(field)) continue;
    const place = { branch: field, path: at(child(from, 'properties'), name) };
    const target = Object.hasOwn(own, name) ? (own[name] ?? {}) : undefined;
    checkComplete(place, target, at(child(path, 'properties'), name), errors);
  }
}
