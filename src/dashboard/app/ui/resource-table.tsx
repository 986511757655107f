/** A resource as a live table with a search field: what most pages consist of. */
import type { ComponentChildren, JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Resource } from '../../model/resources.js';
import { pathOf } from '../../model/resources.js';
import type { Row } from '../../model/table-rows.js';
import { viewOf } from '../../model/table-view.js';
import { followTable, loadingTable } from '../api/live-table.js';
import { useShell } from './context.js';
import { DataTable } from './data-table.js';
import { useFollowed, useNow } from './hooks.js';
import { Notice } from './marks.js';

/** Rows that are asked for at first, and with each "show more". */
const step = 500;
/** More are not kept in the browser: namespaces, nodes and searches by the server narrow it down. */
const most = 5_000;

/** The resource, and how its rows are shown. */
export interface ResourceTableProps {
  readonly resource: Resource;
  readonly caption: string;
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Names of wide columns that are shown as well. */
  readonly wanted?: readonly string[];
  /** Events: with the times at which they were seen, the newest first, and many from the beginning. */
  readonly areEvents?: boolean;
  readonly linkOf: (row: Row) => string | undefined;
  readonly empty?: ComponentChildren;
}

/** Follows the resource while it is shown. */
export function ResourceTable(props: ResourceTableProps): JSX.Element {
  const [limit, setLimit] = useState(props.areEvents === true ? most : step);
  const { resource, namespace = '', labelSelector = '', fieldSelector = '' } = props;
  const path = pathOf(resource, { namespace });
  return (
    <Followed
      key={`${path} ${labelSelector} ${fieldSelector} ${limit}`}
      {...props}
      limit={limit}
      onMore={() => setLimit(Math.min(most, limit + step))}
    />
  );
}

function Followed(props: ResourceTableProps & { limit: number; onMore: () => void }): JSX.Element {
  const { api, clock } = useShell();
  const { resource, namespace = '', labelSelector = '', fieldSelector = '', limit } = props;
  const path = pathOf(resource, { namespace });
  const withObjects = props.areEvents === true;
  const { table, state, error } = useFollowed(
    () => loadingTable,
    (store, signal) =>
      followTable(
        { api, clock, source: { path, labelSelector, fieldSelector, limit, withObjects } },
        store,
        signal,
      ),
  );
  const [search, setSearch] = useState('');
  const nowMs = useNow(clock);
  const wanted = props.wanted ?? [];
  const view = viewOf(table, { search, wanted, newestFirst: withObjects });
  const isSearchable = table.rows.length > 5 || search !== '';
  return (
    <div class="resource-table" aria-busy={state === 'loading'}>
      {isSearchable && (
        <p class="search">
          <label>
            Search {props.caption.toLowerCase()}{' '}
            <input
              type="search"
              value={search}
              onInput={(event) => setSearch(event.currentTarget.value)}
            />
          </label>
        </p>
      )}
      {error !== undefined && <Notice tone="bad">{error}</Notice>}
      {state === 'loading' && error === undefined ? (
        <p class="empty">Loading…</p>
      ) : (
        view.columns.length > 0 && (
          <DataTable
            caption={props.caption}
            view={view}
            nowMs={nowMs}
            withNamespace={resource.namespaced && namespace === ''}
            linkOf={props.linkOf}
            empty={search === '' ? (props.empty ?? 'There are none.') : 'None matches.'}
          />
        )
      )}
      {table.left > 0 && (
        <p class="more">
          {table.rows.length} are shown, about {table.left} more are there.{' '}
          {limit < most ? (
            <button type="button" onClick={props.onMore}>
              Show {step} more
            </button>
          ) : (
            'Choose a namespace to see the others.'
          )}
        </p>
      )}
    </div>
  );
}
