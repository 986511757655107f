/**
 * Keeps the rows of a table as a list and its watch tell them: in the server's order, at most so many. The API answers
 * with tables (`as=Table`), as for `kubectl get`, so that a row costs its cells and metadata and not the object.
 */

/** The metadata that a row comes with, as far as the dashboard reads it. */
export interface RowMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  /** When an event was seen last. */
  readonly seen?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly {
    readonly kind: string;
    readonly name: string;
    readonly controller?: boolean;
  }[];
}

/** A column, as the server declares it; those with a priority above 0 are for wide tables. */
export interface Column {
  readonly name: string;
  readonly priority: number;
}

/** One object of the table. */
export interface Row {
  readonly key: string;
  readonly meta: RowMeta;
  readonly cells: readonly unknown[];
}

/** The times of an event, where the rows come with their objects. */
interface EventTimes {
  readonly series?: { readonly lastObservedTime?: string };
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
  readonly firstTimestamp?: string | null;
}

/** A `Table` of meta.k8s.io/v1, as far as it is read. */
export interface TableDocument {
  readonly metadata: {
    readonly resourceVersion: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
  };
  readonly columnDefinitions?: readonly Column[] | null;
  readonly rows: readonly {
    readonly cells: readonly unknown[];
    readonly object: { readonly metadata: RowMeta } & EventTimes;
  }[];
}

/** What is known of a table; made anew with each change. */
export interface TableRows {
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
  readonly resourceVersion: string;
  /** Objects beyond those that are kept; 0 when all are. */
  readonly left: number;
}

/** The table before its first answer. */
export const noRows: TableRows = { columns: [], rows: [], resourceVersion: '', left: 0 };

/** Takes the answer of a list. */
export function listed(table: TableDocument): TableRows {
  const { metadata, columnDefinitions, rows } = table;
  const more = (metadata.continue ?? '') === '' ? 0 : (metadata.remainingItemCount ?? 1);
  return {
    columns: (columnDefinitions ?? []).map(({ name, priority }) => ({ name, priority })),
    rows: rows.map(rowOf),
    resourceVersion: metadata.resourceVersion,
    left: more,
  };
}

/** One line of a watch. */
export interface WatchEvent {
  readonly type: string;
  readonly object: TableDocument;
}

/**
 * Takes the events of a watch, in their order. Where not all objects are kept, those past the last row are counted and
 * not kept: they come when more is asked for.
 * @param limit the most rows that are kept
 */
export function watched(
  before: TableRows,
  events: readonly WatchEvent[],
  limit: number,
): TableRows {
  const rows = new Map(before.rows.map((row) => [row.key, row]));
  let { left, resourceVersion } = before;
  const last = left > 0 ? before.rows.at(-1)?.key : undefined;
  for (const { type, object } of events) {
    resourceVersion = object.metadata.resourceVersion || resourceVersion;
    for (const row of object.rows.map(rowOf)) {
      const isBeyond = last !== undefined && row.key > last;
      if (type === 'DELETED') {
        if (!rows.delete(row.key) && isBeyond) left = Math.max(0, left - 1);
      } else if (isBeyond) {
        if (type === 'ADDED') left++;
      } else rows.set(row.key, row);
    }
  }
  const sorted = [...rows.values()].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const kept = sorted.slice(0, limit);
  left += sorted.length - kept.length;
  return { columns: before.columns, rows: kept, resourceVersion, left };
}

function rowOf({ cells, object }: TableDocument['rows'][number]): Row {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const { deletionTimestamp, labels, ownerReferences } = object.metadata;
  const { series, lastTimestamp, eventTime, firstTimestamp } = object;
  const seen =
    series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? firstTimestamp ?? undefined;
  const optional = {
    seen,
    namespace,
    uid,
    resourceVersion,
    creationTimestamp,
    deletionTimestamp,
    labels,
    ownerReferences,
  };
  // The rest of the metadata (managed fields above all) is let go: it is most of the bytes.
  const present = Object.entries(optional).filter(([, value]) => value !== undefined);
  const meta: RowMeta = { name, ...Object.fromEntries(present) };
  return { key: `${namespace ?? ''}/${name}`, meta, cells };
}
