/**
 * Identity of JSON values as text, so that equal values can be found through a map or set instead of by comparing each
 * with each: two values are deeply equal exactly when their identities are the same.
 */
import { isJsonObject } from './object.js';

/** The identity of a value. Fields that are undefined count as absent; the order of fields does not matter. */
export function identityOf(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(identityOf).join(',')}]`;
  if (!isJsonObject(value)) return String(value);
  const fields = Object.keys(value)
    .filter((name) => value[name] !== undefined)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${identityOf(value[name])}`);
  return `{${fields.join(',')}}`;
}
