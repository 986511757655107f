import { parseTime } from '../../api/facts/time.js';
import { humanDuration } from '../../api/print/duration.js';
import type { HistoryEntry } from '../../history/history.js';
import { changeLines } from '../../history/history.js';
import { alignColumns } from '../print/columns.js';

/** The table of a history. */
export function historyTable(entries: readonly HistoryEntry[], nowMs: number): string {
  const rows = entries.flatMap((entry) => {
    const { revision, time, who } = entry;
    const timeMs = parseTime(time);
    const age = timeMs === undefined ? '<unknown>' : humanDuration(nowMs - timeMs);
    const [first = '', ...more] = changeLines(entry);
    const writer = who.length === 0 ? '<unknown>' : who.join(', ');
    return [[revision, age, writer, first], ...more.map((line) => ['', '', '', line])];
  });
  return alignColumns([['REVISION', 'AGE', 'WHO', 'WHAT'], ...rows]);
}
