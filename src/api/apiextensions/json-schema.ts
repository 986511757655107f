/**
 * Reads the schemas of definitions. Their fields have Go's types: another one is refused, null is absent, and so is the
 * zero value of a field that is no pointer in Go (clients that send protobuf write `false` for each boolean).
 */
import { isJsonObject } from '../object.js';
import { DecodeError } from '../schema/decode.js';
import type { JsonSchema } from './structural.js';

type Reader = (value: unknown, path: string) => unknown;

const root = 'spec.versions.schema.openAPIV3Schema';

function nameOfType(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return Number.isInteger(value) ? 'number' : `number ${value}`;
  return typeof value;
}

function mismatch(value: unknown, path: string, type: string): DecodeError {
  return new DecodeError(
    `json: cannot unmarshal ${nameOfType(value)} into Go struct field JSONSchemaProps.${path} of type ${type}`,
  );
}

/** A reader of values that a test accepts as they are. */
function plain(type: string, accepts: (value: unknown) => boolean): Reader {
  return (value, path) => {
    if (!accepts(value)) throw mismatch(value, path, type);
    return value;
  };
}

const string = plain('string', (value) => typeof value === 'string');
const float = plain('float64', (value) => typeof value === 'number');
const number: Reader = (value, path) =>
  float(typeof value === 'bigint' ? Number(value) : value, path);
const integer = plain('int64', (value) => typeof value === 'bigint' || Number.isInteger(value));
const boolean = plain('bool', (value) => typeof value === 'boolean');
const object = plain('v1.ExternalDocumentation', isJsonObject);
const values = plain('[]v1.JSON', Array.isArray);
const any: Reader = (value) => value;

const strings: Reader = (value, path) => {
  if (!Array.isArray(value)) throw mismatch(value, path, '[]string');
  return value.map((item) => string(item ?? '', path));
};

/** Fields of ValidationRule; all others are dropped. */
const ruleReaders: Readonly<Record<string, Reader>> = {
  rule: string,
  message: string,
  messageExpression: string,
  reason: string,
  fieldPath: string,
  optionalOldSelf: boolean,
};

const rules: Reader = (value, path) => {
  if (!Array.isArray(value)) throw mismatch(value, path, 'v1.ValidationRules');
  return value.map((item: unknown) => {
    const given = item ?? {};
    if (!isJsonObject(given)) throw mismatch(given, path, 'v1.ValidationRule');
    const read = Object.entries(ruleReaders).map(([name, reader]) => {
      const field = given[name] ?? undefined;
      return [name, field === undefined ? field : reader(field, `${path}.${name}`)] as const;
    });
    return Object.fromEntries(
      read.filter(([name, field]) => field !== undefined && !(isZero(field) && omitted.has(name))),
    );
  });
};

const schema: Reader = (value, path) => {
  if (!isJsonObject(value)) throw mismatch(value, path, 'v1.JSONSchemaProps');
  return readFields(value, path);
};

const schemas: Reader = (value, path) => {
  if (!Array.isArray(value)) throw mismatch(value, path, '[]v1.JSONSchemaProps');
  return value.map((item) => schema(item ?? {}, path));
};

const schemasByName: Reader = (value, path) => {
  if (!isJsonObject(value)) throw mismatch(value, path, 'map[string]v1.JSONSchemaProps');
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, schema(item ?? {}, path)]),
  );
};

const schemaOrBoolean: Reader = (value, path) =>
  typeof value === 'boolean' ? value : schema(value, path);

const schemaOrSchemas: Reader = (value, path) =>
  Array.isArray(value) ? schemas(value, path) : schema(value, path);

/** Fields of JSONSchemaProps (`apiextensions/v1/types_jsonschema.go`). */
const readers: ReadonlyMap<string, Reader> = new Map([
  ...['id', '$schema', '$ref', 'description', 'type', 'format', 'title', 'pattern'].map(
    (name) => [name, string] as const,
  ),
  ['x-kubernetes-list-type', string],
  ['x-kubernetes-map-type', string],
  ...['maximum', 'minimum', 'multipleOf'].map((name) => [name, number] as const),
  ...['maxLength', 'minLength', 'maxItems', 'minItems', 'maxProperties', 'minProperties'].map(
    (name) => [name, integer] as const,
  ),
  ...['exclusiveMaximum', 'exclusiveMinimum', 'uniqueItems', 'nullable'].map(
    (name) => [name, boolean] as const,
  ),
  ['x-kubernetes-preserve-unknown-fields', boolean],
  ['x-kubernetes-embedded-resource', boolean],
  ['x-kubernetes-int-or-string', boolean],
  ['x-kubernetes-list-map-keys', strings],
  ['x-kubernetes-validations', rules],
  ['required', strings],
  ['enum', values],
  ['default', any],
  ['example', any],
  ['externalDocs', object],
  ...['properties', 'patternProperties', 'definitions'].map(
    (name) => [name, schemasByName] as const,
  ),
  ...['allOf', 'anyOf', 'oneOf'].map((name) => [name, schemas] as const),
  ['not', schema],
  ['items', schemaOrSchemas],
  ['additionalProperties', schemaOrBoolean],
  ['additionalItems', schemaOrBoolean],
]);

/** Fields of JSONSchemaProps and ValidationRule that are no pointers: Go omits their zero values. */
const omitted: ReadonlySet<string> = new Set([
  'id',
  '$schema',
  'description',
  'type',
  'format',
  'title',
  'pattern',
  'exclusiveMaximum',
  'exclusiveMinimum',
  'uniqueItems',
  'nullable',
  'x-kubernetes-embedded-resource',
  'x-kubernetes-int-or-string',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-validations',
  'required',
  'enum',
  'properties',
  'patternProperties',
  'definitions',
  'dependencies',
  'allOf',
  'anyOf',
  'oneOf',
  'message',
  'messageExpression',
  'fieldPath',
]);

function isZero(value: unknown): boolean {
  if (value === '' || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isJsonObject(value) && Object.keys(value).length === 0;
}

function readFields(value: Readonly<Record<string, unknown>>, path: string): JsonSchema {
  const out: Record<string, unknown> = {};
  for (const [name, raw] of Object.entries(value)) {
    if (raw === null || raw === undefined || name === '__proto__') continue;
    const read = readers.get(name);
    const field = read === undefined ? raw : read(raw, `${path}.${name}`);
    if (!isZero(field) || !omitted.has(name)) out[name] = field;
  }
  return out;
}

/**
 * Reads a schema as Go does: a new value without nulls and without what Go omits. Fields that Go does not know are
 * kept.
 * @throws DecodeError for a field of another type (HTTP 400)
 */
export function readJsonSchema(value: unknown): unknown {
  return schema(value, root);
}
