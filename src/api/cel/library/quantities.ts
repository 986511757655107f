/** Kubernetes' libraries `quantity` and `semver`. */
import type { Quantity } from '../../quantity.js';
import { parseQuantity, Quantity as QuantityNumber, quantityError } from '../../quantity.js';
import { CelError } from '../errors.js';
import type { Library, Overloads, Run } from '../functions.js';
import { OpaqueValue } from '../value.js';
import type { Value } from '../value.js';
import { instance, int, text } from './arguments.js';

const nano = 1_000_000_000n;
const maxInt = 2n ** 63n - 1n;

class QuantityValue extends OpaqueValue {
  readonly typeName = 'kubernetes.Quantity';
  readonly quantity: Quantity;
  constructor(quantity: Quantity) {
    super();
    this.quantity = quantity;
  }
  override equals(other: OpaqueValue): boolean {
    return other instanceof QuantityValue && this.quantity.compare(other.quantity) === 0;
  }
}

function read(source: string): QuantityValue {
  const quantity = parseQuantity(source);
  if (quantity === undefined) throw new CelError(quantityError);
  return new QuantityValue(quantity);
}

function at(args: readonly Value[], index: number): Quantity {
  return instance(args, index, QuantityValue).quantity;
}

/** The quantity as an int; undefined for a fraction and beyond 64 bits. */
function asInteger({ nanos }: Quantity): bigint | undefined {
  if (nanos % nano !== 0n) return undefined;
  const units = nanos / nano;
  return units > maxInt || units < -maxInt - 1n ? undefined : units;
}

function ofInt(value: bigint): Quantity {
  return new QuantityNumber(value * nano, 'DecimalExponent');
}

function toDouble({ nanos }: Quantity): number {
  return Number(nanos / nano) + Number(nanos % nano) / 1e9;
}

const quantities: Library = {
  quantity: { string_to_quantity: ['(string) kubernetes.Quantity', (args) => read(text(args, 0))] },
  isQuantity: {
    is_quantity_string: ['(string) bool', (args) => parseQuantity(text(args, 0)) !== undefined],
  },
  sign: { quantity_sign: ['(kubernetes.Quantity) int', (args) => BigInt(at(args, 0).sign())] },
  asApproximateFloat: {
    quantity_get_float: ['kubernetes.Quantity.() double', (args) => toDouble(at(args, 0))],
  },
  asInteger: {
    quantity_get_int: [
      'kubernetes.Quantity.() int',
      (args) => {
        const value = asInteger(at(args, 0));
        if (value === undefined) throw new CelError('cannot convert value to integer');
        return value;
      },
    ],
  },
  isInteger: {
    quantity_is_integer: [
      'kubernetes.Quantity.() bool',
      (args) => asInteger(at(args, 0)) !== undefined,
    ],
  },
  add: {
    quantity_add: [
      'kubernetes.Quantity.(kubernetes.Quantity) kubernetes.Quantity',
      (args) => new QuantityValue(at(args, 0).add(at(args, 1))),
    ],
    quantity_add_int: [
      'kubernetes.Quantity.(int) kubernetes.Quantity',
      (args) => new QuantityValue(at(args, 0).add(ofInt(int(args, 1)))),
    ],
  },
  sub: {
    quantity_sub: [
      'kubernetes.Quantity.(kubernetes.Quantity) kubernetes.Quantity',
      (args) => new QuantityValue(at(args, 0).subtract(at(args, 1))),
    ],
    quantity_sub_int: [
      'kubernetes.Quantity.(int) kubernetes.Quantity',
      (args) => new QuantityValue(at(args, 0).subtract(ofInt(int(args, 1)))),
    ],
  },
};

/** A semantic version (semver.org); build data counts for nothing. */
class SemverValue extends OpaqueValue {
  readonly typeName = 'kubernetes.Semver';
  readonly core: readonly [bigint, bigint, bigint];
  readonly pre: readonly string[];
  readonly build: string;
  constructor(core: readonly [bigint, bigint, bigint], pre: readonly string[], build: string) {
    super();
    this.core = core;
    this.pre = pre;
    this.build = build;
  }
  override equals(other: OpaqueValue): boolean {
    return other instanceof SemverValue && this.compare(other) === 0;
  }
  compare(other: SemverValue): number {
    for (let index = 0; index < 3; index += 1) {
      const [a = 0n, b = 0n] = [this.core[index], other.core[index]];
      if (a !== b) return a < b ? -1 : 1;
    }
    return comparePre(this.pre, other.pre);
  }
}

