/** The namespace that the pages show: chosen from those that are there, or typed where they may not be listed. */
import type { JSX } from 'preact';
import { namespaces, pathOf } from '../../model/resources.js';
import { formatRoute } from '../../model/route.js';
import { followTable, loadingTable } from '../api/live-table.js';
import { useShell } from './context.js';
import { useFollowed } from './hooks.js';

const most = 1_000;

/** A field that changes the address. */
export function NamespaceChoice(): JSX.Element {
  const { api, clock, route, namespace } = useShell();
  const { table, error } = useFollowed(
    () => loadingTable,
    (store, signal) =>
      followTable({ api, clock, source: { path: pathOf(namespaces), limit: most } }, store, signal),
  );
  const choose = (chosen: string): void => {
    const kept = Object.fromEntries(route.query);
    location.hash = formatRoute(route.page, route.names.slice(0, 1), { ...kept, ns: chosen });
  };
  if (error !== undefined && table.rows.length === 0) {
    return (
      <label class="namespace">
        Namespace{' '}
        <input
          value={namespace}
          placeholder="all"
          onChange={(event) => choose(event.currentTarget.value.trim())}
        />
      </label>
    );
  }
  const names = table.rows.map(({ meta }) => meta.name);
  return (
    <label class="namespace">
      Namespace{' '}
      <select value={namespace} onChange={(event) => choose(event.currentTarget.value)}>
        <option value="">all</option>
        {[...new Set([...names, namespace])].filter(Boolean).map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
