/**
 * Reads the schemas of definitions. Their fields have Go's types: another one is refused, null is absent, and so is the
 * zero value of a field that is no pointer in Go (clients that send protobuf write `false` for each boolean). Fields
 * that Go does not know are dropped.
 */
import { isJsonObject } from '../object.js';
import { DecodeError } from '../schema/decode.js';
import type { JsonSchema } from './structural.js';

/** Where a value stands. */
interface Place {
  /** In the words of Go's decoder: without indexes and names of maps. */
  readonly path: string;
  /** The struct that has the field. */
  readonly owner: string;
  /** Where Go decodes a part by itself, and errors about all below it are placed. */
  readonly apart?: { readonly owner: string; readonly path: string } | undefined;
  /** With them, for the names of unknown fields. */
  readonly whole: string;
  /** Takes the path of an unknown field; parts with a decoder of their own in Go are silent. */
  readonly unknown?: ((path: string) => void) | undefined;
}

type Reader = (value: unknown, place: Place) => unknown;

const root = 'spec.versions.schema.openAPIV3Schema';

function below(place: Place, owner: string, name: string): Place {
  return { ...place, owner, path: `${place.path}.${name}`, whole: `${place.whole}.${name}` };
}

/** The place of an item of a list or map. */
function item(place: Place, whole: string): Place {
  return { ...place, whole: `${place.whole}${whole}` };
}

function nameOfType(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return Number.isInteger(value) ? 'number' : `number ${value}`;
  return typeof value;
}

function mismatch(value: unknown, place: Place, type: string): DecodeError {
  const { owner, path } = place.apart ?? place;
  return new DecodeError(
    `json: cannot unmarshal ${nameOfType(value)} into Go struct field ${owner}.${path} of type ${type}`,
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
const number: Reader = (value, place) =>
  float(typeof value === 'bigint' ? Number(value) : value, place);
const integer = plain('int64', (value) => typeof value === 'bigint' || Number.isInteger(value));
const boolean = plain('bool', (value) => typeof value === 'boolean');
const values = plain('[]v1.JSON', Array.isArray);
const any: Reader = (value) => value;

const strings: Reader = (value, place) => {
  if (!Array.isArray(value)) throw mismatch(value, place, '[]string');
  return value.map((each) => string(each ?? '', place));
};

/** A reader of a struct. */
function struct(name: string, fields: ReadonlyMap<string, Reader>): Reader {
  return (value, place) => {
    if (!isJsonObject(value)) throw mismatch(value, place, `v1.${name}`);
    return readFields(value, place, name, fields);
  };
}

/** Fields of ValidationRule. */
const rule = struct(
  'ValidationRule',
  new Map([
    ['rule', string],
    ['message', string],
    ['messageExpression', string],
    ['reason', string],
    ['fieldPath', string],
    ['optionalOldSelf', boolean],
  ]),
);
const externalDocs = struct(
  'ExternalDocumentation',
  new Map([
    ['description', string],
    ['url', string],
  ]),
);

const rules: Reader = (value, place) => {
  if (!Array.isArray(value)) throw mismatch(value, place, 'v1.ValidationRules');
  return value.map((each: unknown, index) => rule(each ?? {}, item(place, `[${index}]`)));
};

const schema: Reader = (value, place) => {
  if (!isJsonObject(value)) throw mismatch(value, place, 'v1.JSONSchemaProps');
  return readFields(value, place, 'JSONSchemaProps', readers);
};

const schemas: Reader = (value, place) => {
  if (!Array.isArray(value)) throw mismatch(value, place, '[]v1.JSONSchemaProps');
  return value.map((each, index) => schema(each ?? {}, item(place, `[${index}]`)));
};

const schemasByName: Reader = (value, place) => {
  if (!isJsonObject(value)) throw mismatch(value, place, 'map[string]v1.JSONSchemaProps');
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [
      name,
      schema(each ?? {}, item(place, `.${name}`)),
    ]),
  );
};

/** A part that Go decodes by itself. */
function alone(place: Place): Place {
  return { ...place, unknown: undefined, apart: place.apart ?? place };
}

const schemaOrBoolean: Reader = (value, place) => {
  if (typeof value === 'boolean') return value;
  if (!isJsonObject(value)) throw new DecodeError('boolean or JSON schema expected');
  return schema(value, alone(place));
};

/** What is neither a schema nor a list of them counts as an empty list. */
const schemaOrSchemas: Reader = (value, place) =>
  isJsonObject(value)
    ? schema(value, alone(place))
    : schemas(Array.isArray(value) ? value : [], alone(place));

/** Dependencies are refused, whatever they are. */
const dependencies: Reader = (value) => value;

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
  ['externalDocs', externalDocs],
  ['dependencies', dependencies],
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
  'url',
  'messageExpression',
  'fieldPath',
]);

function isZero(value: unknown): boolean {
  if (value === '' || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isJsonObject(value) && Object.keys(value).length === 0;
}

function readFields(
  value: Readonly<Record<string, unknown>>,
  place: Place,
  owner: string,
  fields: ReadonlyMap<string, Reader>,
): JsonSchema {
  const out: Record<string, unknown> = {};
  for (const [name, raw] of Object.entries(value)) {
    const read = fields.get(name);
    if (read === undefined) place.unknown?.(`${place.whole}.${name}`);
    if (read === undefined || raw === null || raw === undefined) continue;
    const field = read(raw, below(place, owner, name));
    if (field !== undefined && (!isZero(field) || !omitted.has(name))) out[name] = field;
  }
  return out;
}

/**
 * Reads a schema as Go does: a new value without nulls, and without what Go omits or does not know.
 * @param whole its path, for the names of unknown fields
 * @param unknown takes the paths of those
 * @throws DecodeError for a field of another type (HTTP 400)
 */
export function readJsonSchema(
  value: unknown,
  whole = root,
  unknown?: (path: string) => void,
): unknown {
  return schema(value, { path: root, owner: 'CustomResourceValidation', whole, unknown });
}
