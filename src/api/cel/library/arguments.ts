/** Reads the arguments of functions, whose types the overload has settled. */
import { noSuchOverload } from '../errors.js';
import type { Value } from '../value.js';
import { Duration, ListValue, OptionalValue, Timestamp, Uint } from '../value.js';

/** The text at a position. @throws CelError for another type */
export function text(args: readonly Value[], index: number): string {
  const value = args[index];
  if (typeof value !== 'string') throw noSuchOverload();
  return value;
}

/** The int at a position. @throws CelError for another type */
export function int(args: readonly Value[], index: number): bigint {
  const value = args[index];
  if (typeof value !== 'bigint') throw noSuchOverload();
  return value;
}

/** The double at a position. @throws CelError for another type */
export function double(args: readonly Value[], index: number): number {
  const value = args[index];
  if (typeof value !== 'number') throw noSuchOverload();
  return value;
}

/** The uint at a position. @throws CelError for another type */
export function uint(args: readonly Value[], index: number): bigint {
  const value = args[index];
  if (!(value instanceof Uint)) throw noSuchOverload();
  return value.value;
}

/** The list at a position. @throws CelError for another type */
export function list(args: readonly Value[], index: number): ListValue {
  const value = args[index];
  if (!(value instanceof ListValue)) throw noSuchOverload();
  return value;
}

/** The bytes at a position. @throws CelError for another type */
export function bytes(args: readonly Value[], index: number): Uint8Array {
  const value = args[index];
  if (!(value instanceof Uint8Array)) throw noSuchOverload();
  return value;
}

/** The time at a position, in nanoseconds. @throws CelError for another type */
export function timestamp(args: readonly Value[], index: number): bigint {
  const value = args[index];
  if (!(value instanceof Timestamp)) throw noSuchOverload();
  return value.nanos;
}

/** The span at a position, in nanoseconds. @throws CelError for another type */
export function duration(args: readonly Value[], index: number): bigint {
  const value = args[index];
  if (!(value instanceof Duration)) throw noSuchOverload();
  return value.nanos;
}

/** The optional value at a position. @throws CelError for another type */
export function optional(args: readonly Value[], index: number): OptionalValue {
  const value = args[index];
  if (!(value instanceof OptionalValue)) throw noSuchOverload();
  return value;
}

/** The value of a class at a position. @throws CelError for another type */
export function instance<T>(
  args: readonly Value[],
  index: number,
  type: abstract new (...args: never[]) => T,
): T {
  const value: unknown = args[index];
  if (!(value instanceof type)) throw noSuchOverload();
  return value;
}
