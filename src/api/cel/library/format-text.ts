/** `format` of texts: printf-like clauses (cel-go `ext/formatting.go`). */
import { CelError } from '../errors.js';
import { durationText, timestampText } from '../time.js';
import type { ListValue, Value, Work } from '../value.js';
import { Duration, MapValue, Timestamp, TypeValue, typeNameOf, Uint } from '../value.js';
import { ListValue as List } from '../value.js';
import { doubleText } from './conversions.js';

const clause = /%(?:\.(\d+))?([sdfebxXo%])|%/g;
const maxPrecision = 90;

/** Fills the clauses of a text. @throws CelError for clauses that do not fit their arguments */
export function formatText(source: string, args: ListValue, work: Work): string {
  let next = 0;
  work.spend(source.length);
  return source.replaceAll(clause, (whole: string, digits?: string, letter?: string) => {
    if (letter === '%') return '%';
    if (letter === undefined) throw new CelError('unrecognized formatting clause');
    if (next >= args.length) throw new CelError(`index ${next} out of range`);
    const value = args.at(next);
    next += 1;
    const precision = Math.min(Number(digits ?? 6), maxPrecision);
    const text = fill(letter, value, precision, work);
    work.spend(text.length + whole.length);
    return text;
  });
}

function fill(letter: string, value: Value, precision: number, work: Work): string {
  switch (letter) {
    case 's':
      return plain(value, work);
    case 'd':
      return decimal(value);
    case 'f':
      return fraction(value, precision, 'fixed-point clause can only be used on doubles');
    case 'e':
      return scientific(value, precision);
    case 'b':
      if (typeof value === 'boolean') return value ? '1' : '0';
      return whole(value, 2, 'only integers and bools can be formatted as binary');
    case 'o':
      return whole(value, 8, 'octal clause can only be used on integers');
    default:
      return hex(value, letter === 'X');
  }
}

function wrong(text: string, value: Value): CelError {
  return new CelError(`error during formatting: ${text}, was given ${typeNameOf(value)}`);
}

function decimal(value: Value): string {
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Uint) return String(value.value);
  throw wrong('decimal clause can only be used on integers', value);
}

const special: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
};

function asDouble(value: Value, text: string): number {
  if (typeof value === 'number') return value;
  const found = typeof value === 'string' ? special[value] : undefined;
  if (found === undefined) throw wrong(text, value);
  return found;
}

function fraction(value: Value, precision: number, text: string): string {
  const number = asDouble(value, text);
  if (Number.isNaN(number)) return 'NaN';
  if (!Number.isFinite(number)) return number > 0 ? '∞' : '-∞';
  return grouped(rounded(number, precision));
}

/** The most digits that JavaScript writes; a half shows in far fewer. */
const exactDigits = 99;

/** Go rounds halves to the even digit, JavaScript upwards. */
function rounded(number: number, precision: number): string {
  const text = number.toFixed(precision);
  const exact = number.toFixed(exactDigits);
  const kept = exact.length - exactDigits + precision - (precision === 0 ? 1 : 0);
  const rest = exact.slice(exact.length - exactDigits + precision);
  const isTie = /^50*$/.test(rest);
  const isEven = /[02468]$/.test(exact.slice(0, kept));
  return isTie && isEven ? exact.slice(0, kept) : text;
}

/** The locale is American English, whose thousands are set off by commas. */
function grouped(text: string): string {
  const [head = '', ...tail] = text.split('.');
  return [head.replaceAll(/\B(?=(\d{3})+$)/g, ','), ...tail].join('.');
}

const superscripts = '⁰¹²³⁴⁵⁶⁷⁸⁹';

function scientific(value: Value, precision: number): string {
  const number = asDouble(value, 'scientific clause can only be used on doubles');
  if (Number.isNaN(number)) return 'NaN';
  if (!Number.isFinite(number)) return number > 0 ? '∞' : '-∞';
  const [mantissa = '', exponent = '0'] = number.toExponential(precision).split('e');
  const digits = exponent.replace(/^[+-]/, '').padStart(2, '0');
  const raised = Array.from(digits, (digit) => superscripts[Number(digit)]).join('');
  return `${mantissa}\u202f×\u202f10${exponent.startsWith('-') ? '⁻' : ''}${raised}`;
}

function whole(value: Value, radix: number, text: string): string {
  if (typeof value === 'bigint') return value.toString(radix);
  if (value instanceof Uint) return value.value.toString(radix);
  throw wrong(text, value);
}

function hex(value: Value, isUpper: boolean): string {
  const text =
    typeof value === 'string' || value instanceof Uint8Array
      ? Buffer.from(value).toString('hex')
      : whole(value, 16, 'only integers, byte buffers, and strings can be formatted as hex');
  return isUpper ? text.toUpperCase() : text;
}

function plain(value: Value, work: Work): string {
  work.spend(1);
  if (value === null) return 'null';
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return doubleText(value);
  if (typeof value !== 'object') return String(value);
  if (value instanceof Uint) return String(value.value);
  if (value instanceof Timestamp) return timestampText(value.nanos);
  if (value instanceof Duration) return durationText(value.nanos);
  if (value instanceof TypeValue) return value.name;
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  if (value instanceof List) return listText(value, work);
  if (value instanceof MapValue && value.typeName === 'map') return mapText(value, work);
  throw wrong(
    'string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps',
    value,
  );
}

/** A value inside of a list or map, as it would be written in an expression. */
function literal(value: Value, work: Work): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (value instanceof Uint8Array) return `b${JSON.stringify(Buffer.from(value).toString())}`;
  if (typeof value === 'number') {
    return Number.isFinite(value) ? value.toFixed(6) : JSON.stringify(doubleText(value));
  }
  if (value instanceof Timestamp) return `timestamp("${timestampText(value.nanos)}")`;
  if (value instanceof Duration) return `duration("${durationText(value.nanos)}")`;
  return plain(value, work);
}

function listText(value: ListValue, work: Work): string {
  const parts: string[] = [];
  for (const item of value) parts.push(spent(literal(item, work), work));
  return `[${parts.join(', ')}]`;
}

function mapText(value: MapValue, work: Work): string {
  const parts: [string, string][] = [];
  for (const key of value.keys()) {
    parts.push([literal(key, work), spent(literal(value.get(key) ?? null, work), work)]);
  }
  parts.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${parts.map(([key, text]) => `${key}:${text}`).join(', ')}}`;
}

function spent(text: string, work: Work): string {
  work.spend(text.length);
  return text;
}
