/** Optional values (cel-go's `OptionalTypes`). */
import { CelError } from '../errors.js';
import type { Library } from '../functions.js';
import type { Value } from '../value.js';
import { Duration, ListValue, MapValue, OptionalValue, Timestamp, Uint } from '../value.js';
import { optional } from './arguments.js';

function isZero(value: Value): boolean {
  if (value === null) return true;
  if (typeof value !== 'object') return !value;
  if (value instanceof Uint) return value.value === 0n;
  if (value instanceof Duration) return value.nanos === 0n;
  if (value instanceof Timestamp) return false;
  if (value instanceof Uint8Array || value instanceof ListValue) return value.length === 0;
  if (value instanceof MapValue) return value.size === 0;
  if (value instanceof OptionalValue) return value.value === undefined || isZero(value.value);
  return false;
}

/** Functions of optional values; the evaluator does those that need not look at their argument. */
export const optionals: Library = {
  'optional.of': { optional_of: ['(V) optional(V)', ([value]) => new OptionalValue(value)] },
  'optional.ofNonZeroValue': {
    optional_ofNonZeroValue: [
      '(V) optional(V)',
      ([value = null]) => (isZero(value) ? OptionalValue.none : new OptionalValue(value)),
    ],
  },
  'optional.none': { optional_none: ['() optional(V)', () => OptionalValue.none] },
  value: {
    optional_value: [
      'optional(V).() V',
      (args) => {
        const { value } = optional(args, 0);
        if (value === undefined) throw new CelError('optional.none() dereference');
        return value;
      },
    ],
  },
  hasValue: {
    optional_hasValue: ['optional(V).() bool', (args) => optional(args, 0).value !== undefined],
  },
  or: { optional_or_optional: ['optional(V).(optional(V)) optional(V)'] },
  orValue: { optional_orValue_value: ['optional(V).(V) V'] },
  '_[?_]': {
    list_optindex_optional_int: ['(list(V), int) optional(V)'],
    optional_list_optindex_optional_int: ['(optional(list(V)), int) optional(V)'],
    map_optindex_optional_value: ['(map(K, V), K) optional(V)'],
    optional_map_optindex_optional_value: ['(optional(map(K, V)), K) optional(V)'],
  },
  '_[_]': {
    optional_list_index_int: ['(optional(list(V)), int) optional(V)'],
    optional_map_index_value: ['(optional(map(K, V)), K) optional(V)'],
  },
};
