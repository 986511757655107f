/** A table of the API, page by page: few rows are drawn, whatever the number of objects. */
import type { ComponentChildren, JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Tone } from '../../model/tone.js';
import { toneOf, toneOfEvent, toneOfShare } from '../../model/tone.js';
import type { Column, Row } from '../../model/table-rows.js';
import type { View } from '../../model/table-view.js';
import { ageColumn, cellText, pageOf, rowsOnPage, seenColumn } from '../../model/table-view.js';
import { Age, State } from './marks.js';

/** The table's content and what its cells are. */
export interface DataTableProps {
  readonly caption: string;
  readonly view: View;
  readonly nowMs: number;
  /** Shows the namespace as the first column. */
  readonly withNamespace: boolean;
  readonly linkOf: (row: Row) => string | undefined;
  /** Instead of the rows, where there are none. */
  readonly empty: ComponentChildren;
}

/** A table with heads, sorted as its view is. */
export function DataTable(props: DataTableProps): JSX.Element {
  const { view, caption } = props;
  const [wanted, setPage] = useState(0);
  const { rows, page, pages } = pageOf(view.rows, wanted);
  return (
    <>
      <div class="table-box" role="region" aria-label={caption} tabIndex={0}>
        <table>
          <caption class="unseen">{caption}</caption>
          <thead>
            <tr>
              {props.withNamespace && <th scope="col">Namespace</th>}
              {view.columns.map(({ column }) => (
                <th scope="col" key={column.name}>
                  {column.name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <TableRow key={row.key} row={row} {...props} />
            ))}
          </tbody>
        </table>
        {rows.length === 0 && <p class="empty">{props.empty}</p>}
      </div>
      {pages > 1 && (
        <nav class="pages" aria-label="Pages of the table">
          <button type="button" disabled={page === 0} onClick={() => setPage(page - 1)}>
            Previous
          </button>
          <span role="status">
            {page * rowsOnPage + 1} to {page * rowsOnPage + rows.length} of {view.rows.length}
          </span>
          <button type="button" disabled={page === pages - 1} onClick={() => setPage(page + 1)}>
            Next
          </button>
        </nav>
      )}
    </>
  );
}

function TableRow({ row, ...props }: DataTableProps & { row: Row }): JSX.Element {
  return (
    <tr class={row.meta.deletionTimestamp === undefined ? '' : 'leaving'}>
      {props.withNamespace && <td>{row.meta.namespace}</td>}
      {props.view.columns.map(({ column, index }) => (
        <Cell key={column.name} row={row} column={column} index={index} {...props} />
      ))}
    </tr>
  );
}

function Cell(props: DataTableProps & { row: Row; column: Column; index: number }): JSX.Element {
  const { row, column, index, nowMs } = props;
  const text = cellText(row.cells[index]);
  if (column.name === 'Name') {
    const link = props.linkOf(row);
    return <th scope="row">{link === undefined ? text : <a href={link}>{text}</a>}</th>;
  }
  if (column.name === ageColumn || column.name === seenColumn) {
    const since = column.name === ageColumn ? row.meta.creationTimestamp : row.meta.seen;
    return (
      <td>
        <Age since={since} nowMs={nowMs} />
      </td>
    );
  }
  if (column.name === 'Message') return <td class="long">{text}</td>;
  const tone = toneIn(props.view, column.name, text);
  return <td>{tone === undefined ? text : <State tone={tone}>{text}</State>}</td>;
}

function toneIn({ columns }: View, name: string, text: string): Tone | undefined {
  const has = (other: string): boolean => columns.some(({ column }) => column.name === other);
  if (name === 'Status') return toneOf(text);
  if (name === 'Type' && has(seenColumn)) return toneOfEvent(text);
  // What is ready of a pod that is over says nothing: its status does.
  return has('Status') ? undefined : toneOfShare(text);
}
