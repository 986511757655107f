/** The history of one object: its versions, what each changed and who wrote it. */
import type { Json, KubeObject } from '../api/object.js';
import { formatJson } from '../lib/json.js';
import type { FieldChange } from './changes.js';
import { changedFields, isStatusOnly, writersOf } from './changes.js';
import type { ListCall, Version } from './past.js';
import { versionsMax, versionsOf } from './past.js';

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

/** A step of the walk over an object's versions. */
export interface HistoryStep {
  /** Undefined for a version that changed the status alone and is not wanted. */
  readonly entry: HistoryEntry | undefined;
  /** So many versions of the status were left out so far. */
  readonly leftOut: number;
  /** Set where the walk ends before the history does. */
  readonly isCut: boolean;
}

/** The history of an object, the newest version first. */
export async function* entriesOf(
  { list, timeOf }: PastReader,
  newest: KubeObject,
  { limit, status }: HistoryOptions,
): AsyncGenerator<HistoryStep> {
  let [leftOut, count, walked] = [0, 0, 0];
  for await (const version of versionsOf(list, newest)) {
    const entry = entryOf(version);
    const isCut = ++walked >= versionsMax && entry.begins === undefined;
    if (!status && entry.begins === undefined && isStatusOnly(entry.changes)) {
      leftOut++;
      yield { entry: undefined, leftOut, isCut };
      continue;
    }
    const time = entry.time ?? (await timeOf(entry.revision));
    const isLast = ++count >= limit;
    yield { entry: { ...entry, time }, leftOut, isCut: isCut && !isLast };
    if (isLast) return;
  }
}

/** The history as a whole. */
export async function historyOf(
  reader: PastReader,
  newest: KubeObject,
  options: HistoryOptions,
): Promise<Omit<HistoryStep, 'entry'> & { readonly entries: HistoryEntry[] }> {
  const entries: HistoryEntry[] = [];
  let [leftOut, isCut] = [0, false];
  for await (const step of entriesOf(reader, newest, options)) {
    if (step.entry !== undefined) entries.push(step.entry);
    ({ leftOut, isCut } = step);
  }
  return { entries, leftOut, isCut };
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
  const text = typeof value === 'string' && /^\S+$/.test(value) ? value : formatJson(value);
  return text.length > valueLengthMax ? `${text.slice(0, valueLengthMax - 1)}…` : text;
}
