/**
 * The cost of validation grows in step with the object, whichever of its lists is made long: each list of each sample
 * is filled with copies of its first item, all alike or all different, and validated at two sizes.
 */
import { describe, expect, test } from '@jest/globals';
import {
  applyDefaults,
  decodeObject,
  prepareCreate,
  validateCreate,
} from '../../src/api/strategy.js';
import { kindOf } from '../conformance/oracle/replay.js';
import type { Sample } from '../conformance/oracle/samples.js';
import { readSamples } from '../conformance/oracle/samples.js';
import { growthOf, highestRatio } from './lib/growth.js';

type Path = readonly (string | number)[];

const now = '2024-01-01T00:00:00Z';
const size = 300;

/** The lists of a value that have items. */
function* listsOf(value: unknown, path: Path = []): Generator<Path> {
  if (Array.isArray(value)) {
    if (value.length === 0) return;
    yield path;
    yield* listsOf(value[0], [...path, 0]);
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, field] of Object.entries(value)) yield* listsOf(field, [...path, key]);
  }
}

/** A copy of a value in which every text is another one. */
function numbered(value: unknown, index: number): unknown {
  if (typeof value === 'string') return `${value}${index}`;
  if (Array.isArray(value)) return value.map((item) => numbered(item, index));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [key, numbered(field, index)]),
  );
}

/** A copy of an object with a list that holds so many copies of its first item. */
function withLongList(
  object: unknown,
  path: Path,
  copyOf: (item: unknown, index: number) => unknown,
  count: number,
) {
  const copy: unknown = structuredClone(object);
  const list = path.reduce<unknown>(
    (value, step) => (value as Record<string | number, unknown>)[step],
    copy,
  ) as unknown[];
  const [first] = list;
  list.splice(0, list.length, ...Array.from({ length: count }, (_, index) => copyOf(first, index)));
  return copy;
}

/** Decodes the object, whose cost does not count, and returns its validation. */
function validationOf(sample: Sample, body: unknown): () => unknown {
  const kind = kindOf(sample);
  let object;
  try {
    ({ object } = decodeObject(kind, body));
  } catch {
    // An item in which another text is no quantity, say.
    return () => undefined;
  }
  const decoded = object;
  return () => {
    applyDefaults(kind, decoded);
    prepareCreate(kind, decoded, { now });
    return validateCreate(kind, decoded);
  };
}

describe.each(readSamples().map((sample) => [sample.id, sample] as const))('%s', (_id, sample) => {
  test.each([
    ['alike', (item: unknown) => structuredClone(item)],
    ['different', numbered],
  ])('items that are %s', (_name, copyOf) => {
    const slow: string[] = [];
    for (const path of listsOf(sample.object)) {
      const ratio = growthOf(size, (count) =>
        validationOf(sample, withLongList(sample.object, path, copyOf, count)),
      );
      if (ratio > highestRatio) slow.push(`${path.join('.')}: ${ratio.toFixed(0)} times`);
    }
    expect(slow).toEqual([]);
  });
});
