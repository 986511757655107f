/** The operators of cel-spec's standard definitions. */
import { CelError, noSuchOverload } from '../errors.js';
import type { Library, Overloads, Run } from '../functions.js';
import { isDuration, isTimestamp } from '../time.js';
import type { Value } from '../value.js';
import { compare, Duration, ListValue, sizeOf, Timestamp, Uint } from '../value.js';
import { bytes, double, duration, int, list, text, timestamp, uint } from './arguments.js';

/** Characters that are counted in the time of one step of an expression. */
const unitsPerWork = 32;
const maxInt = 2n ** 63n - 1n;
const maxUint = 2n ** 64n - 1n;

/** Returns an int. @throws CelError beyond 64 bits */
export function checkedInt(value: bigint): bigint {
  if (value > maxInt || value < -maxInt - 1n) throw new CelError('integer overflow');
  return value;
}

/** Returns a uint. @throws CelError beyond 64 bits */
export function checkedUint(value: bigint): Uint {
  if (value > maxUint || value < 0n) throw new CelError('unsigned integer overflow');
  return new Uint(value);
}

function checkedTime(nanos: bigint): Timestamp {
  if (!isTimestamp(nanos)) throw new CelError('timestamp overflow');
  return new Timestamp(nanos);
}

function checkedSpan(nanos: bigint): Duration {
  if (!isDuration(nanos)) throw new CelError('duration overflow');
  return new Duration(nanos);
}

function notZero(value: bigint, text: string): bigint {
  if (value === 0n) throw new CelError(text);
  return value;
}

type Fold<T> = (a: T, b: T) => T;

function ints(fold: Fold<bigint>): Run {
  return (args) => checkedInt(fold(int(args, 0), int(args, 1)));
}

function uints(fold: Fold<bigint>): Run {
  return (args) => checkedUint(fold(uint(args, 0), uint(args, 1)));
}

function doubles(fold: Fold<number>): Run {
  return (args) => fold(double(args, 0), double(args, 1));
}

function joinBytes(a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}

function add(args: readonly Value[], work: Parameters<Run>[1]): Value {
  const [a] = args;
  if (a instanceof ListValue) return a.concat(list(args, 1), work);
  throw noSuchOverload();
}

const arithmetic: Library = {
  '_+_': {
    add_bytes: ['(bytes, bytes) bytes', (args) => joinBytes(bytes(args, 0), bytes(args, 1))],
    add_double: ['(double, double) double', doubles((a, b) => a + b)],
    add_duration_duration: [
      '(duration, duration) duration',
      (args) => checkedSpan(duration(args, 0) + duration(args, 1)),
    ],
    add_duration_timestamp: [
      '(duration, timestamp) timestamp',
      (args) => checkedTime(duration(args, 0) + timestamp(args, 1)),
    ],
    add_timestamp_duration: [
      '(timestamp, duration) timestamp',
      (args) => checkedTime(timestamp(args, 0) + duration(args, 1)),
    ],
    add_int64: ['(int, int) int', ints((a, b) => a + b)],
    add_list: ['(list(A), list(A)) list(A)', add],
    add_string: ['(string, string) string', (args) => text(args, 0) + text(args, 1)],
    add_uint64: ['(uint, uint) uint', uints((a, b) => a + b)],
  },
  '_-_': {
    subtract_double: ['(double, double) double', doubles((a, b) => a - b)],
    subtract_duration_duration: [
      '(duration, duration) duration',
      (args) => checkedSpan(duration(args, 0) - duration(args, 1)),
    ],
    subtract_int64: ['(int, int) int', ints((a, b) => a - b)],
    subtract_timestamp_duration: [
      '(timestamp, duration) timestamp',
      (args) => checkedTime(timestamp(args, 0) - duration(args, 1)),
    ],
    subtract_timestamp_timestamp: [
      '(timestamp, timestamp) duration',
      (args) => checkedSpan(timestamp(args, 0) - timestamp(args, 1)),
    ],
    subtract_uint64: ['(uint, uint) uint', uints((a, b) => a - b)],
  },
  '_*_': {
    multiply_double: ['(double, double) double', doubles((a, b) => a * b)],
    multiply_int64: ['(int, int) int', ints((a, b) => a * b)],
    multiply_uint64: ['(uint, uint) uint', uints((a, b) => a * b)],
  },
  '_/_': {
    divide_double: ['(double, double) double', doubles((a, b) => a / b)],
    divide_int64: ['(int, int) int', ints((a, b) => a / notZero(b, 'division by zero'))],
    divide_uint64: ['(uint, uint) uint', uints((a, b) => a / notZero(b, 'division by zero'))],
  },
  '_%_': {
    modulo_int64: ['(int, int) int', ints((a, b) => a % notZero(b, 'modulus by zero'))],
    modulo_uint64: ['(uint, uint) uint', uints((a, b) => a % notZero(b, 'modulus by zero'))],
  },
  '-_': {
    negate_double: ['(double) double', (args) => -double(args, 0)],
    negate_int64: ['(int) int', (args) => checkedInt(-int(args, 0))],
  },
};

