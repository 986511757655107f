/** The history of one object: its versions, what each changed and who wrote it. */
import { humanDuration } from '../../api/print/duration.js';
import { parseTime } from '../../api/facts/time.js';
import type { Json, KubeObject } from '../../api/object.js';
import type { ObjectRef } from '../kube/resource.js';
import type { Session } from '../kube/session.js';
import { alignColumns } from '../print/columns.js';
import type { FieldChange } from '../../history/changes.js';
import { changedFields, isStatusOnly, writersOf } from '../../history/changes.js';
import { timeOfRevision } from './moment.js';
import type { Version } from './past.js';
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

/** The history of an object, the newest version first; and how many versions of its status were left out. */
export async function historyOf(
  session: Session,
  ref: ObjectRef,
  newest: KubeObject,
  { limit, status }: HistoryOptions,
): Promise<{ readonly entries: HistoryEntry[]; readonly leftOut: number }> {
  const entries: HistoryEntry[] = [];
  let leftOut = 0;
  for await (const version of versionsOf(session, ref, newest)) {
    const entry = entryOf(version);
    if (!status && entry.begins === undefined && isStatusOnly(entry.changes)) {
      leftOut++;
      continue;
    }
    const time = entry.time ?? (await timeOfRevision(session, entry.revision));
    entries.push({ ...entry, time });
    if (entries.length >= limit) break;
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

/** The table of a history. */
export function historyTable(entries: readonly HistoryEntry[], nowMs: number): string {
  const rows = entries.flatMap((entry) => {
    const { revision, time, who } = entry;
    const timeMs = parseTime(time);
    const age = timeMs === undefined ? '<unknown>' : humanDuration(nowMs - timeMs);
    const [first = '', ...more] = linesOf(entry);
    const writer = who.length === 0 ? '<unknown>' : who.join(', ');
    return [[revision, age, writer, first], ...more.map((line) => ['', '', '', line])];
  });
  return alignColumns([['REVISION', 'AGE', 'WHO', 'WHAT'], ...rows]);
}

function linesOf({ begins, changes }: HistoryEntry): string[] {
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

function valueText(value: Json | undefined): string {
  const text = typeof value === 'string' && /^\S+$/.test(value) ? value : JSON.stringify(value);
  return text.length > valueLengthMax ? `${text.slice(0, valueLengthMax - 1)}…` : text;
}
