/** Fields of JSON schemas that definitions do not take, or not with every value. */
import { at, child, forbidden, invalid, notSupported } from '../field-error.js';
import type { FieldError, FieldPath } from '../field-error.js';
import { isJsonObject } from '../object.js';
import type { JsonSchema } from './structural.js';

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
const unsupported = [
  'id',
  'additionalItems',
  'patternProperties',
  'definitions',
  'dependencies',
  '$ref',
];

/** Adds what one schema has and may not have, whether data pass through it or it is a branch of logic. */
export function checkUnsupported(schema: JsonSchema, path: FieldPath, errors: FieldError[]): void {
  for (const name of unsupported) {
    if ((schema[name] ?? undefined) === undefined) continue;
    errors.push(forbidden(child(path, name), `${name} is not supported`));
  }
  const { type = '' } = schema;
  if (type !== '' && !types.includes(String(type))) {
    errors.push(notSupported(child(path, 'type'), type, types));
  }
  if (type === 'null') {
    const text = 'type cannot be set to null, use nullable as an alternative';
    errors.push(forbidden(child(path, 'type'), text));
  }
  const { items } = schema;
  if (Array.isArray(items) && items.length > 0) {
    const text = 'items must be a schema object and not an array';
    errors.push(forbidden(child(path, 'items'), text));
  }
  if (schema['uniqueItems'] === true) {
    const text = 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic';
    errors.push(forbidden(child(path, 'uniqueItems'), text));
  }
}

/** Fields below metadata that a schema may restrict. */
const names = new Set(['name', 'generateName']);
const ofType = new Set(['type', 'default', 'properties', 'externalDocs', 'example']);

/** Adds what a schema of a whole object says of metadata, kind and apiVersion, and must not. */
export function checkObjectFields(
  schema: JsonSchema,
  path: FieldPath,
  { isRoot }: { readonly isRoot: boolean },
  errors: FieldError[],
): void {
  const properties = isJsonObject(schema['properties']) ? schema['properties'] : {};
  const wanted = [
    ['kind', 'string'],
    ['apiVersion', 'string'],
    ['metadata', 'object'],
  ] as const;
  for (const [name, type] of wanted) {
    if (!Object.hasOwn(properties, name)) continue;
    const field = isJsonObject(properties[name]) ? properties[name] : {};
    const here = at(child(path, 'properties'), name);
    const { type: given = '' } = field;
    if (given !== type) errors.push(invalid(child(here, 'type'), given, `must be ${type}`));
    if (isRoot) refuseDefaults(field, here, `must not be set in top-level ${name}`, errors);
  }
  const { metadata } = properties;
  if (!isRoot || !isJsonObject(metadata)) return;
  const below = isJsonObject(metadata['properties']) ? Object.keys(metadata['properties']) : [];
  const more = Object.keys(metadata).some((name) => !ofType.has(name));
  if (!more && below.every((name) => names.has(name))) return;
  const text =
    'must not specify anything other than name and generateName, but metadata is implicitly specified';
  errors.push(forbidden(at(child(path, 'properties'), 'metadata'), text));
}

function refuseDefaults(
  schema: JsonSchema,
  path: FieldPath,
  text: string,
  errors: FieldError[],
): void {
  if ((schema['default'] ?? undefined) !== undefined) {
    errors.push(forbidden(child(path, 'default'), text));
  }
  const { properties, items, additionalProperties } = schema;
  for (const [name, field] of Object.entries(isJsonObject(properties) ? properties : {})) {
    if (isJsonObject(field))
      refuseDefaults(field, at(child(path, 'properties'), name), text, errors);
  }
  if (isJsonObject(items)) refuseDefaults(items, child(path, 'items'), text, errors);
  if (isJsonObject(additionalProperties)) {
    refuseDefaults(additionalProperties, child(path, 'additionalProperties'), text, errors);
  }
}

const atRootWithStatus = new Set(
  'description type format title maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength pattern maxItems minItems uniqueItems multipleOf required items properties externalDocs example x-kubernetes-preserve-unknown-fields x-kubernetes-validations'.split(
    ' ',
  ),
);

/** Adds what the schema of a whole object must not have besides. */
export function checkRootFields(
  schema: JsonSchema,
  path: FieldPath,
  { hasStatus }: { readonly hasStatus: boolean },
  errors: FieldError[],
): void {
  const isOdd = Object.keys(schema).some((name) => !atRootWithStatus.has(name));
  if (hasStatus && isOdd) {
    const list = [...atRootWithStatus].map(goFieldName).join(' ');
    const text = `only [${list}] fields are allowed at the root of the schema if the status subresource is enabled`;
    errors.push(invalid(path, schema, text));
  }
  if (schema['nullable'] === true) {
    errors.push(forbidden(child(path, 'nullable'), 'nullable cannot be true at the root'));
  }
}

/** `x-kubernetes-validations` is XValidations in Go. */
function goFieldName(name: string): string {
  return name
    .replace('x-kubernetes', 'x')
    .split('-')
    .map((word) => `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`)
    .join('');
}
