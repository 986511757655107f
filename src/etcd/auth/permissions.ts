/** Finds the keys that a user may read and write: the union of the ranges of its roles. Keys are latin1 strings. */
import { Permission_Type } from '../../gen/etcd/auth.js';
import type { Permission, Role } from '../../gen/etcd/auth.js';
import { intervalOf, merged } from '../key-intervals.js';
import type { Interval } from '../key-intervals.js';

/** The access that a request needs. */
export type Access = 'read' | 'write';

/** Merged ranges of a user, by access. Invariant: sorted and neither overlapping nor touching. */
export interface RangePermissions {
  readonly read: readonly Interval[];
  readonly write: readonly Interval[];
}

/** The union of what the roles grant. */
export function mergePermissions(roles: readonly Role[]): RangePermissions {
  const read: Interval[] = [];
  const write: Interval[] = [];
  for (const role of roles) {
    for (const permission of role.keyPermission) {
      const interval = intervalOf(
        permission.key.toString('latin1'),
        permission.rangeEnd.toString('latin1'),
      );
      if (permission.permType !== Permission_Type.WRITE) read.push(interval);
      if (permission.permType !== Permission_Type.READ) write.push(interval);
    }
  }
  return { read: merged(read), write: merged(write) };
}

/** The keys that a request touches. */
export interface AskedRange {
  readonly key: string;
  /** Empty for the one key, `\0` for all from it on. */
  readonly end: string;
  /** In entries of older builds a range that ends before it begins asks for nothing that has to be granted. */
  readonly isLegacy?: boolean;
}

/**
 * True when every key of the asked range is granted. The first key must be granted even where the range ends before it
 * and holds none: so in etcd, which refuses some more of those, by the shape of its tree of intervals.
 */
export function isGranted(
  granted: RangePermissions,
  access: Access,
  { key, end, isLegacy = false }: AskedRange,
): boolean {
  const wanted = intervalOf(key, end);
  return granted[access].some(
    (one) =>
      one.start <= wanted.start && wanted.end <= one.end && (isLegacy || wanted.start < one.end),
  );
}

/** Etcd's rule for a permission's range: a key, and an end that is absent, open (`\0`) or behind it. */
export function isValidRange(permission: Permission): boolean {
  const { key, rangeEnd } = permission;
  if (key.length === 0) return false;
  if (rangeEnd.length === 0 || (rangeEnd.length === 1 && rangeEnd[0] === 0)) return true;
  return Buffer.compare(key, rangeEnd) < 0;
}
