/** Values of CEL at run time. JSON data is wrapped and converted when it is looked at (`kube/data.ts`). */
import type { CelType } from './types.js';
import { CelError } from './errors.js';
import { durationText, timestampText } from './time.js';

/** A value. Numbers are doubles, bigints ints. */
export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | Uint8Array
  | Uint
  | Timestamp
  | Duration
  | ListValue
  | MapValue
  | TypeValue
  | OptionalValue
  | OpaqueValue;

/** An unsigned integer. */
export class Uint {
  readonly value: bigint;
  constructor(value: bigint) {
    this.value = value;
  }
}

/** A point in time, in nanoseconds since 1970. */
export class Timestamp {
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

/** A span of time, in nanoseconds. */
export class Duration {
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

/** A type as a value. */
export class TypeValue {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** A value or none. */
export class OptionalValue {
  static readonly none = new OptionalValue(undefined);
  readonly value: Value | undefined;
  constructor(value: Value | undefined) {
    this.value = value;
  }
}

/** The budget of work that cost does not count; `spend` throws when it is used up. */
export interface Work {
  spend(amount: number): void;
}

/** A value of a library: compared by its own rule. */
export abstract class OpaqueValue {
  abstract readonly typeName: string;
  /** @returns undefined for a value of another type */
  abstract equals(other: OpaqueValue, work: Work): boolean;
  /** Returns the size that costs go by. */
  size(): number {
    return 1;
  }
}

/** A list. */
export abstract class ListValue {
  abstract readonly length: number;
  abstract at(index: number): Value;

  /** Compares with another list; lists of Kubernetes' sets and maps look past the order. */
  equals(other: ListValue, work: Work): boolean {
    if (this.length !== other.length) return false;
    for (let index = 0; index < this.length; index += 1) {
      work.spend(2);
      if (!equal(this.at(index), other.at(index), work)) return false;
    }
    return true;
  }

  /** Returns this list and another one after it. */
  concat(other: ListValue, _work: Work): ListValue {
    if (other.length === 0) return this;
    if (this.length === 0) return other;
    return new JoinedList(this, other);
  }

  *[Symbol.iterator](): Iterator<Value> {
    for (let index = 0; index < this.length; index += 1) yield this.at(index);
  }
}

/** A list of values that are there. */
export class ArrayList extends ListValue {
  readonly #items: Value[];
  constructor(items: Value[]) {
    super();
    this.#items = items;
  }
  get length(): number {
    return this.#items.length;
  }
  at(index: number): Value {
    const item = this.#items[index];
    if (item === undefined) throw new CelError(`index out of bounds: ${index}`);
    return item;
  }
  /** Adds to the list itself: only for accumulators, which nobody else sees. */
  push(item: Value): void {
    this.#items.push(item);
  }
}

/** Two lists one after the other, without a copy: cel-go charges one unit for it, whatever their length. */
class JoinedList extends ListValue {
  readonly #first: ListValue;
  readonly #second: ListValue;
  readonly length: number;
  constructor(first: ListValue, second: ListValue) {
    super();
    this.#first = first;
    this.#second = second;
    this.length = first.length + second.length;
  }
  at(index: number): Value {
    const size = this.#first.length;
    return index < size ? this.#first.at(index) : this.#second.at(index - size);
  }
}

/** A map, or an object with fields. */
export abstract class MapValue {
  /** The name of the type: `map`, or that of a struct. */
  readonly typeName: string = 'map';
  abstract readonly size: number;
  /** @returns undefined for a key that is not there */
  abstract get(key: Value): Value | undefined;
  abstract keys(): Iterable<Value>;

