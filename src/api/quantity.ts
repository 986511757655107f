/**
 * Quantities as Kubernetes writes them: a decimal number with a binary (`Ki`…`Ei`), decimal (`n`…`E`)
 * or exponent (`e3`) suffix. Values are exact: a bigint of nano-units, finer parts are rounded up,
 * as apimachinery's `resource.Quantity` does.
 */

/** The family of suffixes in which a quantity is printed. */
export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent';

const nano = 1_000_000_000n;
const binarySuffixes = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const decimalSuffixes: readonly (readonly [string, number])[] = [
  ['n', -9],
  ['u', -6],
  ['m', -3],
  ['', 0],
  ['k', 3],
  ['M', 6],
  ['G', 9],
  ['T', 12],
  ['P', 15],
  ['E', 18],
];
const pattern = /^([+-]?)(\d+\.?\d*|\.\d+)(?:([KMGTPE]i)|([numkMGTPE])|[eE]([+-]?\d{1,3}))?$/;
/** Longest text of a quantity: turning digits into a number costs more than their count. */
const maxQuantityLength = 1_000;
const milli = 1_000_000n;
const maxInt64 = 2n ** 63n - 1n;
const maxInt64Nano = maxInt64 * nano;
/** Numbers of so many digits are read by apimachinery's short way, which may keep the text. */
const plainDigits = 18;

/** The text Kubernetes gives for a string that is not a quantity. */
export const quantityError =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

function pow10(exponent: number): bigint {
  return 10n ** BigInt(exponent);
}

/** Divides and rounds away from zero. */
function divideUp(value: bigint, by: bigint): bigint {
  const whole = value / by;
  if (value % by === 0n) return whole;
  return value < 0n ? whole - 1n : whole + 1n;
}

function bounded(value: bigint): number {
  if (value > maxInt64) return Number(maxInt64);
  return Number(value < -maxInt64 ? -maxInt64 : value);
}

/** An exact amount with a format. Immutable. */
export class Quantity {
  readonly nanos: bigint;
  readonly format: QuantityFormat;
  #text: string | undefined;

  /** @param text how it is printed; unset: in the canonical form */
  constructor(nanos: bigint, format: QuantityFormat, text?: string) {
    this.nanos = nanos;
    this.format = format;
    this.#text = text;
  }

  /** -1, 0 or 1. */
  sign(): number {
    return this.nanos < 0n ? -1 : this.nanos > 0n ? 1 : 0;
  }

  /** Returns whole units, rounded up, at most 2^63; large values lose precision beyond 2^53. */
  value(): number {
    return bounded(divideUp(this.nanos, nano));
  }

  /** Thousandths, rounded up (CPU milli-cores), at most 2^63. */
  milliValue(): number {
    return bounded(divideUp(this.nanos, milli));
  }

  /** The quantity itself, if it is one of whole thousandths, or the next one. */
  roundedUpToMilli(): Quantity {
    if (this.nanos % milli === 0n) return this;
    return new Quantity(divideUp(this.nanos, milli) * milli, this.format);
  }

  /** -1, 0 or 1. */
  compare(other: Quantity): number {
    return this.nanos < other.nanos ? -1 : this.nanos > other.nanos ? 1 : 0;
  }

  /** The sum, in this quantity's format (in the other's when this is zero). */
  add(other: Quantity): Quantity {
    const format = this.nanos === 0n ? other.format : this.format;
    return new Quantity(this.nanos + other.nanos, format);
  }

  /** The difference, in this quantity's format. */
  subtract(other: Quantity): Quantity {
    const format = this.nanos === 0n ? other.format : this.format;
    return new Quantity(this.nanos - other.nanos, format);
  }

