/** The bound of an object's managers: those who update it are many where each client has a name of its own. */
import type { ManagedFieldsEntry } from '../object.js';
import type { FieldSet } from './field-set.js';
import { isEmptySet, union } from './field-set.js';

/** One manager's entry with its set read, whose paths are those of the entry's version. */
export interface Managed {
  readonly entry: ManagedFieldsEntry;
  readonly set: FieldSet;
}

/** Entries of updates that an object keeps, as many as in apimachinery's `managedfields`. */
const updateManagersMax = 10;
/** The manager into which the oldest are merged. */
const ancientName = 'ancient-changes';

/**
 * Merges the oldest entries of updates, those of one version into one, until no more are left than an object keeps.
 * Entries of apply, and those that own nothing, do not count. Entries of versions that stand there once stay, so that
 * there may be one more a version.
 */
export function withoutAncient(managed: readonly Managed[]): Managed[] {
  const kept = new Set(managed.filter(({ set }) => !isEmptySet(set)));
  const updates = [...kept].filter(({ entry }) => entry.operation !== 'Apply').sort(byAge);
  let excess = updates.length - updateManagersMax;
  /** By version: what the next one is merged with. */
  const buckets = new Map<string, Managed>();
  for (const item of updates) if (isAncient(item)) buckets.set(item.entry.apiVersion ?? '', item);
  for (const item of updates) {
    if (excess <= 0) break;
    if (isAncient(item)) continue;
    const { apiVersion = '', time } = item.entry;
    const bucket = buckets.get(apiVersion);
    if (bucket === undefined) {
      buckets.set(apiVersion, item);
      continue;
    }
    const merged = { entry: ancient(apiVersion, time), set: union(bucket.set, item.set) };
    for (const gone of [bucket, item]) kept.delete(gone);
    kept.add(merged);
    buckets.set(apiVersion, merged);
    excess -= 1;
  }
  return [...kept];
}

function isAncient({ entry }: Managed): boolean {
  return entry.manager === ancientName && (entry.subresource ?? '') === '';
}

function ancient(apiVersion: string, time: string | undefined): ManagedFieldsEntry {
  const at = time === undefined ? {} : { time };
  return { manager: ancientName, operation: 'Update', apiVersion, ...at };
}

/** Oldest first; of one second, in the order of their names. */
function byAge(a: Managed, b: Managed): number {
  return secondsOf(a) - secondsOf(b) || compareText(nameOf(a), nameOf(b));
}

function secondsOf({ entry }: Managed): number {
  const time = Date.parse(entry.time ?? '');
  return Number.isNaN(time) ? 0 : Math.trunc(time / 1000);
}

function nameOf({ entry }: Managed): string {
  const { manager, apiVersion, subresource } = entry;
  return JSON.stringify([manager, apiVersion, subresource]);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
