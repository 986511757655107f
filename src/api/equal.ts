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
  // A key may be one that every object inherits (`constructor` of a ConfigMap's data).
  return Object.keys(right).every(
    (key) => right[key] === undefined || (left[key] !== undefined && Object.hasOwn(left, key)),
  );
}

/** True when both are absent or empty (`undefined`, `null`, `{}`, `[]`, objects of such), or equal but for such. */
export function semanticEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  const isEmpty = isBlank(a);
  if (isEmpty || isBlank(b)) return isEmpty && isBlank(b);
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return (
      Array.isArray(a) &&
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((item, index) => semanticEqual(item, b[index]))
    );
  }
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  return (
    Object.keys(left).every((key) =>
      semanticEqual(left[key], Object.hasOwn(right, key) ? right[key] : undefined),
    ) && Object.keys(right).every((key) => Object.hasOwn(left, key) || isBlank(right[key]))
  );
}

function isBlank(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return value === undefined || value === null;
  return Array.isArray(value) ? value.length === 0 : Object.values(value).every(isBlank);
}
