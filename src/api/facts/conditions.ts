/** Conditions in the status of objects, of any kind. Pure. */
import type { Condition } from '../types/core.js';

/** The condition of that type. */
export function findCondition<C extends Condition>(
  conditions: readonly C[] | undefined,
  type: string,
): C | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** True when the condition is there and its status is True. */
export function isConditionTrue(
  conditions: readonly Condition[] | undefined,
  type: string,
): boolean {
  return findCondition(conditions, type)?.status === 'True';
}

/** A condition with the time of its last transition, which moves only when the status does. */
export function timedCondition<C extends Condition>(
  conditions: readonly C[] | undefined,
  next: C,
  now: string,
): C {
  const old = findCondition(conditions, next.type);
  const unchanged = old !== undefined && old.status === next.status;
  return { ...next, lastTransitionTime: unchanged ? (old.lastTransitionTime ?? now) : now };
}

/** Sets a condition, as {@link timedCondition}. Returns the new list. */
export function withCondition<C extends Condition>(
  conditions: readonly C[] | undefined,
  next: C,
  now: string,
): C[] {
  const made = timedCondition(conditions, next, now);
  if (findCondition(conditions, next.type) === undefined) return [...(conditions ?? []), made];
  return (conditions ?? []).map((condition) => (condition.type === next.type ? made : condition));
}
