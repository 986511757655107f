/** The history of one object: its versions, what each changed and who wrote it. */
import type { Json, KubeObject } from '../api/object.js';
import type { FieldChange } from './changes.js';
import { changedFields, isStatusOnly, writersOf } from './changes.js';
import type { ListCall, Version } from './past.js';
import { versionsOf } from './past.js';

/** One version of an object. */
export interface HistoryEntry {
  readonly revision: string;
  readonly time?: string | undefined;
  readonly who: readonly string[];
  /** Set on the version with which the object begins, and on the oldest that is kept. */
  readonly begins?: 'created' | 'compacted';
  readonly changes: readonly FieldChange[];
}

/** What of the history is wanted. */
export interface HistoryOptions {
  readonly limit: number;
  /** With versions that change the status only. */
  readonly status: boolean;
}

/** The API as far as a history reads it. */
export interface PastReader {
  /** Lists the object's resource in its namespace, with the kind in each object. */
  readonly list: ListCall;
  /** About when a revision was the present one; undefined where nobody tells. */
  readonly timeOf: (revision: string) => Promise<string | undefined>;
}

/** The history of an object, the newest version first; and how many versions of its status were left out so far. */
export async function* entriesOf(
  { list, timeOf }: PastReader,
  newest: KubeObject,
  { limit, status }: HistoryOptions,
): AsyncGenerator<{ readonly entry: HistoryEntry | undefined; readonly leftOut: number }> {
  let leftOut = 0;
  let count = 0;
  for await (const version of versionsOf(list, newest)) {
    const entry = entryOf(version);
    if (!status && entry.begins === undefined && isStatusOnly(entry.changes)) {
      leftOut++;
      yield { entry: undefined, leftOut };
      continue;
    }
    const time = entry.time ?? (await timeOf(entry.revision));
    yield { entry: { ...entry, time }, leftOut };
    if (++count >= limit) return;
  }
}

/** The history as a whole. */
export async function historyOf(
  reader: PastReader,
  newest: KubeObject,
  options: HistoryOptions,
): Promise<{ readonly entries: HistoryEntry[]; readonly leftOut: number }> {
  const entries: HistoryEntry[] = [];
  let leftOut = 0;
  for await (const step of entriesOf(reader, newest, options)) {
    if (step.entry !== undefined) entries.push(step.entry);
    ({ leftOut } = step);
  }
  return { entries, leftOut };
}

function entryOf({ object, before }: Version): HistoryEntry {
  const revision = object.metadata.resourceVersion ?? '';
  const begins = typeof before === 'string' ? before : undefined;
  const old = typeof before === 'string' ? undefined : before;
  // Who wrote the oldest version that is kept cannot be told from those who wrote before.
  const changes = old === undefined ? [] : changedFields(old, object);
  const writers = begins === 'compacted' ? [] : writersOf(old, object, changes);
  const times = writers.flatMap(({ time }) => time ?? []).sort();
  return {
    revision,
    time: begins === 'created' ? object.metadata.creationTimestamp : times.at(-1),
    who: [...new Set(writers.map(({ name }) => name))],
    ...(begins === undefined ? {} : { begins }),
    changes,
  };
}

/** What a version changed, in lines. */
export function changeLines({ begins, changes }: HistoryEntry): string[] {
  if (begins === 'created') return ['created'];
  if (begins === 'compacted') return ['(what was before is no longer kept)'];
  return changes.length === 0 ? ['(only metadata)'] : changes.map(changeText);
}

/** `spec.replicas: 2 -> 3`. */
export function changeText({ path, from, to }: FieldChange): string {
  if (from === undefined) return `${path}: set to ${valueText(to)}`;
  if (to === undefined) return `${path}: removed (was ${valueText(from)})`;
  return `${path}: ${valueText(from)} -> ${valueText(to)}`;
}

const valueLengthMax = 60;

/** A value on one line, cut where it is long. */
export function valueText(value: Json | undefined): string {
  const text = typeof value === 'string' && /^\S+$/.test(value) ? value : JSON.stringify(value);
  return text.length > valueLengthMax ? `${text.slice(0, valueLengthMax - 1)}…` : text;
}
