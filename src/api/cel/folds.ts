/** What folds go over, and what they gather. */
import { CelError, noSuchOverload } from './errors.js';
import type { EntryMap, Value } from './value.js';
import { displayValue, ListValue, MapValue, typeNameOf } from './value.js';

/** Adds what a step of `transformMap` or `transformMapEntry` made. @throws CelError for a key that is there */
export function insertEntry(map: EntryMap, values: readonly Value[]): void {
  const [first = null, second] = values;
  const add = (key: Value, value: Value): void => {
    if (!map.add(key, value)) {
      throw new CelError(`insert failed: key ${displayValue(key)} already exists`);
    }
  };
  if (second !== undefined) add(first, second);
  else if (first instanceof MapValue) {
    for (const key of first.keys()) add(key, first.get(key) ?? null);
  } else throw noSuchOverload();
}

/** The items of a list or the keys of a map, each with its index or its value when two variables ask for them. */
export function* entriesOf(range: Value, isPairs: boolean): Iterable<readonly [Value, Value]> {
  if (range instanceof ListValue) {
    for (let index = 0; index < range.length; index += 1) {
      const item = range.at(index);
      yield isPairs ? [BigInt(index), item] : [item, null];
    }
  } else if (range instanceof MapValue) {
    for (const key of range.keys()) yield [key, isPairs ? (range.get(key) ?? null) : null];
  } else throw new CelError(`got '${typeNameOf(range)}', expected iterable type`);
}
