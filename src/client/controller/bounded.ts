/** Calls `fn` for all items with at most `limit` at a time; resolves with the errors, in order of occurrence. */
export async function forEachBounded<T>(
  items: readonly T[],
  limit: number,
  fn: (item: T, index: number) => Promise<void>,
): Promise<unknown[]> {
  const errors: unknown[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      try {
        await fn(items[index] as T, index);
      } catch (error) {
        errors.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
  return errors;
}

/**
 * Calls `fn(0)`, … `fn(count - 1)` in batches of 1, 2, 4, …, so that a call that cannot succeed (a quota, a webhook)
 * fails once and not a thousand times. Stops after the first batch with an error.
 * @returns how many succeeded, and the errors
 */
export async function slowStart(
  count: number,
  limit: number,
  fn: (index: number) => Promise<void>,
): Promise<{ readonly successes: number; readonly errors: unknown[] }> {
  let successes = 0;
  let batch = 1;
  for (let done = 0; done < count; batch *= 2) {
    const size = Math.min(batch, count - done);
    const indexes = Array.from({ length: size }, (_, offset) => done + offset);
    const errors = await forEachBounded(indexes, limit, fn);
    successes += size - errors.length;
    if (errors.length > 0) return { successes, errors };
    done += size;
  }
  return { successes, errors: [] };
}

/** Throws what {@link forEachBounded} gathered, if anything: the only error itself, or all of them together. */
export function throwGathered(errors: readonly unknown[]): void {
  if (errors.length === 0) return;
  if (errors.length === 1) throw errors[0];
  throw new AggregateError(
    errors,
    `${errors.length} calls failed; the first: ${String(errors[0])}`,
  );
}