  /** As it was written where that is short and plain, else the canonical form: no fraction, the largest suffix. */
  toString(): string {
    return (this.#text ??= formatNanos(this.nanos, this.format));
  }
}

function formatNanos(nanos: bigint, format: QuantityFormat): string {
  if (nanos === 0n) return '0';
  const sign = nanos < 0n ? '-' : '';
  const magnitude = nanos < 0n ? -nanos : nanos;
  if (format === 'BinarySI' && magnitude >= 1024n * nano && magnitude % nano === 0n) {
    return sign + formatBinary(magnitude / nano);
  }
  return sign + formatDecimal(magnitude, format === 'DecimalExponent');
}

function formatBinary(units: bigint): string {
  let rest = units;
  let power = 0;
  while (rest % 1024n === 0n && power < 6) {
    rest /= 1024n;
    power += 1;
  }
  return `${rest}${binarySuffixes[power] ?? ''}`;
}

function formatDecimal(magnitude: bigint, exponentForm: boolean): string {
  let rest = magnitude;
  let exponent = -9;
  while (rest % 1000n === 0n && exponent < 18) {
    rest /= 1000n;
    exponent += 3;
  }
  if (exponentForm) return exponent === 0 ? `${rest}` : `${rest}e${exponent}`;
  const suffix = decimalSuffixes.find(([, power]) => power === exponent)?.[0] ?? '';
  return `${rest}${suffix}`;
}

/** Texts that were read lately: an object's few are read by its defaults, its checks, quotas and the scheduler. */
const recent = new Map<string, Quantity>();
const recentMax = 4096;
/** Longer texts are not remembered, so that the memory has a size. */
const recentLengthMax = 32;

/** Parses a quantity; undefined when the text is none. */
export function parseQuantity(text: string): Quantity | undefined {
  const known = recent.get(text);
  if (known !== undefined) return known;
  const quantity = readQuantity(text);
  if (quantity !== undefined && text.length <= recentLengthMax) {
    if (recent.size >= recentMax) recent.clear();
    recent.set(text, quantity);
  }
  return quantity;
}

function readQuantity(text: string): Quantity | undefined {
  const match = text.length > maxQuantityLength ? null : pattern.exec(text);
  if (match === null) return undefined;
  const [, sign = '', number = '', binary, decimal, exponentText] = match;
  const [whole = '', fraction = ''] = number.split('.');
  let digits = BigInt(`${whole}${fraction}` === '' ? '0' : `${whole}${fraction}`) * nano;
  let format: QuantityFormat = 'DecimalSI';
  let exponent = 0;
  if (binary !== undefined) {
    format = 'BinarySI';
    digits *= 1024n ** BigInt(binarySuffixes.indexOf(binary));
  } else if (decimal !== undefined) {
    exponent = decimalSuffixes.find(([suffix]) => suffix === decimal)?.[1] ?? 0;
  } else if (exponentText !== undefined) {
    format = 'DecimalExponent';
    exponent = Number(exponentText);
  }
  const shift = exponent - fraction.length;
  const value = shift >= 0 ? digits * pow10(shift) : divideUp(digits, pow10(-shift));
  const capped = format === 'BinarySI' && value > maxInt64Nano ? maxInt64Nano : value;
  const digitsBefore = whole.replace(/^0+(?=\d)/, '') || '0';
  const isKept =
    format === 'BinarySI'
      ? fraction === '' && keepsBinary(digitsBefore, binarySuffixes.indexOf(binary ?? ''))
      : keepsDecimal(`${digitsBefore}${fraction}`, shift);
  return new Quantity(sign === '-' ? -capped : capped, format, isKept ? text : undefined);
}

/** True for few digits without a useless power of a thousand: apimachinery takes their text for canonical. */
function keepsDecimal(digits: string, scale: number): boolean {
  if (digits.length > plainDigits || scale < -9 || scale % 3 !== 0) return false;
  return !digits.endsWith('000') && !digits.startsWith('0');
}

/** The same for whole numbers with a binary suffix, a power of 1024. */
function keepsBinary(digits: string, power: number): boolean {
  const precision = 15 - digits.length - power * 3 - 1;
  return precision >= 0 && BigInt(digits) % 8n !== 0n;
}

/** A quantity as Kubernetes stores it; undefined when it is none. */
export function storedQuantity(text: string): string | undefined {
  return parseQuantity(text)?.toString();
}

/** An amount of a list of resources, which has no finer part than a thousandth. */
export function storedResource(text: string): string | undefined {
  return parseQuantity(text)?.roundedUpToMilli().toString();
}

/** A quantity of whole units. */
export function quantityOf(units: number, format: QuantityFormat = 'DecimalSI'): Quantity {
  return new Quantity(BigInt(units) * nano, format);
}

/** A quantity of thousandths, such as CPU milli-cores. */
export function quantityOfMilli(milli: number): Quantity {
  return new Quantity(BigInt(milli) * 1_000_000n, 'DecimalSI');
}
