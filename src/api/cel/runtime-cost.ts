/** The cost of calls at run time: Kubernetes' estimator (`library/cost.go`) before cel-go's `runtimecost.go`. */
import type { Value } from './value.js';
import { ListValue, MapValue, sizeOf } from './value.js';

const perCharacter = 0.1;
const perPatternCharacter = 0.25;

function scan(value: Value | undefined, factor = 1): number {
  return Math.ceil(sizeOf(value ?? null) * perCharacter * factor);
}

function traverse(value: Value): number {
  if (typeof value === 'string') return Math.floor(value.length * perCharacter);
  if (value instanceof Uint8Array) return Math.floor(value.length * perCharacter);
  if (value instanceof ListValue) {
    let sum = 0;
    for (const item of value) sum += traverse(item);
    return sum;
  }
  if (value instanceof MapValue) {
    let sum = 0;
    for (const key of value.keys()) sum += traverse(key) + traverse(value.get(key) ?? null);
    return sum;
  }
  return 1;
}

function patternCost(text: Value | undefined, pattern: Value | undefined): number {
  const textCost = Math.ceil((1 + sizeOf(text ?? null)) * perCharacter);
  return textCost * Math.ceil(sizeOf(pattern ?? null) * perPatternCharacter);
}

type Cost = (args: readonly Value[], id: string) => number;

const scanFirst: Cost = ([a]) => scan(a);
const scanTwice: Cost = ([a]) => scan(a, 2);
const authorization: Cost = () => 350_000;

function containment(extra: (size: number) => number, ofText: string): Cost {
  return ([a = null, b], id) => {
    const size = sizeOf(a);
    const base = Math.ceil((size + size) * perCharacter) + extra(size);
    return id === ofText ? base + scan(b) : base;
  };
}

function sets(factor: number): Cost {
  return ([a = null, b = null]) => 1 + sizeOf(a) * sizeOf(b) * factor;
}

/** By the name of the function. */
const byName: Readonly<Record<string, Cost>> = {
  check: authorization,
  isSorted: ([a = null]) => traverse(a),
  sum: ([a = null]) => traverse(a),
  max: ([a = null]) => traverse(a),
  min: ([a = null]) => traverse(a),
  indexOf: ([a = null]) => traverse(a),
  lastIndexOf: ([a = null]) => traverse(a),
  url: scanFirst,
  lowerAscii: scanFirst,
  upperAscii: scanFirst,
  substring: scanFirst,
  trim: scanFirst,
  replace: scanTwice,
  split: scanTwice,
  find: ([a, b]) => patternCost(a, b),
  findAll: ([a, b]) => patternCost(a, b),
  cidr: scanFirst,
  isIP: scanFirst,
  isCIDR: scanFirst,
  ip: ([a], id) => (id === 'cidr_ip' ? 1 : scan(a)),
  containsIP: containment(() => 0, 'cidr_contains_ip_string'),
  containsCIDR: containment(
    (size) => Math.ceil(size * perCharacter) + 1,
    'cidr_contains_cidr_string',
  ),
  quantity: scanFirst,
  isQuantity: scanFirst,
  semver: scanFirst,
  isSemver: scanFirst,
  validate: ([format = null, text]) => patternCost(text, 'x'.repeat(sizeOf(format))),
};

const smaller: Cost = ([a = null, b = null]) => Math.ceil(smallerSize(a, b) * perCharacter);

/** The size of the smaller value; a far longer text is not counted. */
function smallerSize(a: Value, b: Value): number {
  if (typeof a === 'string' && typeof b === 'string') {
    if (a.length >= b.length * 2) return sizeOf(b);
    if (b.length >= a.length * 2) return sizeOf(a);
  } else if (typeof a === 'string') return Math.min(a.length, sizeOf(b));
  else if (typeof b === 'string') return Math.min(b.length, sizeOf(a));
  return Math.min(sizeOf(a), sizeOf(b));
}

/** By the id of the overload. */
const byOverload: Readonly<Record<string, Cost>> = {
  ip_is_canonical: scanTwice,
  starts_with_string: scanFirst,
  ends_with_string: scanFirst,
  string_to_bytes: scanFirst,
  bytes_to_string: scanFirst,
  strings_quote: scanFirst,
  string_format: scanFirst,
  equals: smaller,
  add_string: ([a = null, b = null]) => Math.ceil((sizeOf(a) + sizeOf(b)) * perCharacter),
  add_bytes: ([a = null, b = null]) => Math.ceil((sizeOf(a) + sizeOf(b)) * perCharacter),
  matches: ([a, b]) => patternCost(a, b),
  matches_string: ([a, b]) => patternCost(a, b),
  contains_string: ([a, b]) => scan(a) * scan(b),
  list_join: ([a = null]) => joinCost(a, 0),
  list_join_string: ([a = null, b = null]) => joinCost(a, sizeOf(b)),
  list_sets_contains_list: sets(1),
  list_sets_intersects_list: sets(1),
  list_sets_equivalent_list: sets(2),
};

/** Goes by the size of the result, which is known before it is made. */
function joinCost(list: Value, separator: number): number {
  if (!(list instanceof ListValue)) return 1;
  let size = Math.max(0, list.length - 1) * separator;
  // By UTF-16 units: to count the characters of each item would be the most of the work.
  for (const item of list) size += typeof item === 'string' ? item.length : 1;
  return Math.ceil(size * 2 * perCharacter);
}

for (const order of ['less', 'less_equals', 'greater', 'greater_equals']) {
  const costs = byOverload as Record<string, Cost>;
  costs[`${order}_string`] = smaller;
  costs[`${order}_bytes`] = smaller;
}

/** Returns the cost of a call, which is known from its arguments, so that it can be refused before it is made. */
export function callCost(overload: string, fn: string, args: readonly Value[]): number {
  const cost = Object.hasOwn(byName, fn)
    ? byName[fn]
    : Object.hasOwn(byOverload, overload)
      ? byOverload[overload]
      : undefined;
  return cost === undefined ? 1 : cost(args, overload);
}
