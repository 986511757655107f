/** `meta.k8s.io/v1 Table`, the form in which `kubectl get` asks for objects. */
import type { Cell, KindDeclaration } from './kind.js';
import type { KubeObject, ListMeta, ObjectMeta } from './object.js';

/** What a row carries beside its cells. */
export type IncludeObject = 'None' | 'Metadata' | 'Object';

/** A row. */
export interface TableRow {
  cells: Cell[];
  object?: unknown;
}

/** One column's header. */
export interface TableColumnDefinition {
  name: string;
  type: string;
  format: string;
  description: string;
  priority: number;
}

/** A table. */
export interface Table {
  kind: 'Table';
  apiVersion: 'meta.k8s.io/v1';
  metadata: ListMeta;
  columnDefinitions?: TableColumnDefinition[];
  rows: TableRow[];
}

/** An object without anything but its metadata. */
export interface PartialObjectMetadata {
  kind: 'PartialObjectMetadata';
  apiVersion: 'meta.k8s.io/v1';
  metadata: ObjectMeta;
}

/** The metadata of an object as an object of its own. */
export function partialMetadata(object: KubeObject): PartialObjectMetadata {
  return {
    kind: 'PartialObjectMetadata',
    apiVersion: 'meta.k8s.io/v1',
    metadata: object.metadata,
  };
}

/** The headers of a kind's table. */
export function tableColumns(kind: KindDeclaration): TableColumnDefinition[] {
  return kind.columns.map(({ name, type, format, description, priority }) => ({
    name,
    type,
    format: format ?? '',
    description: description ?? '',
    priority,
  }));
}

/** The row of one object. @param nowMs the present time, for ages. */
export function tableRow(
  kind: KindDeclaration,
  object: KubeObject,
  options: { nowMs: number; include: IncludeObject },
): TableRow {
  const cells = kind.columns.map((column) => column.cell(object, options.nowMs));
  switch (options.include) {
    case 'None':
      return { cells };
    case 'Object':
      return { cells, object };
    default:
      return { cells, object: partialMetadata(object) };
  }
}

/** The table of some objects; `metadata` is that of the list. */
export function renderTable(
  kind: KindDeclaration,
  objects: readonly KubeObject[],
  options: { nowMs: number; include: IncludeObject; metadata: ListMeta },
): Table {
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: options.metadata,
    columnDefinitions: tableColumns(kind),
    rows: objects.map((object) => tableRow(kind, object, options)),
  };
}