const ordered: readonly (readonly [string, string, string])[] = [
  ['bool', 'bool', 'bool'],
  ['int64', 'int', 'int'],
  ['int64_double', 'int', 'double'],
  ['int64_uint64', 'int', 'uint'],
  ['uint64', 'uint', 'uint'],
  ['uint64_double', 'uint', 'double'],
  ['uint64_int64', 'uint', 'int'],
  ['double', 'double', 'double'],
  ['double_int64', 'double', 'int'],
  ['double_uint64', 'double', 'uint'],
  ['string', 'string', 'string'],
  ['bytes', 'bytes', 'bytes'],
  ['timestamp', 'timestamp', 'timestamp'],
  ['duration', 'duration', 'duration'],
];

function ordering(prefix: string, holds: (order: number) => boolean): Overloads {
  const run: Run = ([a = null, b = null]) => {
    const order = compare(a, b);
    if (order === undefined) throw noSuchOverload();
    return holds(order);
  };
  return Object.fromEntries(
    ordered.map(([id, a, b]) => [`${prefix}_${id}`, [`(${a}, ${b}) bool`, run]] as const),
  );
}

const size: Run = ([value = null], work) => {
  if (typeof value === 'string') work.spend(value.length / unitsPerWork);
  return BigInt(sizeOf(value));
};

/** Operators, whose short circuits the evaluator does itself. */
export const operators: Library = {
  '_?_:_': { conditional: ['(bool, T, T) T'] },
  '_&&_': { logical_and: ['(bool, bool) bool'] },
  '_||_': { logical_or: ['(bool, bool) bool'] },
  '!_': { logical_not: ['(bool) bool', ([value]) => value !== true] },
  '@not_strictly_false': { not_strictly_false: ['(bool) bool'] },
  '_==_': { equals: ['(T, T) bool'] },
  '_!=_': { not_equals: ['(T, T) bool'] },
  '@in': { in_list: ['(A, list(A)) bool'], in_map: ['(A, map(A, B)) bool'] },
  '_[_]': { index_list: ['(list(A), int) A'], index_map: ['(map(A, B), A) B'] },
  ...arithmetic,
  '_<_': ordering('less', (order) => order < 0),
  '_<=_': ordering('less_equals', (order) => order <= 0),
  '_>_': ordering('greater', (order) => order > 0),
  '_>=_': ordering('greater_equals', (order) => order >= 0),
  size: {
    size_bytes: ['(bytes) int', size],
    bytes_size: ['bytes.() int', size],
    size_list: ['(list(A)) int', size],
    list_size: ['list(A).() int', size],
    size_map: ['(map(A, B)) int', size],
    map_size: ['map(A, B).() int', size],
    size_string: ['(string) int', size],
    string_size: ['string.() int', size],
  },
  'cel.@mapInsert': {
    map_insert_map: ['(map(A, B), map(A, B)) map(A, B)'],
    map_insert_key_value: ['(map(A, B), A, B) map(A, B)'],
  },
};
