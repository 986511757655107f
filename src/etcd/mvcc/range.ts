/** Filters, sorts and limits the pairs that the index found for a range read. As etcd's `executeRange`. */
import { assertNever } from '../../lib/assert.js';
import { encodeKeyValue } from './key-value.js';
import type { KeyValue, RangeOptions, SortTarget } from './types.js';

/** True when all pairs must be fetched before the limit can cut. */
export function needsAll(options: RangeOptions): boolean {
  return (
    (options.sortOrder ?? 'none') !== 'none' ||
    (options.minModRevision ?? 0) !== 0 ||
    (options.maxModRevision ?? 0) !== 0 ||
    (options.minCreateRevision ?? 0) !== 0 ||
    (options.maxCreateRevision ?? 0) !== 0
  );
}

/** True when the pairs must be fetched with their values: the order may depend on values that are not asked for. */
export function needsValues(options: RangeOptions): boolean {
  return options.keysOnly !== true || options.sortTarget === 'value';
}

/**
 * Filters, sorts and cuts `kvs` (in key order), then drops the values that only the order needed. Tells whether the
 * limit cut something.
 */
export function arrange(
  kvs: KeyValue[],
  options: RangeOptions,
): { readonly kvs: KeyValue[]; readonly more: boolean } {
  const { kvs: sorted, more } = sortAndCut(kvs, options);
  const dropsValues = options.keysOnly === true && needsValues(options);
  return { kvs: dropsValues ? sorted.map(withoutValue) : sorted, more };
}

function withoutValue(kv: KeyValue): KeyValue {
  return encodeKeyValue(kv.key.toString('latin1'), Buffer.alloc(0), kv);
}

function sortAndCut(
  kvs: KeyValue[],
  options: RangeOptions,
): { readonly kvs: KeyValue[]; readonly more: boolean } {
  let result = filter(kvs, options);
  const target = options.sortTarget ?? 'key';
  const order = options.sortOrder ?? 'none';
  if (order === 'descend') {
    result = [...result].sort((a, b) => -compare(a, b, target));
  } else if (target !== 'key') {
    // Etcd sorts ascending when only a target is given.
    result = [...result].sort((a, b) => compare(a, b, target));
  }
  const limit = options.limit ?? 0;
  if (limit > 0 && result.length > limit) return { kvs: result.slice(0, limit), more: true };
  return { kvs: result, more: false };
}

function filter(kvs: KeyValue[], options: RangeOptions): KeyValue[] {
  const minMod = options.minModRevision ?? 0;
  const maxMod = options.maxModRevision ?? 0;
  const minCreate = options.minCreateRevision ?? 0;
  const maxCreate = options.maxCreateRevision ?? 0;
  if (minMod === 0 && maxMod === 0 && minCreate === 0 && maxCreate === 0) return kvs;
  return kvs.filter(
    (kv) =>
      (maxMod === 0 || kv.modRevision <= maxMod) &&
      (minMod === 0 || kv.modRevision >= minMod) &&
      (maxCreate === 0 || kv.createRevision <= maxCreate) &&
      (minCreate === 0 || kv.createRevision >= minCreate),
  );
}

function compare(a: KeyValue, b: KeyValue, target: SortTarget): number {
  switch (target) {
    case 'key':
      return Buffer.compare(a.key, b.key);
    case 'value':
      return Buffer.compare(a.value, b.value);
    case 'version':
      return a.version - b.version;
    case 'create':
      return a.createRevision - b.createRevision;
    case 'mod':
      return a.modRevision - b.modRevision;
    default:
      return assertNever(target, 'sort target');
  }
}
