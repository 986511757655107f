/**
 * A deep copy of JSON data: several times faster than `structuredClone`, which serializes. Objects and lists are
 * copied, everything else is shared; own keys named `__proto__` stay keys.
 */
export function cloneJson<T>(value: T): T {
  return copy(value) as T;
}

function copy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copy);
  const out: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    if (key === '__proto__') {
      const own = { value: copy(item), writable: true, enumerable: true, configurable: true };
      Object.defineProperty(out, key, own);
    } else out[key] = copy(item);
  }
  return out;
}