function comparePre(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return Math.sign(b.length - a.length);
  for (let index = 0; index < Math.max(a.length, b.length); index += 1) {
    const [x, y] = [a[index], b[index]];
    if (x === undefined || y === undefined) return x === undefined ? -1 : 1;
    if (x === y) continue;
    const [isX, isY] = [/^\d+$/.test(x), /^\d+$/.test(y)];
    if (isX !== isY) return isX ? -1 : 1;
    if (isX) return BigInt(x) < BigInt(y) ? -1 : 1;
    return x < y ? -1 : 1;
  }
  return 0;
}

const whole = '(0|[1-9]\\d{0,19})';
const identifier = '(?:0|[1-9]\\d{0,19}|\\d*[a-zA-Z-][0-9a-zA-Z-]*)';
const semverPattern = new RegExp(
  `^${whole}\\.${whole}\\.${whole}(?:-(${identifier}(?:\\.${identifier})*))?(?:\\+([0-9a-zA-Z-]+(?:\\.[0-9a-zA-Z-]+)*))?$`,
);
const maxSemverLength = 1_000;

/** Fills up what a version leaves out, as Kubernetes does when asked to normalize. */
function normalized(source: string): string {
  const [first = '', second, ...rest] = source.replace(/^v/, '').split('.');
  const parts = [first, second, rest.length > 0 ? rest.join('.') : undefined].filter(
    (part) => part !== undefined,
  );
  if (parts.length < 3 && /[+-]/.test(parts.at(-1) ?? '')) {
    throw new CelError('short version cannot contain PreRelease/Build meta data');
  }
  const cleaned = parts.map((part) =>
    part.length > 1 ? part.replace(/^0+/, '').replace(/^(?!\d)/, '0') : part,
  );
  while (cleaned.length < 3) cleaned.push('0');
  return cleaned.join('.');
}

function readSemver(args: readonly Value[]): SemverValue {
  const source = args[1] === true ? normalized(text(args, 0)) : text(args, 0);
  const match = source.length > maxSemverLength ? null : semverPattern.exec(source);
  if (match === null) {
    const problem = source === '' ? 'Version string empty' : 'No Major.Minor.Patch elements found';
    throw new CelError(
      source.split('.').length >= 3
        ? `Invalid character(s) found in ${JSON.stringify(source)}`
        : problem,
    );
  }
  const [, major = '0', minor = '0', patch = '0', pre, build = ''] = match;
  const core = [BigInt(major), BigInt(minor), BigInt(patch)] as const;
  return new SemverValue(core, pre === undefined ? [] : pre.split('.'), build);
}

const isSemver: Run = (args) => {
  try {
    readSemver(args);
    return true;
  } catch (error) {
    if (error instanceof CelError) return false;
    throw error;
  }
};

function semverAt(args: readonly Value[], index: number): SemverValue {
  return instance(args, index, SemverValue);
}

function comparisons(
  prefix: string,
  type: string,
  compare: (args: readonly Value[]) => number,
): Library {
  const both = `${type}.(${type})`;
  const overload = (name: string, result: string, run: Run): Overloads => ({
    [`${prefix}_${name}`]: [`${both} ${result}`, run],
  });
  return {
    isGreaterThan: overload('is_greater_than', 'bool', (args) => compare(args) > 0),
    isLessThan: overload('is_less_than', 'bool', (args) => compare(args) < 0),
    compareTo: overload('compare_to', 'int', (args) => BigInt(compare(args))),
  };
}

const semvers: Library = {
  semver: {
    string_to_semver: ['(string) kubernetes.Semver', readSemver],
    string_bool_to_semver: ['(string, bool) kubernetes.Semver', readSemver],
  },
  isSemver: {
    is_semver_string: ['(string) bool', isSemver],
    is_semver_string_bool: ['(string, bool) bool', isSemver],
  },
  major: { semver_major: ['kubernetes.Semver.() int', (args) => semverAt(args, 0).core[0]] },
  minor: { semver_minor: ['kubernetes.Semver.() int', (args) => semverAt(args, 0).core[1]] },
  patch: { semver_patch: ['kubernetes.Semver.() int', (args) => semverAt(args, 0).core[2]] },
};

/** Quantities and semantic versions. */
export const amounts: readonly Library[] = [
  quantities,
  comparisons('quantity', 'kubernetes.Quantity', (args) => at(args, 0).compare(at(args, 1))),
  semvers,
  comparisons('semver', 'kubernetes.Semver', (args) =>
    semverAt(args, 0).compare(semverAt(args, 1)),
  ),
];
