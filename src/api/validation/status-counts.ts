/** Rules for the numbers in a status. */
import { child, invalid } from '../field-error.js';
import type { FieldError } from '../field-error.js';

/** A status as its numbers are read: those that are not there are 0. */
type Counts = Readonly<Record<string, unknown>>;

const path = 'status';

/** The number of a field; 0 where there is none. */
export function countOf(status: object | undefined, field: string): number {
  return Number((status as Counts | undefined)?.[field] ?? 0);
}

/** Errors of the fields that are below zero. */
export function negativeCounts(
  status: object | undefined,
  fields: readonly string[],
): FieldError[] {
  return fields.flatMap((field) => {
    const value = (status as Counts | undefined)?.[field];
    if (value === undefined || value === null || Number(value) >= 0) return [];
    return [invalid(child(path, field), value, 'must be greater than or equal to 0')];
  });
}

/** Errors of the fields that are above another one, which the text names as `as`. */
export function countsAbove(
  status: object | undefined,
  fields: readonly string[],
  limit: { readonly field: string; readonly as: string },
): FieldError[] {
  return fields
    .filter((field) => countOf(status, field) > countOf(status, limit.field))
    .map((field) =>
      invalid(child(path, field), countOf(status, field), `cannot be greater than ${limit.as}`),
    );
}

/** The error of a count of collisions that falls. */
export function fallenCollisions(
  next: { readonly collisionCount?: unknown } | undefined,
  old: { readonly collisionCount?: unknown } | undefined,
): FieldError[] {
  if (old?.collisionCount === undefined) return [];
  const [now, before] = [countOf(next, 'collisionCount'), countOf(old, 'collisionCount')];
  const isGone = next?.collisionCount === undefined;
  if (!isGone && now >= before) return [];
  return [invalid(child(path, 'collisionCount'), now, 'cannot be decremented')];
}
