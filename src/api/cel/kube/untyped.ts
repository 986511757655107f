/** JSON data without a schema as values of CEL: whole numbers are ints, others doubles. */
import { isJsonObject } from '../../object.js';
import type { Value } from '../value.js';
import { ListValue, MapValue } from '../value.js';

/** Wraps a value. */
export function untypedValue(value: unknown): Value {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'bigint':
      return value;
    case 'number':
      return Number.isInteger(value) ? BigInt(value) : value;
    default:
      if (Array.isArray(value)) return new UntypedList(value);
      return isJsonObject(value) ? new UntypedMap(value) : null;
  }
}

class UntypedList extends ListValue {
  readonly #items: readonly unknown[];
  readonly #read: Value[] = [];
  constructor(items: readonly unknown[]) {
    super();
    this.#items = items;
  }
  get length(): number {
    return this.#items.length;
  }
  at(index: number): Value {
    const known = this.#read[index];
    if (known !== undefined) return known;
    const made = untypedValue(this.#items[index]);
    this.#read[index] = made;
    return made;
  }
}

class UntypedMap extends MapValue {
  readonly #value: Readonly<Record<string, unknown>>;
  readonly #read = new Map<string, Value>();
  #keys: readonly string[] | undefined;
  constructor(value: Readonly<Record<string, unknown>>) {
    super();
    this.#value = value;
  }
  override get size(): number {
    return this.keys().length;
  }
  get(key: Value): Value | undefined {
    if (typeof key !== 'string' || !Object.hasOwn(this.#value, key)) return undefined;
    const known = this.#read.get(key);
    if (known !== undefined) return known;
    const value = this.#value[key];
    if (value === undefined) return undefined;
    const made = untypedValue(value);
    this.#read.set(key, made);
    return made;
  }
  keys(): readonly string[] {
    return (this.#keys ??= Object.keys(this.#value).filter(
      (key) => this.#value[key] !== undefined,
    ));
  }
}
