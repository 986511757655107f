/**
 * The equalities of JSON values. They differ in what counts as absent: a field of that kind equals one that is not
 * there.
 */

/** Absent is `undefined` alone: the equality of what was written, where `null` and `{}` are values. */
export function deepEqual(a: unknown, b: unknown): boolean {
  return equal(a, b, isUndefined);
}

/**
 * Absent is `null` too: the equality of objects, in which the API keeps no null. What Kubernetes' own components wrote
 * (`creationTimestamp: null` in a ControllerRevision) and what ours write is equal; `emptyDir: {}` is not nothing.
 */
export function jsonEqual(a: unknown, b: unknown): boolean {
  return equal(a, b, isNone);
}

/** Absent is all that is empty (`null`, `{}`, `[]`, and objects of such), as in Go's `equality.Semantic.DeepEqual`. */
export function semanticEqual(a: unknown, b: unknown): boolean {
  return equal(a, b, isBlank);
}

function equal(a: unknown, b: unknown, isAbsent: (value: unknown) => boolean): boolean {
  if (a === b) return true;
  const absent = isAbsent(a);
  if (absent || isAbsent(b)) return absent && isAbsent(b);
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return (
      Array.isArray(a) &&
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((item, index) => equal(item, b[index], isAbsent))
    );
  }
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  // Labels may be called `constructor`: a field is one of the object's own.
  for (const key of Object.keys(left)) {
    if (!equal(left[key], Object.hasOwn(right, key) ? right[key] : undefined, isAbsent))
      return false;
  }
  return Object.keys(right).every((key) => Object.hasOwn(left, key) || isAbsent(right[key]));
}

function isUndefined(value: unknown): boolean {
  return value === undefined;
}

function isNone(value: unknown): boolean {
  return value === undefined || value === null;
}

function isBlank(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return value === undefined || value === null;
  return Array.isArray(value) ? value.length === 0 : Object.values(value).every(isBlank);
}
