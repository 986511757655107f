/** The order of `--sort-by`. */
import { parseQuantity } from '../../api/quantity.js';
import { evaluate } from './jsonpath/evaluate.js';
import { parseRelaxed } from './jsonpath/parse.js';
import { formatJson } from '../../lib/json.js';

/** Sorts by a field: numbers and quantities by their size, text in natural order (`a2` before `a10`). */
export function sortBy<T>(path: string, items: readonly T[], valueOf: (item: T) => unknown): T[] {
  const steps = parseRelaxed(path);
  const keyed = items.map((item) => ({ item, key: evaluate(steps, valueOf(item))[0] }));
  return keyed.toSorted((a, b) => compareValues(a.key, b.key)).map(({ item }) => item);
}

/** What is not there comes first. */
function compareValues(a: unknown, b: unknown): number {
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined);
  if (isNumber(a) && isNumber(b)) return a < b ? -1 : Number(a > b);
  if (typeof a === 'string' && typeof b === 'string') {
    const [left, right] = [parseQuantity(a)?.nanos, parseQuantity(b)?.nanos];
    if (left !== undefined && right !== undefined) return left < right ? -1 : Number(left > right);
    return naturalOrder(a, b);
  }
  return naturalOrder(formatJson(a), formatJson(b));
}

function isNumber(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

function naturalOrder(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => text.match(/\d+|\D+/g) ?? []);
  for (const [at, part] of (left ?? []).entries()) {
    const other = right?.[at];
    if (other === undefined) return 1;
    if (part === other) continue;
    const isNumber = /^\d/.test(part) && /^\d/.test(other);
    if (isNumber && Number(part) !== Number(other)) return Number(part) - Number(other);
    return part < other ? -1 : 1;
  }
  return (left?.length ?? 0) - (right?.length ?? 0);
}
