/** JSON values as Go prints and judges them. */

/** As `fmt.Print` shows a value: `map[a:1 b:2]`, `[x y]`, `<no value>`. */
export function goText(value: unknown): string {
  if (value === undefined) return '<no value>';
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`;
  if (typeof value === 'object') {
    const pairs = Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => `${key}:${goText(inner)}`);
    return `map[${pairs.join(' ')}]`;
  }
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** False for nothing, zero, and what is empty. */
export function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}
