/** Deep equality of JSON values; an absent field equals one that is undefined. */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, index) => deepEqual(item, b[index]));
  }
  if (Array.isArray(b)) return false;
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  for (const key of Object.keys(left)) {
    if (!deepEqual(left[key], right[key])) return false;
  }
  return Object.keys(right).every((key) => right[key] === undefined || left[key] !== undefined);
}

/** True when both are absent or empty (`undefined`, `null`, `{}`, `[]`), or equal. */
export function semanticEqual(a: unknown, b: unknown): boolean {
  return deepEqual(emptied(a), emptied(b));
}

function emptied(value: unknown): unknown {
  if (value === null) return undefined;
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map(emptied);
  if (typeof value !== 'object') return value;
  const entries = Object.entries(value)
    .map(([key, item]) => [key, emptied(item)] as const)
    .filter(([, item]) => item !== undefined);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
