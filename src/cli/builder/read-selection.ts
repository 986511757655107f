/** Reads what `get` shows: tables that the server makes, or whole objects. */
import type { KubeObject } from '../../api/object.js';
import { ApiError, isApiError } from '../../client/types.js';
import { exactly } from '../../history/past.js';
import { objectPath, pathOf, pluralName } from '../kube/resource.js';
import type { ObjectRef } from '../kube/resource.js';
import { refusalText } from '../kube/status-error.js';
import type { KubeClient } from '../kube/types.js';
import type { ServerTable, TableColumn, TableRow } from '../print/table.js';
import type { Selection } from './arguments.js';

/** What is asked of each selection. */
export interface ReadOptions {
  /** Undefined: everywhere. */
  readonly namespace: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly subresource?: string | undefined;
  readonly ignoreNotFound: boolean;
  readonly chunkSize: number;
  /** As everything was then; undefined: as it is now. */
  readonly revision?: string | undefined;
  /** How much of each object comes with its row. */
  readonly includeObject?: 'Metadata' | 'Object';
}

/** Rows of one resource. */
export interface ReadTable {
  readonly columns: readonly TableColumn[];
  readonly rows: readonly TableRow[];
  readonly resourceVersion: string;
  /** Refusals, one for each name that was not found. */
  readonly refusals: readonly string[];
}

const tableAccept =
  'application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json';

/** The Accept header of requests for tables. */
export function acceptTable(): string {
  return tableAccept;
}

/** Reads the names of a selection, else lists it. */
export async function readTable(
  kube: KubeClient,
  selection: Selection,
  options: ReadOptions,
): Promise<ReadTable> {
  const query = { includeObject: options.includeObject };
  const tables: ServerTable[] = [];
  const refusals = await eachPart(selection, options, async (path, more) => {
    const table = await kube.json<ServerTable>({
      path,
      query: { ...more, ...query },
      accept: tableAccept,
    });
    const read = table.kind === 'Table' ? table : tableOf(table as unknown as KubeObject);
    tables.push(read);
    return { next: table.metadata?.continue, count: read.rows?.length ?? 0 };
  });
  return {
    columns:
      tables.find(({ columnDefinitions }) => (columnDefinitions ?? []).length > 0)
        ?.columnDefinitions ?? [],
    rows: tables.flatMap(({ rows }) => rows ?? []),
    resourceVersion: tables.at(0)?.metadata?.resourceVersion ?? '',
    refusals,
  };
}

/** As {@link readTable}, whole objects. */
export async function readObjects(
  kube: KubeClient,
  selection: Selection,
  options: ReadOptions,
): Promise<{
  readonly objects: readonly KubeObject[];
  readonly resourceVersion: string;
  readonly refusals: readonly string[];
}> {
  const objects: KubeObject[] = [];
  let resourceVersion = '';
  const { resource } = selection;
  const refusals = await eachPart(selection, options, async (path, query) => {
    const answer = await kube.json<
      KubeObject & { items?: KubeObject[] | null; metadata: { continue?: string } }
    >({ path, query });
    const isOne = selection.names.length > 0 && options.revision === undefined;
    const { apiVersion = 'v1', items } = answer;
    const read = isOne
      ? [answer]
      : (items ?? []).map((item) => ({ apiVersion, kind: resource.kind, ...item }));
    objects.push(...read);
    if (resourceVersion === '') resourceVersion = answer.metadata.resourceVersion ?? '';
    return { next: answer.metadata.continue, count: read.length };
  });
  return { objects, resourceVersion, refusals };
}

type AskPart = (
  path: string,
  query: Readonly<Record<string, string | undefined>>,
) => Promise<{ readonly next: string | undefined; readonly count: number }>;

/** Asks once for each name, or page by page. @returns the refusals */
async function eachPart(
  { resource, names }: Selection,
  options: ReadOptions,
  ask: AskPart,
): Promise<string[]> {
  const { labelSelector, fieldSelector, chunkSize, revision } = options;
  const namespace = resource.namespaced ? options.namespace : undefined;
  const refusals: string[] = [];
  for (const name of names) {
    const ref: ObjectRef = { resource, namespace, name };
    try {
      await askForOne(ref, options, ask);
    } catch (error) {
      if (!isApiError(error)) throw error;
      if (error.reason !== 'NotFound' || !options.ignoreNotFound) refusals.push(refusalText(error));
    }
  }
  if (names.length > 0) return refusals;
  let next: string | undefined;
  do {
    ({ next } = await ask(pathOf(resource, { namespace }), {
      labelSelector,
      fieldSelector,
      continue: next,
      limit: chunkSize === 0 ? undefined : String(chunkSize),
      ...(next === undefined && revision !== undefined ? exactly(revision) : {}),
    }));
  } while (next !== undefined && next !== '');
  return [];
}

/** Asks for one object; as it was, by a list that selects its name. @throws ApiError where it is not */
async function askForOne(ref: ObjectRef, options: ReadOptions, ask: AskPart): Promise<void> {
  const { resource, namespace, name } = ref;
  if (options.revision === undefined) {
    await ask(objectPath(ref, options.subresource), {});
    return;
  }
  const { count } = await ask(pathOf(resource, { namespace }), {
    fieldSelector: `metadata.name=${name}`,
    ...exactly(options.revision),
  });
  if (count > 0) return;
  throw new ApiError(404, 'NotFound', `${pluralName(resource)} "${name}" not found`);
}

/** Name and creation, of a server that makes no tables. */
function tableOf(answer: KubeObject & { items?: KubeObject[] | null }): ServerTable {
  const items = answer.items ?? (answer.kind?.endsWith('List') === true ? [] : [answer]);
  return {
    kind: 'Table',
    metadata: answer.metadata,
    columnDefinitions: [
      { name: 'Name', type: 'string' },
      { name: 'Created At', type: 'date' },
    ],
    rows: items.map((object) => ({
      cells: [object.metadata.name, object.metadata.creationTimestamp],
      object,
    })),
  };
}
