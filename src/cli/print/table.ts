/** Tables that the server makes, as kubectl prints them. */
import type { KubeObject } from '../../api/object.js';
import { typeName } from '../kube/resource.js';
import type { Resource } from '../kube/resource.js';
import { formatJson } from '../../lib/json.js';

/** A `meta.k8s.io/v1` Table. */
export interface ServerTable {
  readonly kind: string;
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly columnDefinitions?: readonly TableColumn[] | null;
  readonly rows?: readonly TableRow[] | null;
}

/** A column of a table. */
export interface TableColumn {
  readonly name: string;
  readonly type: string;
  readonly format?: string;
  readonly priority?: number;
}

/** A row of a table, with its object or its metadata. */
export interface TableRow {
  readonly cells: readonly unknown[];
  readonly object?: KubeObject | null;
}

/** How tables are printed. */
export interface TableStyle {
  readonly wide: boolean;
  readonly headers: boolean;
  /** Each row begins with its namespace. */
  readonly namespaces: boolean;
  /** Names bear their type. */
  readonly kinds: boolean;
  readonly showLabels: boolean;
  /** Labels that are columns. */
  readonly labelColumns: readonly string[];
}

/** The head of a table: columns in capitals. */
export function tableHead(columns: readonly TableColumn[], style: TableStyle): string[] {
  return [
    ...(style.namespaces ? ['NAMESPACE'] : []),
    ...columns.filter((column) => isShown(column, style)).map(({ name }) => name.toUpperCase()),
    ...style.labelColumns.map((key) => key.slice(key.lastIndexOf('/') + 1).toUpperCase()),
    ...(style.showLabels ? ['LABELS'] : []),
  ];
}

/** A row's cells. */
export function tableCells(
  resource: Resource,
  columns: readonly TableColumn[],
  row: TableRow,
  style: TableStyle,
): string[] {
  const metadata = row.object?.metadata;
  const cells = columns.flatMap((column, at) => {
    if (!isShown(column, style)) return [];
    const text = cellText(row.cells[at]);
    return [style.kinds && at === 0 ? `${typeName(resource)}/${text}` : text];
  });
  return [
    ...(style.namespaces ? [metadata?.namespace ?? ''] : []),
    ...cells,
    ...style.labelColumns.map((key) => metadata?.labels?.[key] ?? ''),
    ...(style.showLabels ? [labelsText(metadata?.labels)] : []),
  ];
}

function isShown(column: TableColumn, style: TableStyle): boolean {
  return style.wide || (column.priority ?? 0) === 0;
}

function cellText(cell: unknown): string {
  if (cell === null || cell === undefined) return '';
  const text = typeof cell === 'string' ? cell : formatJson(cell);
  const end = text.search(/[\f\n\r]/);
  return end < 0 ? text : `${text.slice(0, end)}...`;
}

/** `a=b,c=d`, sorted; `<none>` for none. */
export function labelsText(labels: Readonly<Record<string, string>> | undefined): string {
  const pairs = Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? '<none>' : pairs.sort().join(',');
}
