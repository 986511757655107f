/** JSON values as Go prints what they are decoded to, and booleans as it reads them. Pure. */
import { isJsonObject } from '../object.js';

/** A value as `%v` prints it: `map[a:1 b:[x y]]` with keys in order, `<nil>` for null. */
export function goValue(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(goValue).join(' ')}]`;
  if (!isJsonObject(value)) return typeof value === 'string' ? value : JSON.stringify(value);
  const entries = Object.keys(value)
    .sort()
    .map((key) => `${key}:${goValue(value[key])}`);
  return `map[${entries.join(' ')}]`;
}

const yes = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);
const no = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False']);

/** A text as `strconv.ParseBool` reads it; undefined when it is neither. */
export function goBoolean(text: string): boolean | undefined {
  if (yes.has(text)) return true;
  return no.has(text) ? false : undefined;
}
