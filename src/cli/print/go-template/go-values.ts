/** JSON values as Go prints and judges them. */
import { goFloat, goNumber } from '../go-number.js';
import { formatJson } from '../../../lib/json.js';

/** A float that a template names: a whole one is another number to Go than the integer. */
export class GoFloat {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** A value's type, as Go calls it. */
export function goType(value: unknown): string {
  if (value === undefined || value === null) return '<nil>';
  if (value instanceof GoFloat) return 'float64';
  if (Array.isArray(value)) return '[]interface {}';
  switch (typeof value) {
    case 'number':
      return Number.isInteger(value) ? 'int64' : 'float64';
    case 'bigint':
      return 'int64';
    case 'boolean':
      return 'bool';
    case 'string':
      return 'string';
    default:
      return 'map[string]interface {}';
  }
}

/** A value of a float or an integer; undefined for what is no number. */
export function numberOf(value: unknown): number | undefined {
  if (value instanceof GoFloat) return value.value;
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : undefined;
}

/** As `fmt.Print` shows a value: `map[a:1 b:2]`, `[x y]`, `<nil>`. */
export function goText(value: unknown): string {
  if (value === undefined || value === null) return '<nil>';
  if (value instanceof GoFloat) return goFloat(value.value);
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`;
  if (typeof value === 'object') {
    const pairs = Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => `${key}:${goText(inner)}`);
    return `map[${pairs.join(' ')}]`;
  }
  if (typeof value === 'number') return goNumber(value);
  return typeof value === 'string' ? value : formatJson(value);
}

/** As a template prints the value of an action. */
export function printedText(value: unknown): string {
  return value === undefined || value === null ? '<no value>' : goText(value);
}

/** False for nothing, zero, and what is empty. */
export function isTrue(value: unknown): boolean {
  if (value instanceof GoFloat) return value.value !== 0;
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}
