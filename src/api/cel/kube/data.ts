/** JSON data as values of CEL, converted where they are looked at (`common/values.go`). */
import { isJsonObject } from '../../object.js';
import { CelError } from '../errors.js';
import { parseDuration, parseTimestamp } from '../time.js';
import type { Value, Work } from '../value.js';
import { Duration, equal, ListValue, MapValue, OpaqueValue, Timestamp } from '../value.js';
import type { Schema } from './decl-type.js';
import { withObjectMeta } from './decl-type.js';
import { escapeName } from './escape.js';
import { formatJson } from '../../../lib/json.js';

function sub(schema: Schema, name: string): Schema | undefined {
  const value = schema[name];
  return isJsonObject(value) ? value : undefined;
}

/**
 * Wraps a value by its schema.
 * @throws CelError for data that are not what the schema says; the schema's own validation names it better
 */
export function typedValue(value: unknown, schema: Schema): Value {
  if (value === null || value === undefined) {
    if (schema['nullable'] === true) return null;
    throw new CelError('invalid data, got null for schema with nullable=false');
  }
  if (schema['x-kubernetes-int-or-string'] === true) {
    if (typeof value === 'string') return value;
    if (typeof value === 'number' || typeof value === 'bigint') return toInt(value);
    throw new CelError(
      'invalid data, expected XIntOrString value to be either a string or integer',
    );
  }
  switch (schema['type']) {
    case 'object':
      return typedObject(value, schema);
    case 'array':
      if (!Array.isArray(value)) {
        throw new CelError(
          'invalid data, expected an array for the provided schema with type=array',
        );
      }
      return new TypedList(value, schema);
    case 'string':
      return typedText(value, schema);
    case 'number':
      if (typeof value === 'number' || typeof value === 'bigint') return Number(value);
      throw new CelError(`invalid data, expected float, got ${typeof value}`);
    case 'integer':
      if (typeof value === 'number' || typeof value === 'bigint') return toInt(value);
      throw new CelError(`invalid data, expected int, got ${typeof value}`);
    case 'boolean':
      if (typeof value === 'boolean') return value;
      throw new CelError(`invalid data, expected bool, got ${typeof value}`);
    default:
      return new PreservedValue(value);
  }
}

function toInt(value: number | bigint): bigint {
  if (typeof value === 'bigint') return value;
  if (!Number.isInteger(value)) throw new CelError('invalid data, expected int, got float64');
  return BigInt(value);
}

function typedText(value: unknown, schema: Schema): Value {
  if (typeof value !== 'string') {
    throw new CelError(`invalid data, expected string, got ${typeof value}`);
  }
  switch (schema['format']) {
    case 'duration': {
      const nanos = parseDuration(value);
      if (nanos === undefined) throw new CelError(`Invalid duration ${value}`);
      return new Duration(nanos);
    }
    case 'date':
    case 'date-time': {
      const isDate = schema['format'] === 'date';
      const nanos = parseTimestamp(isDate ? `${value}T00:00:00Z` : value);
      if (nanos === undefined) {
        throw new CelError(`Invalid ${String(schema['format'])} formatted string ${value}`);
      }
      return new Timestamp(nanos);
    }
    case 'byte':
      return new Uint8Array(Buffer.from(value, 'base64'));
    default:
      return value;
  }
}

function typedObject(value: unknown, schema: Schema): Value {
  if (!isJsonObject(value)) {
    throw new CelError('invalid data, expected a map for the provided schema with type=object');
  }
  const isEmbedded = schema['x-kubernetes-embedded-resource'] === true;
  const full = isEmbedded ? withObjectMeta(schema) : schema;
  const additional = sub(full, 'additionalProperties');
  if (additional !== undefined) return new TypedMap(value, additional);
  return new TypedObject(value, sub(full, 'properties') ?? {});
}

/** Data without a schema: only compared, never looked into. */
class PreservedValue extends OpaqueValue {
  readonly typeName = 'unknown';
  readonly #value: unknown;
  constructor(value: unknown) {
    super();
    this.#value = value;
  }
  override equals(other: OpaqueValue, work: Work): boolean {
    return other instanceof PreservedValue && sameData(this.#value, other.#value, work);
  }
}

function sameData(a: unknown, b: unknown, work: Work): boolean {
  work.spend(1);
  if (typeof a === 'string' && typeof b === 'string') work.spend(a.length / 16);
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [a, b] as [Record<string, unknown>, Record<string, unknown>];
  const names = Object.keys(left);
  if (names.length !== Object.keys(right).length) return false;
  return names.every(
    (name) => Object.hasOwn(right, name) && sameData(left[name], right[name], work),
  );
}

/** An object with properties; its fields have the properties' escaped names. */
class TypedObject extends MapValue {
  override readonly typeName = 'object';
  readonly #value: Readonly<Record<string, unknown>>;
  readonly #properties: Schema;
  #names: ReadonlyMap<string, string> | undefined;
  /** Fields that were read: what is converted once is not converted again. */
  readonly #read = new Map<string, Value>();

  constructor(value: Readonly<Record<string, unknown>>, properties: Schema) {
    super();
    this.#value = value;
    this.#properties = properties;
  }

