/** The rules of structural schemas (KEP-20190425): every value has a type, and logic adds nothing to it. */
import type { Effort } from '../cel/effort.js';
import { at, child, forbidden, invalid, notSupported, required } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { isJsonObject } from '../object.js';
import { checkDefaults } from './default-rules.js';
import { checkLists } from './list-rules.js';
import { patternError } from './pattern.js';
import type { JsonSchema } from './structural.js';

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
/** The place of a missing type, in the words of the error. */
type Place = 'at the root' | 'for specified object fields' | 'for specified array items';

/** Fields that logical branches (`allOf`, `anyOf`, `oneOf`, `not`) must not have. */
const notInLogic = ['type', 'default', 'description', 'title', 'additionalProperties', 'nullable'];

/**
 * Adds everything that keeps a schema from being structural.
 * @param path where the schema stands, such as `spec.versions[0].schema.openAPIV3Schema`
 * @throws EffortError when the rules of its defaults use up the effort
 */
export function checkStructure(
  schema: JsonSchema,
  path: FieldPath,
  errors: FieldError[],
  effort?: Effort,
): void {
  const before = errors.length;
  checkNode(schema, path, 'at the root', errors);
  const { type } = schema;
  if (typeof type === 'string' && type !== '' && type !== 'object') {
    errors.push(invalid(child(path, 'type'), type, 'must be object at the root'));
  }
  // A schema that is none has no value to hold its defaults against.
  if (errors.length === before) checkDefaults(schema, path, errors, effort);
}

function checkNode(schema: JsonSchema, path: FieldPath, place: Place, errors: FieldError[]): void {
  checkType(schema, path, place, errors);
  const { properties, items, additionalProperties } = schema;
  if (isJsonObject(properties)) {
    if (isJsonObject(additionalProperties)) {
      const text = 'additionalProperties and properties are mutual exclusive';
      errors.push(forbidden(child(path, 'additionalProperties'), text));
    }
    for (const [name, field] of Object.entries(properties)) {
      const here = at(child(path, 'properties'), name);
      // Go reads null as an empty schema.
      if (field === null) checkNode({}, here, 'for specified object fields', errors);
      else if (isJsonObject(field)) checkNode(field, here, 'for specified object fields', errors);
    }
  }
  if (isJsonObject(additionalProperties)) {
    const here = child(path, 'additionalProperties');
    checkNode(additionalProperties, here, 'for specified object fields', errors);
  }
  if (isJsonObject(items)) {
    checkNode(items, child(path, 'items'), 'for specified array items', errors);
  } else if (schema['type'] === 'array') {
    errors.push(required(child(path, 'items'), 'must be specified'));
  }
  checkLists(schema, path, errors);
  checkPattern(schema, path, errors);
  checkLogic(schema, path, errors);
}

function checkPattern(schema: JsonSchema, path: FieldPath, errors: FieldError[]): void {
  const { pattern } = schema;
  if (typeof pattern !== 'string' || pattern === '') return;
  const problem = patternError(pattern);
  if (problem === undefined) return;
  const text = `must be a valid regular expression, but isn't: ${problem}`;
  errors.push(invalid(child(path, 'pattern'), pattern, text));
}

function checkType(schema: JsonSchema, path: FieldPath, place: Place, errors: FieldError[]): void {
  const type = schema['type'] ?? '';
  const here = child(path, 'type');
  const isEmbedded = schema['x-kubernetes-embedded-resource'] === true;
  const isFree =
    schema['x-kubernetes-int-or-string'] === true ||
    schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (isEmbedded && type !== 'object') {
    const text = 'must be object if x-kubernetes-embedded-resource is true';
    errors.push(type === '' ? required(here, text) : invalid(here, type, text));
  } else if (type === '' && !isFree) errors.push(required(here, `must not be empty ${place}`));
  if (typeof type === 'string' && type !== '' && !types.includes(type)) {
    errors.push(notSupported(here, type, types));
  }
  const properties = isJsonObject(schema['properties']) ? schema['properties'] : {};
  const isSaid = schema['x-kubernetes-preserve-unknown-fields'] !== undefined;
  if (isEmbedded && !isSaid && Object.keys(properties).length === 0) {
    const text =
      'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields';
    errors.push(required(child(path, 'properties'), text));
  }
  if (schema['x-kubernetes-preserve-unknown-fields'] === false) {
    const text = 'must be true or undefined';
    errors.push(invalid(child(path, 'x-kubernetes-preserve-unknown-fields'), false, text));
  }
}

function checkLogic(schema: JsonSchema, path: FieldPath, errors: FieldError[]): void {
  const isIntOrString = schema['x-kubernetes-int-or-string'] === true;
  for (const name of ['allOf', 'anyOf', 'oneOf']) {
    const branches = schema[name];
    if (!Array.isArray(branches)) continue;
    branches.forEach((branch: unknown, index) => {
      if (isJsonObject(branch)) {
        checkBranch(branch, at(child(path, name), index), isIntOrString, errors);
      }
    });
  }
  if (isJsonObject(schema['not'])) {
    checkBranch(schema['not'], child(path, 'not'), isIntOrString, errors);
  }
}

function checkBranch(
  branch: JsonSchema,
  path: FieldPath,
  isIntOrString: boolean,
  errors: FieldError[],
): void {
  for (const name of notInLogic) {
    if (branch[name] === undefined || (name === 'type' && isIntOrString)) continue;
    errors.push(forbidden(child(path, name), 'must be empty to be structural'));
  }
  checkPattern(branch, path, errors);
  const { properties } = branch;
  if (isJsonObject(properties)) {
    for (const [name, field] of Object.entries(properties)) {
      const here = at(child(path, 'properties'), name);
      if (isJsonObject(field)) checkBranch(field, here, isIntOrString, errors);
    }
  }
  checkLogic(
    isIntOrString ? { ...branch, 'x-kubernetes-int-or-string': true } : branch,
    path,
    errors,
  );
}
