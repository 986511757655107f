/** Types of CEL from the schemas of definitions, with the sizes that costs are estimated by (`common/schemas.go`). */
import { isJsonObject } from '../../object.js';
import { maxRequestBytes } from '../limits.js';
import type { CelType } from '../types.js';
import { listOf, mapOf, structOf, types } from '../types.js';
import { escapeName } from './escape.js';

/** An OpenAPI schema as it stands in a definition. */
export type Schema = Readonly<Record<string, unknown>>;

/** A type, and how much of it a request can hold. */
export interface DeclType {
  readonly type: CelType;
  /** Most characters, items or entries. */
  readonly maxElements: number;
  /** Fewest bytes of JSON. */
  readonly minSize: number;
  readonly fields?: ReadonlyMap<string, DeclType> | undefined;
  /** Of items, or of a map's values. */
  readonly elem?: DeclType | undefined;
  readonly key?: DeclType | undefined;
}

const stringMinSize = 2;
const textMax = maxRequestBytes - 2;

function scalar(type: CelType, minSize: number, maxElements = 0): DeclType {
  return { type, minSize, maxElements };
}

function num(schema: Schema, name: string): number | undefined {
  const value = schema[name];
  return typeof value === 'number' ? Math.max(0, value) : undefined;
}

function sub(schema: Schema, name: string): Schema | undefined {
  const value = schema[name];
  return isJsonObject(value) ? value : undefined;
}

const text: Schema = { type: 'string' };

/** A schema with the fields that every object has: rules at the root of a resource may always read them. */
export function withObjectMeta(schema: Schema): Schema {
  const metadata = { type: 'object', properties: { name: text, generateName: text } };
  const own = sub(schema, 'properties') ?? {};
  const properties = { ...own, kind: text, apiVersion: text, metadata };
  return { ...schema, type: 'object', properties };
}

/**
 * Returns the type of a schema's values; undefined when expressions cannot see them.
 * @param isRoot for the root of a resource, embedded ones too
 * @param name names the types of objects in messages
 */
export function declType(given: Schema, isRoot: boolean, name: string): DeclType | undefined {
  if (given['x-kubernetes-int-or-string'] === true) {
    return scalar(types.dyn, 1, charactersOf(given, textMax));
  }
  const schema = isRoot ? withObjectMeta(given) : given;
  switch (schema['type']) {
    case 'array': {
      const items = sub(schema, 'items');
      const elem =
        items === undefined ? undefined : declType(items, isEmbedded(items), `${name}.@idx`);
      if (elem === undefined) return undefined;
      const most = Math.floor(textMax / (elem.minSize + 1));
      return {
        type: listOf(elem.type),
        elem,
        minSize: 2,
        maxElements: num(schema, 'maxItems') ?? most,
      };
    }
    case 'object':
      return objectType(schema, name);
    case 'string':
      return textType(schema);
    case 'boolean':
      return scalar(types.bool, 4);
    case 'number':
      return scalar(types.double, 1);
    case 'integer':
      return scalar(types.int, 1);
    default:
      return undefined;
  }
}

function isEmbedded(schema: Schema): boolean {
  return schema['x-kubernetes-embedded-resource'] === true;
}

function objectType(schema: Schema, name: string): DeclType | undefined {
  const additional = sub(schema, 'additionalProperties');
  if (additional !== undefined) {
    const elem = declType(additional, isEmbedded(additional), `${name}.@elem`);
    if (elem === undefined) return undefined;
    const most = Math.floor(textMax / (elem.minSize + 6));
    const key = scalar(types.string, stringMinSize);
    return {
      type: mapOf(types.string, elem.type),
      elem,
      key,
      minSize: 2,
      maxElements: num(schema, 'maxProperties') ?? most,
    };
  }
  const required = new Set<unknown>(Array.isArray(schema['required']) ? schema['required'] : []);
  const fields = new Map<string, DeclType>();
  let minSize = 2;
  for (const [property, value] of Object.entries(sub(schema, 'properties') ?? {})) {
    if (!isJsonObject(value)) continue;
    const field = declType(value, isEmbedded(value), `${name}.${property}`);
    if (field === undefined) continue;
    const escaped = escapeName(property);
    if (escaped !== undefined) fields.set(escaped, field);
    if (required.has(property) && value['default'] === undefined) {
      minSize += property.length + field.minSize + 4;
    }
  }
  const fieldTypes = new Map([...fields].map(([field, { type }]) => [field, type] as const));
  return { type: structOf(name, fieldTypes), fields, minSize, maxElements: 0 };
}

function charactersOf(schema: Schema, otherwise: number): number {
  const most = num(schema, 'maxLength');
  return most === undefined ? otherwise : most * 4;
}

function textType(schema: Schema): DeclType {
  switch (schema['format']) {
    case 'byte':
      return scalar(types.bytes, stringMinSize, num(schema, 'maxLength') ?? textMax);
    case 'duration':
      return scalar(types.duration, 3, 32);
    case 'date':
      return scalar(types.timestamp, 12, 12);
    case 'date-time':
      return scalar(types.timestamp, 21, 32);
    default: {
      const values = Array.isArray(schema['enum']) ? (schema['enum'] as unknown[]) : [];
      const lengths = values.map((value) =>
        typeof value === 'string' ? Buffer.byteLength(value) : 0,
      );
      const longest = lengths.length === 0 ? textMax : Math.max(...lengths);
      return scalar(types.string, stringMinSize, charactersOf(schema, longest));
    }
  }
}

/**
 * Finds how large the value at a path below a variable may be. As in Kubernetes, the first name is not looked at: names
 * of types, which are compared with `type(x)`, are as large as the root.
 */
export function sizeAt(root: DeclType, path: readonly string[]): number | undefined {
  let node: DeclType | undefined = root;
  for (const name of path.slice(1)) {
    if (name === '@items' || name === '@values') node = node.elem;
    else if (name === '@keys') node = node.key;
    else node = node.fields?.get(name);
    if (node === undefined) return undefined;
  }
  return node.maxElements;
}

/** How often values of a type fit into one request, at most. */
export function maxCardinality({ minSize }: DeclType): number {
  return Math.floor(maxRequestBytes / (minSize + 1));
}
