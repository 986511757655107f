/** Chooses what a table shows: its columns, the rows that match what is searched for, a page of them. */
import { formatJson } from '../../lib/json.js';
import type { Column, Row, TableRows } from './table-rows.js';

/** The column that is computed anew as time passes, instead of the server's text. */
export const ageColumn = 'Age';
/** The same for events. */
export const seenColumn = 'Last Seen';
/** Rows that are drawn at once: a page that the browser lays out in no time. */
export const rowsOnPage = 100;

/** The columns with their places in a row's cells, and the rows. */
export interface View {
  readonly columns: readonly { readonly column: Column; readonly index: number }[];
  readonly rows: readonly Row[];
}

/**
 * @param options `wanted`: names of wide columns that are shown nevertheless; `newestFirst`: events by when they were
 * seen, instead of the server's order
 */
export function viewOf(
  table: TableRows,
  options: {
    readonly search: string;
    readonly wanted?: readonly string[];
    readonly newestFirst?: boolean;
  },
): View {
  const columns = table.columns
    .map((column, index) => ({ column, index }))
    .filter(({ column }) => column.priority === 0 || options.wanted?.includes(column.name));
  const words = options.search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = words.length === 0 ? table.rows : table.rows.filter((row) => matches(row, words));
  const rows = options.newestFirst === true ? found.toSorted(newestFirst) : found;
  return { columns, rows };
}

function newestFirst(a: Row, b: Row): number {
  const [seen, other] = [Date.parse(a.meta.seen ?? ''), Date.parse(b.meta.seen ?? '')];
  return (other || 0) - (seen || 0);
}

/** Every word is in the row's name, in its namespace or in one of its cells. */
function matches({ key, cells }: Row, words: readonly string[]): boolean {
  const text = `${key} ${cells.map(cellText).join(' ')}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

/** A page of the rows; one past the last becomes the last. */
export function pageOf(
  rows: readonly Row[],
  wanted: number,
): { readonly rows: readonly Row[]; readonly page: number; readonly pages: number } {
  const pages = Math.max(1, Math.ceil(rows.length / rowsOnPage));
  const page = Math.min(Math.max(0, wanted), pages - 1);
  return { rows: rows.slice(page * rowsOnPage, (page + 1) * rowsOnPage), page, pages };
}

/** A cell as it is printed. */
export function cellText(cell: unknown): string {
  if (typeof cell === 'string') return cell;
  return cell === undefined || cell === null ? '' : formatJson(cell);
}