  equals(other: MapValue, work: Work): boolean {
    if (this.size !== other.size) return false;
    for (const key of this.keys()) {
      work.spend(6);
      const [mine, theirs] = [this.get(key), other.get(key)];
      if (mine === undefined || theirs === undefined) return false;
      if (!equal(mine, theirs, work)) return false;
    }
    return true;
  }
}

/** Returns the text by which keys are told apart: numbers of all types are one. @throws CelError for other types */
export function keyText(key: Value): string {
  if (typeof key === 'string') return `s${key}`;
  if (typeof key === 'boolean') return `b${key}`;
  if (typeof key === 'bigint') return `n${key}`;
  if (key instanceof Uint) return `n${key.value}`;
  if (typeof key === 'number') return Number.isInteger(key) ? `n${BigInt(key)}` : `d${key}`;
  throw new CelError(`unsupported key type: ${typeNameOf(key)}`);
}

/** A map of values that are there. */
export class EntryMap extends MapValue {
  readonly #entries = new Map<string, readonly [Value, Value]>();
  override get size(): number {
    return this.#entries.size;
  }
  /** @returns false when the key is there already */
  add(key: Value, value: Value): boolean {
    const text = keyText(key);
    if (this.#entries.has(text)) return false;
    this.#entries.set(text, [key, value]);
    return true;
  }
  get(key: Value): Value | undefined {
    const isKey = typeof key !== 'object' || key instanceof Uint;
    return isKey ? this.#entries.get(keyText(key))?.[1] : undefined;
  }
  *keys(): Iterable<Value> {
    for (const [key] of this.#entries.values()) yield key;
  }
}

const primitives: Readonly<Record<string, string>> = {
  boolean: 'bool',
  bigint: 'int',
  number: 'double',
  string: 'string',
};

/** Returns the name of a value's type, as `type()` has it. */
export function typeNameOf(value: Value): string {
  if (value === null) return 'null_type';
  if (typeof value !== 'object') return primitives[typeof value] ?? 'dyn';
  if (value instanceof Uint8Array) return 'bytes';
  if (value instanceof Uint) return 'uint';
  if (value instanceof Timestamp) return 'google.protobuf.Timestamp';
  if (value instanceof Duration) return 'google.protobuf.Duration';
  if (value instanceof ListValue) return 'list';
  if (value instanceof MapValue) return value.typeName;
  if (value instanceof TypeValue) return 'type';
  if (value instanceof OptionalValue) return 'optional_type';
  return value.typeName;
}

/** True when a value is of a type, as far as choosing between overloads goes. */
export function hasType(value: Value, type: CelType): boolean {
  switch (type.kind) {
    case 'dyn':
    case 'param':
    case 'error':
      return true;
    case 'map':
      return value instanceof MapValue && value.typeName === 'map';
    case 'struct':
      return value instanceof MapValue;
    default:
      return typeNameOf(value) === type.name;
  }
}

function asNumber(value: Value): bigint | number | undefined {
  if (typeof value === 'bigint' || typeof value === 'number') return value;
  return value instanceof Uint ? value.value : undefined;
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

/** Equality of CEL: numbers by value whatever their type, other types only among themselves. */
export function equal(a: Value, b: Value, work: Work): boolean {
  work.spend(1);
  const [x, y] = [asNumber(a), asNumber(b)];
  if (x !== undefined || y !== undefined) {
    // JavaScript orders a bigint and a number by their mathematical value.
    if (x === undefined || y === undefined) return false;
    return typeof x === typeof y
      ? x === y
      : !(x < y) && !(x > y) && !Number.isNaN(x) && !Number.isNaN(y);
  }
  if (typeof a === 'string') {
    if (typeof b !== 'string' || a.length !== b.length) return false;
    work.spend(a.length / 16);
    return a === b;
  }
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return a === b;
  if (a instanceof ListValue) return b instanceof ListValue && a.equals(b, work);
  if (a instanceof MapValue) return b instanceof MapValue && a.equals(b, work);
  if (a instanceof Uint8Array) {
    if (!(b instanceof Uint8Array)) return false;
    work.spend(a.length);
    return equalBytes(a, b);
  }
  if (a instanceof Timestamp) return b instanceof Timestamp && a.nanos === b.nanos;
  if (a instanceof Duration) return b instanceof Duration && a.nanos === b.nanos;
  if (a instanceof TypeValue) return b instanceof TypeValue && a.name === b.name;
  if (a instanceof OptionalValue) {
    if (!(b instanceof OptionalValue)) return false;
    if (a.value === undefined || b.value === undefined) return a.value === b.value;
    return equal(a.value, b.value, work);
  }
  if (a instanceof OpaqueValue) return b instanceof OpaqueValue && a.equals(b, work);
  return false;
}

/** Compares two values of an ordered type. @returns undefined when they have no order; NaN has none */
export function compare(a: Value, b: Value): number | undefined {
  const [x, y] = [asNumber(a), asNumber(b)];
  if (x !== undefined && y !== undefined) {
    // cel-go makes the int a double first, and loses what that loses.
    const [one, two] = typeof x === typeof y ? [x, y] : [Number(x), Number(y)];
    if (Number.isNaN(one) || Number.isNaN(two)) return Number.NaN;
    return one < two ? -1 : one > two ? 1 : 0;
  }
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b);
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b);
  if (a instanceof Timestamp && b instanceof Timestamp) return order(a.nanos, b.nanos);
  if (a instanceof Duration && b instanceof Duration) return order(a.nanos, b.nanos);
  return undefined;
}

function order(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Go compares texts by their bytes, which is the order of code points. */
function compareText(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    const [x, y] = [a.charCodeAt(index), b.charCodeAt(index)];
    if (x === y) continue;
    const isSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdfff;
    if (isSurrogate(x) !== isSurrogate(y)) return isSurrogate(x) ? 1 : -1;
    return x - y;
  }
  return a.length - b.length;
}

/** Counts of long texts that were counted lately: an expression may ask for one's size over and over. */
const counted = new Map<string, number>();
const countedMax = 16;
const countedLengthMin = 256;

/** Returns the number of characters of a text. */
export function characters(text: string): number {
  if (text.length < countedLengthMin) return countCharacters(text);
  let count = counted.get(text);
  if (count === undefined) {
    count = countCharacters(text);
    if (counted.size >= countedMax) counted.clear();
    counted.set(text, count);
  }
  return count;
}

function countCharacters(text: string): number {
  let count = text.length;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0xd800 || unit > 0xdbff) continue;
    const next = text.charCodeAt(index + 1);
    if (next >= 0xdc00 && next <= 0xdfff) count -= 1;
  }
  return count;
}

/** Returns the size by which costs are counted: of texts, bytes, lists and maps; 1 for all else. */
export function sizeOf(value: Value): number {
  if (typeof value === 'string') return characters(value);
  if (value === null || typeof value !== 'object') return 1;
  if (value instanceof Uint8Array || value instanceof ListValue) return value.length;
  if (value instanceof MapValue) return value.size;
  if (value instanceof OptionalValue) return value.value === undefined ? 1 : sizeOf(value.value);
  return value instanceof OpaqueValue ? value.size() : 1;
}

/** Returns a value in Go's text, for error messages such as `no such key: a`. */
export function displayValue(value: Value): string {
  if (value instanceof Uint) return String(value.value);
  if (value instanceof Timestamp) return timestampText(value.nanos);
  if (value instanceof Duration) return durationText(value.nanos);
  if (value instanceof TypeValue) return value.name;
  if (value === null || typeof value !== 'object') return String(value);
  return typeNameOf(value);
}
