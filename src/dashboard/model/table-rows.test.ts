import { describe, expect, test } from '@jest/globals';
import type { TableDocument, TableRows, WatchEvent } from './table-rows.js';
import { listed, noRows, watched } from './table-rows.js';

function table(
  names: readonly string[],
  meta: Partial<TableDocument['metadata']> = {},
): TableDocument {
  return {
    metadata: { resourceVersion: '10', ...meta },
    columnDefinitions: [{ name: 'Name', priority: 0 }],
    rows: names.map((name) => ({
      cells: [name],
      object: { metadata: { name, namespace: 'a', uid: `uid-${name}` } },
    })),
  };
}

function event(type: string, name: string, cell = name): WatchEvent {
  const rows = [{ cells: [cell], object: { metadata: { name, namespace: 'a' } } }];
  return { type, object: { metadata: { resourceVersion: '11' }, columnDefinitions: null, rows } };
}

const cells = ({ rows }: TableRows): unknown[] => rows.map((row) => row.cells[0]);

describe('a table', () => {
  test('has the rows of the list, then what the watch adds, changes and takes away', () => {
    let rows = listed(table(['b', 'd']));
    expect(cells(rows)).toEqual(['b', 'd']);
    rows = watched(
      rows,
      [event('ADDED', 'c'), event('MODIFIED', 'b', 'b again'), event('DELETED', 'd')],
      10,
    );
    expect(cells(rows)).toEqual(['b again', 'c']);
    expect(rows).toMatchObject({ left: 0, resourceVersion: '11', columns: [{ name: 'Name' }] });
  });

  test('keeps no more than its limit, and counts the others', () => {
    const rows = listed(table(['b', 'd'], { continue: 'x', remainingItemCount: 7 }));
    expect(rows.left).toBe(7);
    // Past the last row: it is one of those that are not shown.
    const beyond = watched(rows, [event('ADDED', 'e'), event('MODIFIED', 'f')], 2);
    expect(cells(beyond)).toEqual(['b', 'd']);
    expect(beyond.left).toBe(8);
    expect(watched(beyond, [event('DELETED', 'e')], 2).left).toBe(7);
    // Before it: the last row goes out of sight.
    const pushed = watched(rows, [event('ADDED', 'c')], 2);
    expect(cells(pushed)).toEqual(['b', 'c']);
    expect(pushed.left).toBe(8);
    // One that is shown goes.
    const gone = watched(pushed, [event('DELETED', 'b')], 2);
    expect(cells(gone)).toEqual(['c']);
    expect(gone.left).toBe(8);
  });

  test('goes on from a bookmark', () => {
    const bookmark = { ...table([]), metadata: { resourceVersion: '99' } };
    const rows = watched(listed(table(['b'])), [{ type: 'BOOKMARK', object: bookmark }], 10);
    expect(rows.resourceVersion).toBe('99');
    expect(cells(rows)).toEqual(['b']);
  });

  test('keeps of the metadata what is read', () => {
    const document = table(['b']);
    const managed = { managedFields: [{ manager: 'x' }], labels: { app: 'b' } };
    const metadata = { ...document.rows[0]?.object.metadata, name: 'b', ...managed };
    const rows = listed({ ...document, rows: [{ cells: ['b'], object: { metadata } }] }).rows;
    expect(rows[0]?.meta).toEqual({
      name: 'b',
      namespace: 'a',
      uid: 'uid-b',
      labels: { app: 'b' },
    });
  });

  test('of events knows when each was seen', () => {
    const { rows, ...rest } = table(['a', 'b', 'c']);
    const times = [
      { lastTimestamp: '2026-01-01T00:00:01Z', eventTime: null },
      { lastTimestamp: null, eventTime: '2026-01-01T00:00:02Z' },
      { series: { lastObservedTime: '2026-01-01T00:00:03Z' }, eventTime: '2026-01-01T00:00:00Z' },
    ];
    const timed = rows.map((row, n) => ({ ...row, object: { ...row.object, ...times[n] } }));
    expect(listed({ ...rest, rows: timed }).rows.map(({ meta }) => meta.seen?.slice(-3))).toEqual([
      '01Z',
      '02Z',
      '03Z',
    ]);
  });

  test('of thousands of rows takes a burst of changes in one pass', () => {
    const names = Array.from({ length: 5_000 }, (_, n) => `pod-${String(n).padStart(5, '0')}`);
    const events = names.map((name) => event('MODIFIED', name, 'changed'));
    const rows = watched(listed(table(names)), events, 5_000);
    expect(rows.rows).toHaveLength(5_000);
    expect(new Set(cells(rows))).toEqual(new Set(['changed']));
    expect(watched(noRows, events, 100).rows).toHaveLength(100);
  });
});
