/** `get -w`: a table or objects, then each change. */
import type { KubeObject } from '../../api/object.js';
import type { Selection } from '../builder/arguments.js';
import { acceptTable, readObjects, readTable } from '../builder/read-selection.js';
import { CommandLineError } from '../command/command-line-error.js';
import { pathOf } from '../kube/resource.js';
import type { Session } from '../kube/session.js';
import { watchEvents } from '../kube/watch.js';
import { alignWith, widthsOf } from '../print/columns.js';
import type { OutputFormat } from '../print/output.js';
import { objectPrinter } from '../print/output.js';
import type { ServerTable } from '../print/table.js';
import { tableCells, tableHead } from '../print/table.js';
import type { GetInvocation } from './get-options.js';
import { printable, readOptions, styleOf } from './get-options.js';

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

/** @throws CommandLineError for several resources */
export async function watchSelection(
  session: Session,
  selections: readonly Selection[],
  invocation: GetInvocation,
  format: OutputFormat | undefined,
): Promise<number> {
  const [selection, more] = selections;
  if (selection === undefined || more !== undefined || selection.names.length > 1) {
    throw plain('you may only specify a single resource type');
  }
  return format === undefined || format.name === 'wide'
    ? watchTable(session, selection, invocation)
    : watchObjects(session, selection, invocation, format);
}

function watchRequest(
  session: Session,
  { resource, names }: Selection,
  { flags }: GetInvocation,
  resourceVersion: string,
): { path: string; query: Record<string, string | undefined> } {
  const options = readOptions(session, flags);
  const [name] = names;
  const byName = name === undefined ? undefined : `metadata.name=${name}`;
  const namespace = resource.namespaced ? options.namespace : undefined;
  return {
    path: pathOf(resource, { namespace }),
    query: {
      labelSelector: options.labelSelector,
      fieldSelector: byName ?? options.fieldSelector,
      resourceVersion,
    },
  };
}

async function watchTable(
  session: Session,
  selection: Selection,
  invocation: GetInvocation,
): Promise<number> {
  const { flags, context } = invocation;
  const read = await readTable(session.kube, selection, readOptions(session, flags));
  if (read.refusals.length > 0) {
    for (const refusal of read.refusals) context.err(`${refusal}\n`);
    return 1;
  }
  const style = styleOf(selection, flags);
  const withType = flags['output-watch-events'] === true;
  let { columns } = read;
  let widths: number[] = [];
  let needsHead = style.headers;
  const print = (type: string, rows: ServerTable['rows']): void => {
    const cells = (rows ?? []).map((row) => [
      ...(withType ? [type] : []),
      ...tableCells(selection.resource, columns, row, style),
    ]);
    if (cells.length === 0) return;
    const head = needsHead ? [[...(withType ? ['EVENT'] : []), ...tableHead(columns, style)]] : [];
    needsHead = false;
    widths = widthsOf([...head, ...cells], widths);
    context.out(alignWith(widths, [...head, ...cells]));
  };
  if (flags['watch-only'] !== true) print('ADDED', read.rows);
  const request = watchRequest(session, selection, invocation, read.resourceVersion);
  const events = watchEvents<ServerTable>(session.kube, { ...request, accept: acceptTable() });
  for await (const { type, object } of events) {
    if (type === 'BOOKMARK') continue;
    if ((object.columnDefinitions ?? []).length > 0) columns = object.columnDefinitions ?? [];
    print(type, object.rows);
    await context.drained();
  }
  return 0;
}

async function watchObjects(
  session: Session,
  selection: Selection,
  invocation: GetInvocation,
  format: OutputFormat,
): Promise<number> {
  const { flags, context } = invocation;
  const print = objectPrinter(format, {
    managedFields: flags['show-managed-fields'] ?? false,
    headers: flags['no-headers'] !== true,
  });
  const read = await readObjects(session.kube, selection, readOptions(session, flags));
  if (read.refusals.length > 0) {
    for (const refusal of read.refusals) context.err(`${refusal}\n`);
    return 1;
  }
  let isFirst = true;
  const show = async (object: KubeObject): Promise<void> => {
    if (format.name === 'yaml' && !isFirst) context.out('---\n');
    isFirst = false;
    context.out(await print([printable(selection, object)], false));
    await context.drained();
  };
  if (flags['watch-only'] !== true) for (const object of read.objects) await show(object);
  const request = watchRequest(session, selection, invocation, read.resourceVersion);
  for await (const { type, object } of watchEvents<KubeObject>(session.kube, request)) {
    if (type !== 'BOOKMARK') await show(object);
  }
  return 0;
}
