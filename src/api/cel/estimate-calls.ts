/** The estimated cost of calls: Kubernetes' estimator (`library/cost.go`) before cel-go's own. */
import type { Expr } from './ast.js';
import type { Range } from './sizes.js';
import { fixed, plus, scaled, times, unbounded, union, unknownSize } from './sizes.js';
import type { CelType } from './types.js';

/** An argument: its tree, its type, and what is known of its size. */
export interface Node {
  readonly expr: Expr;
  readonly type: CelType;
  readonly size: Range | undefined;
  /** The size of the items of a list. */
  readonly items: () => Range;
}

/** A call of one overload. */
interface Call {
  readonly fn: string;
  readonly id: string;
  readonly target: Node | undefined;
  readonly args: readonly Node[];
}

/** What a call may cost, without its arguments, and how large its result may be. */
interface Estimate {
  readonly cost: Range;
  readonly result?: Range | undefined;
}

const perCharacter = 0.1;
const perPatternCharacter = 0.25;
const one: Estimate = { cost: fixed(1) };

function sizeOf(node: Node | undefined): Range {
  return node?.size ?? unknownSize;
}

function scan(size: Range, factor = 1): Range {
  return scaled(size, perCharacter * factor);
}

function pattern(text: Range, regex: Range): Range {
  return times(scan(plus(text, fixed(1))), scaled(regex, perPatternCharacter));
}

type Estimator = (call: Call) => Estimate | undefined;

/** Functions that look at each element of a list, or at each character of a text. */
const walk: Estimator = ({ target }) => {
  if (target === undefined) return undefined;
  const [item] = target.type.params;
  if (item === undefined) return { cost: scan(sizeOf(target)) };
  const isText = item.kind === 'string' || item.kind === 'bytes';
  const each = isText ? plus(fixed(1), scan(target.items())) : fixed(1);
  return { cost: times(sizeOf(target), each) };
};

const scanTarget: Estimator = ({ target }) => {
  if (target === undefined) return undefined;
  const size = sizeOf(target);
  return { cost: scan(size), result: size };
};

const scanArgument: Estimator = ({ args: [first] }) => ({ cost: scan(sizeOf(first)) });

/** How often a text of `from` characters is found at most or at least in one of `size`, by Kubernetes' reckoning. */
function replaced(size: number, from: number, isLonger: boolean): [count: number, kept: number] {
  if (from === 0) return [Math.min(size + 1, unbounded), size];
  return isLonger ? [Math.ceil(size / from), 0] : [0, size];
}

const replace: Estimator = ({ target, args }) => {
  const [from, to] = [sizeOf(args[0]), sizeOf(args[1])];
  if (target === undefined || args.length < 2) return undefined;
  const size = sizeOf(target);
  const [maxCount, maxKept] = replaced(size.max, from.min, to.max > from.min);
  const [minCount, minKept] = replaced(size.min, from.max, from.max > to.min);
  const result = plus(times({ min: minCount, max: maxCount }, to), { min: minKept, max: maxKept });
  return { cost: scan(size, 2), result };
};

const split: Estimator = ({ target, args }) => {
  if (target === undefined) return undefined;
  const size = sizeOf(target);
  const limit = args[1]?.expr;
  const most =
    limit?.kind === 'literal' && limit.literal.type === 'int' && limit.literal.value >= 0n
      ? Number(limit.literal.value)
      : size.max;
  return { cost: scan(size, 2), result: { min: 0, max: most } };
};

const join: Estimator = ({ target, args: [separator] }) => {
  if (target === undefined) return undefined;
  const count = sizeOf(target);
  let size = times(count, target.items());
  if (separator !== undefined) {
    const gaps = { min: Math.max(0, count.min - 1), max: Math.max(0, count.max - 1) };
    size = plus(size, times(sizeOf(separator), gaps));
  }
  return { cost: scan(size), result: size };
};

const find: Estimator = ({ target, args: [regex] }) => {
  if (target === undefined || regex === undefined) return undefined;
  const size = sizeOf(target);
  return { cost: pattern(size, sizeOf(regex)), result: { min: 0, max: size.max } };
};

const addressSize: Range = { min: 4, max: 16 };

function containment(extra: Range, ofText: string): Estimator {
  return ({ id, args: [other] }) => {
    const cost = plus(scan(plus(addressSize, addressSize)), extra);
    return { cost: id === ofText ? plus(cost, scan(sizeOf(other))) : cost };
  };
}

