/** The rules of structural schemas (KEP-20190425): every value has a type, and logic adds nothing to it. */
import type { Effort } from '../cel/effort.js';
import { at, child, forbidden, invalid, notSupported, required } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { isJsonObject } from '../object.js';
import { checkDefaults } from './default-rules.js';
import { checkLists } from './list-rules.js';
import { checkCompleteness, checkLogic } from './logic-rules.js';
import { checkPattern } from './pattern.js';
import { checkObjectFields, checkUnsupported } from './unsupported-rules.js';
import type { JsonSchema } from './structural.js';

/** The place of a missing type, in the words of the error. */
type Place = 'at the root' | 'for specified object fields' | 'for specified array items';

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
  checkCompleteness(schema, path, errors);
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
  checkUnsupported(schema, path, errors);
  checkMap(schema, path, errors);
  checkLists(schema, path, errors);
  checkPattern(schema, path, errors);
  checkParts(schema, path, place, errors);
  checkLogic(schema, path, errors);
}

const mapTypes = ['atomic', 'granular'];

/** What kind of a map an object is said to be. */
function checkMap(schema: JsonSchema, path: FieldPath, errors: FieldError[]): void {
  const mapType = schema['x-kubernetes-map-type'] ?? undefined;
  if (mapType === undefined) return;
  const { type = '' } = schema;
  const detail = 'must be object if x-kubernetes-map-type is specified';
  const here = child(path, 'type');
  if (type === '') errors.push(required(here, detail));
  else if (type !== 'object') errors.push(invalid(here, type, detail));
  if (!mapTypes.some((known) => known === mapType)) {
    errors.push(notSupported(child(path, 'x-kubernetes-map-type'), mapType, mapTypes));
  }
}

/** What whole objects, and what is either a number or a text, must not have besides. */
function checkParts(schema: JsonSchema, path: FieldPath, place: Place, errors: FieldError[]): void {
  const isRoot = place === 'at the root';
  const isEmbedded = schema['x-kubernetes-embedded-resource'] === true;
  if (isRoot || isEmbedded) checkObjectFields(schema, path, { isRoot }, errors);
  if ((schema['additionalProperties'] ?? undefined) !== undefined) {
    const here = child(path, 'additionalProperties');
    if (isRoot) errors.push(forbidden(here, 'must not be used at the root'));
    const text = 'must not be used if x-kubernetes-embedded-resource is set';
    if (isEmbedded) errors.push(forbidden(here, text));
  }
  if (schema['x-kubernetes-int-or-string'] !== true) return;
  for (const name of ['x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource']) {
    const text = 'must be false if x-kubernetes-int-or-string is true';
    if (schema[name] === true) errors.push(invalid(child(path, name), true, text));
  }
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