  /** Properties by the names that expressions use. */
  #fields(): ReadonlyMap<string, string> {
    if (this.#names !== undefined) return this.#names;
    const names = new Map<string, string>();
    for (const property of Object.keys(this.#value)) {
      if (!Object.hasOwn(this.#properties, property)) continue;
      const escaped = escapeName(property);
      if (escaped !== undefined) names.set(escaped, property);
    }
    this.#names = names;
    return names;
  }

  override get size(): number {
    return Object.keys(this.#value).length;
  }

  get(key: Value): Value | undefined {
    if (typeof key !== 'string') return undefined;
    const known = this.#read.get(key);
    if (known !== undefined) return known;
    const isPlain = Object.hasOwn(this.#properties, key) && escapeName(key) === key;
    const property = isPlain ? key : this.#fields().get(key);
    if (property === undefined || !Object.hasOwn(this.#value, property)) return undefined;
    const schema = this.#properties[property];
    const value = this.#value[property];
    if (value === undefined) return undefined;
    const made = typedValue(value, isJsonObject(schema) ? schema : {});
    this.#read.set(key, made);
    return made;
  }

  keys(): Iterable<Value> {
    return this.#fields().keys();
  }

  override equals(other: MapValue, work: Work): boolean {
    if (!(other instanceof TypedObject)) return super.equals(other, work);
    const names = Object.keys(this.#value);
    if (names.length !== other.size) return false;
    return names.every((name) => {
      work.spend(6);
      if (!Object.hasOwn(other.#value, name)) return false;
      const schema = Object.hasOwn(this.#properties, name) ? this.#properties[name] : undefined;
      const [mine, theirs] = [this.#value[name], other.#value[name]];
      // What is kept without a schema counts as well.
      if (!isJsonObject(schema)) return sameData(mine, theirs, work);
      return equal(typedValue(mine, schema), typedValue(theirs, schema), work);
    });
  }
}

/** A map from texts to values of one schema. */
class TypedMap extends MapValue {
  readonly #value: Readonly<Record<string, unknown>>;
  readonly #schema: Schema;
  readonly #read = new Map<string, Value>();
  #keys: readonly string[] | undefined;
  constructor(value: Readonly<Record<string, unknown>>, schema: Schema) {
    super();
    this.#value = value;
    this.#schema = schema;
  }
  override get size(): number {
    return this.keys().length;
  }
  get(key: Value): Value | undefined {
    if (typeof key !== 'string' || !Object.hasOwn(this.#value, key)) return undefined;
    const known = this.#read.get(key);
    if (known !== undefined) return known;
    const made = typedValue(this.#value[key], this.#schema);
    this.#read.set(key, made);
    return made;
  }
  keys(): readonly string[] {
    return (this.#keys ??= Object.keys(this.#value));
  }
}

/** A list; those of type `set` and `map` look past the order, and join without repeating. */
class TypedList extends ListValue {
  readonly #items: readonly unknown[];
  readonly #schema: Schema;
  readonly #itemSchema: Schema;
  readonly #read: Value[] = [];
  #index: ReadonlyMap<string, number> | undefined;

  constructor(items: readonly unknown[], schema: Schema) {
    super();
    this.#items = items;
    this.#schema = schema;
    this.#itemSchema = sub(schema, 'items') ?? {};
  }

  get length(): number {
    return this.#items.length;
  }

  at(index: number): Value {
    const known = this.#read[index];
    if (known !== undefined) return known;
    const made = typedValue(this.#items[index], this.#itemSchema);
    this.#read[index] = made;
    return made;
  }

  get #isKeyed(): boolean {
    const type = this.#schema['x-kubernetes-list-type'];
    return type === 'set' || type === 'map';
  }

  #positions(): ReadonlyMap<string, number> {
    this.#index ??= new Map(
      this.#items.map((item, index) => [itemKey(item, this.#schema), index] as const),
    );
    return this.#index;
  }

  override equals(other: ListValue, work: Work): boolean {
    if (!this.#isKeyed || !(other instanceof TypedList)) return super.equals(other, work);
    if (this.length !== other.length) return false;
    const positions = other.#positions();
    return this.#items.every((item, index) => {
      const key = itemKey(item, this.#schema);
      work.spend(1 + key.length / 16);
      const place = positions.get(key);
      return place !== undefined && equal(this.at(index), other.at(place), work);
    });
  }

  override concat(other: ListValue, work: Work): ListValue {
    if (!this.#isKeyed || !(other instanceof TypedList)) return super.concat(other, work);
    work.spend(this.length + other.length);
    const joined = [...this.#items];
    const positions = this.#positions();
    for (const item of other.#items) {
      const place = positions.get(itemKey(item, this.#schema));
      if (place === undefined) joined.push(item);
      else joined[place] = item;
    }
    return new TypedList(joined, this.#schema);
  }
}

/** Returns what tells items of a set or map apart. */
export function itemKey(item: unknown, schema: Schema): string {
  const keys = schema['x-kubernetes-list-map-keys'];
  if (schema['x-kubernetes-list-type'] !== 'map' || !Array.isArray(keys)) {
    return formatJson(item);
  }
  const fields = isJsonObject(item) ? item : {};
  return formatJson((keys as string[]).map((key) => fields[key] ?? null));
}