function sets(factor: number): Estimator {
  return ({ args: [a, b] }) => ({
    cost: plus(scaled(times(sizeOf(a), sizeOf(b)), factor), fixed(1)),
  });
}

const byName: Readonly<Record<string, Estimator>> = {
  check: () => ({ cost: fixed(350_000) }),
  isSorted: walk,
  sum: walk,
  max: walk,
  min: walk,
  indexOf: walk,
  lastIndexOf: walk,
  url: scanArgument,
  lowerAscii: scanTarget,
  upperAscii: scanTarget,
  substring: scanTarget,
  trim: scanTarget,
  replace,
  split,
  join,
  find,
  findAll: find,
  validate: ({ args: [text] }) => ({ cost: pattern(sizeOf(text), { min: 30, max: 1_000 }) }),
  containsIP: containment(fixed(0), 'cidr_contains_ip_string'),
  containsCIDR: containment(plus(scan(addressSize), fixed(1)), 'cidr_contains_cidr_string'),
  semver: scanArgument,
  isSemver: scanArgument,
};

const smaller: Estimator = ({ args: [a, b] }) => {
  const max = Math.min(sizeOf(a).max, sizeOf(b).max);
  return { cost: scan({ min: max > 0 ? 1 : 0, max }) };
};

const added: Estimator = ({ args: [a, b] }) => {
  const result = plus(sizeOf(a), sizeOf(b));
  return { cost: scan(result), result };
};

const byOverload: Readonly<Record<string, Estimator>> = {
  string_format: ({ target }) => ({ cost: scan(sizeOf(target)) }),
  string_to_bytes: ({ args: [text] }) => {
    const size = sizeOf(text);
    return { cost: scan(size), result: { min: size.min, max: Math.min(size.max * 4, unbounded) } };
  },
  bytes_to_string: ({ args: [bytes] }) => {
    const size = sizeOf(bytes);
    return { cost: scan(size), result: { min: Math.floor(size.min / 4), max: size.max } };
  },
  strings_quote: ({ args: [text] }) => {
    const size = sizeOf(text);
    const max = Math.min(size.max * 2 + 2, unbounded);
    return { cost: scan(size), result: { min: size.min + 2, max } };
  },
  ...Object.fromEntries(
    // The documentation of `messageExpression` joins a text with `string(self.maxLimit)`.
    (
      [
        ['bool_to_string', 5],
        ['int64_to_string', 20],
        ['uint64_to_string', 20],
        ['double_to_string', 24],
        ['duration_to_string', 32],
        ['timestamp_to_string', 30],
      ] as const
    ).map(([id, max]) => [id, () => ({ cost: fixed(1), result: { min: 1, max } })]),
  ),
  starts_with_string: scanArgument,
  ends_with_string: scanArgument,
  in_list: ({ args: [, list] }) => ({ cost: scaled(sizeOf(list), 1) }),
  matches: ({ args: [text, regex] }) => ({ cost: pattern(sizeOf(text), sizeOf(regex)) }),
  matches_string: ({ target, args: [regex] }) => ({
    cost: pattern(sizeOf(target), sizeOf(regex)),
  }),
  contains_string: ({ target, args: [part] }) => ({
    cost: times(scan(sizeOf(target)), scan(sizeOf(part))),
  }),
  add_string: added,
  add_bytes: added,
  add_list: ({ args: [a, b] }) => ({ cost: fixed(1), result: plus(sizeOf(a), sizeOf(b)) }),
  equals: smaller,
  not_equals: smaller,
  ...Object.fromEntries(
    ['less', 'less_equals', 'greater', 'greater_equals'].flatMap((order) => [
      [`${order}_string`, smaller],
      [`${order}_bytes`, smaller],
    ]),
  ),
  list_sets_contains_list: sets(1),
  list_sets_intersects_list: sets(1),
  list_sets_equivalent_list: sets(2),
  // Kubernetes charges these one unit, since its rules ask for a target that functions do not have.
  optional_or_optional: ({ target, args: [other] }) => ({
    cost: fixed(1),
    result: union(sizeOf(target), sizeOf(other)),
  }),
};

/** Returns the estimate of one overload of a call. */
export function estimateCall(call: Call): Estimate {
  const named = Object.hasOwn(byName, call.fn) ? byName[call.fn]?.(call) : undefined;
  if (named !== undefined) return named;
  const own = Object.hasOwn(byOverload, call.id) ? byOverload[call.id]?.(call) : undefined;
  return own ?? one;
}
