/** JSON as kubectl prints it: keys sorted, four blanks deep, `<`, `>` and `&` escaped. */
import { formatJson as jsonText } from '../../lib/json.js';

/** Several lines. */
export function formatJson(value: unknown, indent = 4): string {
  return escapeHtml(jsonText(sorted(value), indent));
}

/** One line. */
export function compactJson(value: unknown): string {
  return escapeHtml(jsonText(sorted(value)));
}

/** JSON's `<`, `>` and `&` as Go writes them. */
export function escapeHtml(text: string): string {
  return text.replaceAll(
    /[<>&\u2028\u2029]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A copy whose maps have their keys in order. */
export function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
