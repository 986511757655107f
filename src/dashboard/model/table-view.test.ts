import { expect, test } from '@jest/globals';
import type { Row, TableRows } from './table-rows.js';
import { pageOf, rowsOnPage, viewOf } from './table-view.js';

function row(name: string, ...cells: unknown[]): Row {
  return { key: `default/${name}`, meta: { name, namespace: 'default' }, cells: [name, ...cells] };
}

const table: TableRows = {
  columns: [
    { name: 'Name', priority: 0 },
    { name: 'Status', priority: 0 },
    { name: 'IP', priority: 1 },
    { name: 'Node', priority: 1 },
  ],
  rows: [
    row('web-1', 'Running', '10.1.0.4', 'worker-1'),
    row('db-0', 'Pending', '<none>', '<none>'),
  ],
  resourceVersion: '1',
  left: 0,
};

test('wide columns are shown where they are wanted, with their own cells', () => {
  const names = (wanted: readonly string[]): unknown =>
    viewOf(table, { search: '', wanted }).columns.map(({ column, index }) => [column.name, index]);
  expect(names([])).toEqual([
    ['Name', 0],
    ['Status', 1],
  ]);
  expect(names(['Node'])).toEqual([
    ['Name', 0],
    ['Status', 1],
    ['Node', 3],
  ]);
});

test('a search finds rows that have all its words somewhere', () => {
  const found = (search: string): unknown => viewOf(table, { search }).rows.map(({ key }) => key);
  expect(found(' ')).toEqual(['default/web-1', 'default/db-0']);
  expect(found('worker RUNNING')).toEqual(['default/web-1']);
  expect(found('default pend')).toEqual(['default/db-0']);
  expect(found('web pend')).toEqual([]);
});

test('few rows are drawn at once, and the last page stays when rows go', () => {
  const rows = Array.from({ length: 2 * rowsOnPage + 1 }, (_, n) => row(String(n)));
  expect(pageOf(rows, 0).rows).toHaveLength(rowsOnPage);
  expect(pageOf(rows, 9)).toMatchObject({ page: 2, pages: 3, rows: [{ key: 'default/200' }] });
  expect(pageOf([], 3)).toEqual({ rows: [], page: 0, pages: 1 });
});

test('events come by when they were seen, those without a time last', () => {
  const seen = (name: string, time?: string): Row => {
    const { meta, ...rest } = row(name);
    return { ...rest, meta: time === undefined ? meta : { ...meta, seen: time } };
  };
  const rows = [
    seen('a', '2026-01-01T00:00:01Z'),
    seen('b'),
    seen('c', '2026-01-01T00:00:02.5Z'),
    seen('d', '2026-01-01T00:00:02Z'),
  ];
  const view = viewOf({ ...table, rows }, { search: '', newestFirst: true });
  expect(view.rows.map(({ meta }) => meta.name)).toEqual(['c', 'd', 'a', 'b']);
});
