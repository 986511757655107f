/** A resource as a live table with a search field: what most pages consist of. */
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ApiFailure, failureText } from '../../model/api-failure.js';
import type { Resource } from '../../model/resources.js';
import { pathOf } from '../../model/resources.js';
import { withQuery } from '../../model/route.js';
import type { Row } from '../../model/table-rows.js';
import { viewOf } from '../../model/table-view.js';
import type { LiveTable, TableSource } from '../api/live-table.js';
import { followTable, loadingTable, readTable } from '../api/live-table.js';
import { timeOfRevision } from '../api/past.js';
import { useShell } from './context.js';
import { DataTable } from './data-table.js';
import { useFollowed, useNow } from './hooks.js';
import { Notice } from './marks.js';
import { TimeMachine, usePast } from './time-machine.js';

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

/** Follows the resource while it is shown; or shows it as it was, at the revision that the address names. */
export function ResourceTable(props: ResourceTableProps): JSX.Element {
  const { at, goTo } = usePast();
  const [limit, setLimit] = useState(props.areEvents === true ? most : step);
  const [search, setSearch] = useState('');
  const [isOpen, setOpen] = useState(at !== undefined);
  const { resource, namespace = '', labelSelector = '', fieldSelector = '' } = props;
  const path = pathOf(resource, { namespace });
  const withObjects = props.areEvents === true;
  const source = { path, labelSelector, fieldSelector, limit, withObjects };
  const key = `${path} ${labelSelector} ${fieldSelector} ${limit}`;
  const onMore = (): void => setLimit(Math.min(most, limit + step));
  const shown = { ...props, limit, onMore, search, onSearch: setSearch };
  return (
    <>
      <p class="past-switch">
        <button
          type="button"
          aria-expanded={isOpen}
          onClick={() => {
            setOpen(!isOpen);
            if (isOpen && at !== undefined) goTo(undefined);
          }}
        >
          {isOpen ? 'Close the time machine' : 'Time machine'}
        </button>
      </p>
      {isOpen && <TimeMachine />}
      {at === undefined ? (
        <FollowedRows key={key} source={source} {...shown} />
      ) : (
        <PastRows key={key} source={source} at={at} {...shown} />
      )}
    </>
  );
}

interface ShownProps extends ResourceTableProps {
  readonly source: TableSource;
  readonly limit: number;
  readonly search: string;
  readonly onMore: () => void;
  readonly onSearch: (text: string) => void;
}

function FollowedRows(props: ShownProps): JSX.Element {
  const { api, clock } = useShell();
  const live = useFollowed(
    () => loadingTable,
    (store, signal) => followTable({ api, clock, source: props.source }, store, signal),
  );
  const nowMs = useNow(clock);
  return <Rows live={live} nowMs={nowMs} {...props} />;
}

/** The rows at a revision, with the ages that they had. They stay until those of the next revision are there. */
function PastRows({ at, ...props }: ShownProps & { at: string }): JSX.Element {
  const { api, clock } = useShell();
  const [live, setLive] = useState<LiveTable>(loadingTable);
  const [nowMs, setNow] = useState(() => clock.nowMs());
  useEffect(() => {
    const abort = new AbortController();
    const { signal } = abort;
    void (async () => {
      try {
        const [table, time] = await Promise.all([
          readTable(api, props.source, signal, at),
          timeOfRevision(api, at, signal),
        ]);
        if (signal.aborted) return;
        setLive({ table, state: 'live', error: undefined });
        if (time !== undefined) setNow(Date.parse(time));
      } catch (failed) {
        if (signal.aborted) return;
        const isGone = failed instanceof ApiFailure && failed.code === 410;
        const error = isGone ? 'The store no longer keeps that revision.' : failureText(failed);
        setLive({ ...loadingTable, state: 'stale', error });
      }
    })();
    return () => abort.abort();
  }, [at]);
  const linkOf = (row: Row): string | undefined => {
    const address = props.linkOf(row);
    return address === undefined ? undefined : withQuery(address, { tab: 'history', at });
  };
  return <Rows live={live} nowMs={nowMs} {...props} linkOf={linkOf} />;
}

function Rows(props: ShownProps & { live: LiveTable; nowMs: number }): JSX.Element {
  const { live, nowMs, resource, namespace = '', search, limit } = props;
  const { table, state, error } = live;
  const wanted = props.wanted ?? [];
  const view = viewOf(table, { search, wanted, newestFirst: props.areEvents === true });
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
              onInput={(event) => props.onSearch(event.currentTarget.value)}
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
