/** Tables: what `kubectl get` asks for (`as=Table`). */
import type { Entry } from '../verbs/index.js';
import { readAs } from '../verbs/index.js';
import type { ListMeta, PresentOptions } from './present-options.js';
import { formatJson } from '../../../lib/json.js';

interface Row {
  readonly cells: readonly unknown[];
  readonly object: unknown;
}

/** One row per object. */
export function tableRows(entries: readonly Entry[], options: PresentOptions): Row[] {
  const { kind, includeObject, nowMs, format } = options;
  return entries.map((entry) => {
    const object = readAs(kind, entry);
    const cells = kind.columns.map((column) => column.cell(object, nowMs));
    if (includeObject === 'None') return { cells, object: null };
    if (includeObject === 'Object') return { cells, object };
    const apiVersion = `meta.k8s.io/${format.asVersion}`;
    const partial = { kind: 'PartialObjectMetadata', apiVersion, metadata: object.metadata };
    return { cells, object: partial };
  });
}

/** The whole table; in a watch only the first one names its columns. */
export function tableBytes(
  meta: ListMeta,
  rows: readonly Row[],
  options: PresentOptions,
  withColumns: boolean,
): Buffer {
  const columnDefinitions = withColumns
    ? options.kind.columns.map((column) => ({
        name: column.name,
        type: column.type,
        format: column.format ?? '',
        description: column.description ?? '',
        priority: column.priority,
      }))
    : null;
  return Buffer.from(
    formatJson({
      kind: 'Table',
      apiVersion: `meta.k8s.io/${options.format.asVersion}`,
      metadata: {
        resourceVersion: meta.resourceVersion,
        ...(meta.continue === '' ? {} : { continue: meta.continue }),
        ...(meta.remainingItemCount === undefined
          ? {}
          : { remainingItemCount: meta.remainingItemCount }),
      },
      columnDefinitions,
      rows,
    }),
  );
}
