/** JSON values as Go prints what they are decoded to, and booleans as it reads them. Pure. */
import { isJsonObject } from '../object.js';
import { formatJson } from '../../lib/json.js';

/** A value as `%v` prints it: `map[a:1 b:[x y]]` with keys in order, `<nil>` for null. */
export function goValue(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(goValue).join(' ')}]`;
  if (!isJsonObject(value)) return typeof value === 'string' ? value : formatJson(value);
  const entries = Object.keys(value)
    .sort()
    .map((key) => `${key}:${goValue(value[key])}`);
  return `map[${entries.join(' ')}]`;
}

/** A time of RFC 3339 in UTC, with whole seconds, as `%v` prints it. */
export function goTime(time: string): string {
  return time.replace('T', ' ').replace(/Z$/, ' +0000 UTC');
}

/** The type of a value in Go, as `%T` prints it. */
export function goType(value: unknown): string {
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return '[]interface {}';
  if (typeof value === 'bigint') return 'int64';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64';
  if (typeof value === 'boolean') return 'bool';
  return typeof value === 'object' ? 'map[string]interface {}' : typeof value;
}

const yes = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);
const no = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False']);

/** A text as `strconv.ParseBool` reads it; undefined when it is neither. */
export function goBoolean(text: string): boolean | undefined {
  if (yes.has(text)) return true;
  return no.has(text) ? false : undefined;
}

const bases: readonly (readonly [RegExp, radix: string])[] = [
  [/^(?:0|[1-9](?:_?\d)*)$/, ''],
  [/^0o?(?<digits>(?:_?[0-7])+)$/i, '0o'],
  [/^0x(?<digits>(?:_?[\da-f])+)$/i, '0x'],
  [/^0b(?<digits>(?:_?[01])+)$/i, '0b'],
];

/**
 * A text as `strconv.ParseInt` reads it without a base: also `0x1f`, `017`, `1_000`.
 * @returns the number, or what is wrong in Go's words; so is what JavaScript cannot count to
 */
export function goInteger(text: string): number | string {
  const [, sign = '', digits = ''] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  for (const [pattern, radix] of bases) {
    const match = pattern.exec(digits);
    if (match === null) continue;
    const value = Number(`${radix}${(match.groups?.['digits'] ?? digits).replaceAll('_', '')}`);
    if (!Number.isSafeInteger(value)) return 'value out of range';
    return sign === '-' ? 0 - value : value;
  }
  return 'invalid syntax';
}
