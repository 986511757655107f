import { deepEqual } from '../../api/equal.js';

/** The merge patch (RFC 7396) from one object to another; undefined when they are the same. */
export function mergeDifference(before: unknown, after: unknown): unknown {
  if (deepEqual(before, after)) return undefined;
  if (!isMap(before) || !isMap(after)) return after;
  const patch: Record<string, unknown> = {};
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (!Object.hasOwn(after, key)) patch[key] = null;
    else {
      const inner = mergeDifference(before[key], after[key]);
      if (inner !== undefined) patch[key] = inner;
    }
  }
  return patch;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
