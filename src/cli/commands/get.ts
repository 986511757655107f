import type { Selection } from '../builder/arguments.js';
import { parseSelections } from '../builder/arguments.js';
import { hasFiles, mayNotNameBoth, readFiles } from '../builder/objects.js';
import type { ReadOptions } from '../builder/read-selection.js';
import { readObjects, readTable } from '../builder/read-selection.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import type { GetInvocation } from './get-options.js';
import { getFlags, printable, readOptions, styleOf } from './get-options.js';
import { revisionAt } from '../history/moment.js';
import type { Session } from '../kube/session.js';
import { mustBePath } from '../kube/raw-request.js';
import { withSession } from '../kube/session.js';
import { alignColumns } from '../print/columns.js';
import type { Printable } from '../print/output.js';
import { formats, objectPrinter, parseOutput } from '../print/output.js';
import { sortBy } from '../print/sort.js';
import { tableCells, tableHead } from '../print/table.js';

/** `trireme get`. */
export const getCommand = defineCommand({
  name: 'get',
  summary: 'list objects, or print some of them',
  usage: '(TYPE[,TYPE] [NAME...] | TYPE/NAME... | -f FILE)',
  examples: [
    ['the pods of the namespace', 'trireme get pods'],
    ['with their nodes and addresses, in all namespaces', 'trireme get pods -A -o wide'],
    ['one deployment as YAML', 'trireme get deployment web -o yaml'],
    ['the names of the pods of an application', 'trireme get pods -l app=web -o name'],
    ['one field of each', "trireme get pods -o jsonpath='{.items[*].spec.nodeName}'"],
    [
      'columns of your own',
      'trireme get pods -o custom-columns=NAME:.metadata.name,IP:.status.podIP',
    ],
    ['follow what changes', 'trireme get pods -w'],
    ['as it was ten minutes ago, and what is gone by now', 'trireme get pods --at 10m'],
    ['several kinds at once', 'trireme get deployments,services'],
  ],
  flags: getFlags,
  completes: 'targets',
  run: runGet,
});

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

async function runGet(invocation: GetInvocation): Promise<number> {
  const { args, flags, context } = invocation;
  if (flags.raw !== undefined) {
    const path = flags.raw;
    mayBeRaw(path, invocation);
    return withSession(invocation, async ({ kube }) => {
      context.out(await kube.raw({ path }));
      return 0;
    });
  }
  if (args.length === 0 && !hasFiles(flags)) {
    context.err(
      'You must specify the type of resource to get. Use "trireme api-resources" for a complete list of supported resources.\n\n',
    );
    throw plain(
      'Required resource not specified.\nUse "trireme explain <resource>" for a detailed description of that resource (e.g. trireme explain pods).\nSee \'trireme get -h\' for help and examples',
    );
  }
  mayNotNameBoth(args, flags);
  const isWatch = flags.watch === true || flags['watch-only'] === true;
  if (flags['output-watch-events'] === true && !isWatch) {
    throw plain('--output-watch-events option can only be used with --watch or --watch-only');
  }
  const format = parseOutput(flags.output, flags.template, formats);
  return withSession(invocation, async (session) => {
    const selections = hasFiles(flags)
      ? (await readFiles(session, flags)).map(({ ref }) => ({
          resource: ref.resource,
          names: [ref.name],
          several: false,
        }))
      : await parseSelections(session.mapper, args);
    mayBeNamed(selections, flags);
    if (isWatch) {
      if (flags.at !== undefined)
        throw plain('--at shows the past, which does not change: leave out --watch');
      const { watchSelection } = await import('./get-watch.js');
      return watchSelection(session, selections, invocation, format);
    }
    const past = flags.at === undefined ? undefined : await revisionAt(session, flags.at);
    const options = readOptions(session, flags, past?.revision);
    if (format === undefined || format.name === 'wide') {
      return printTables(session, selections, invocation, options);
    }
    const print = objectPrinter(format, {
      managedFields: flags['show-managed-fields'] ?? false,
      headers: flags['no-headers'] !== true,
    });
    return printObjects(session, selections, invocation, { options, print });
  });
}

/** @throws CommandLineError for a path that is none, or goes with other words */
function mayBeRaw(path: string, { args, flags }: GetInvocation): void {
  if (args.length > 0 || hasFiles(flags)) {
    throw plain('arguments may not be passed when --raw is specified');
  }
  if (flags.output !== undefined) throw plain('--raw and --output are mutually exclusive');
  mustBePath(path);
}

/** @throws CommandLineError when names are given with what chooses objects otherwise */
function mayBeNamed(selections: readonly Selection[], flags: GetInvocation['flags']): void {
  const named = selections.some(({ names }) => names.length > 0);
  if (!named && flags.subresource !== undefined) {
    throw plain('subresource cannot be used when bulk resources are specified');
  }
  if (!named) return;
  if (flags['all-namespaces'] === true) {
    throw plain('a resource cannot be retrieved by name across all namespaces');
  }
  if (flags.selector !== undefined || flags['field-selector'] !== undefined) {
    throw plain('name cannot be provided when a selector is specified');
  }
}

async function printTables(
  session: Session,
  selections: readonly Selection[],
  { flags, context }: GetInvocation,
  options: ReadOptions,
): Promise<number> {
  const tables = await Promise.all(
    selections.map((selection) => readTable(session.kube, selection, options)),
  );
  const refusals = tables.flatMap((table) => table.refusals);
  let printed = 0;
  for (const [at, table] of tables.entries()) {
    const selection = selections[at];
    if (selection === undefined || table.rows.length === 0) continue;
    const style = styleOf(selection, flags);
    const rows =
      flags['sort-by'] === undefined
        ? table.rows
        : sortBy(flags['sort-by'], table.rows, (row) => row.object);
    const cells = rows.map((row) => tableCells(selection.resource, table.columns, row, style));
    const head = style.headers ? [tableHead(table.columns, style)] : [];
    context.out(`${printed > 0 && style.headers ? '\n' : ''}${alignColumns([...head, ...cells])}`);
    printed += rows.length;
  }
  if (printed === 0 && refusals.length === 0) sayNothingFound(session, selections, flags);
  for (const refusal of refusals) context.err(`${refusal}\n`);
  return refusals.length > 0 ? 1 : 0;
}

/** Tells a person that there was nothing to print. */
export function sayNothingFound(
  session: Session,
  selections: readonly Selection[],
  flags: GetInvocation['flags'],
): void {
  if (flags['ignore-not-found'] === true) return;
  const inNamespace =
    flags['all-namespaces'] !== true && selections.some(({ resource }) => resource.namespaced);
  const where = inNamespace ? ` in ${session.namespace} namespace.` : '';
  session.context.err(`No resources found${where}\n`);
}

async function printObjects(
  session: Session,
  selections: readonly Selection[],
  { flags, context }: GetInvocation,
  how: { readonly options: ReadOptions; readonly print: ReturnType<typeof objectPrinter> },
): Promise<number> {
  const { options, print } = how;
  const answers = await Promise.all(
    selections.map((selection) => readObjects(session.kube, selection, options)),
  );
  const refusals = answers.flatMap((answer) => answer.refusals);
  let objects: readonly Printable[] = answers.flatMap(({ objects }, at) =>
    objects.map((object) => printable(selections[at] as Selection, object)),
  );
  if (flags['sort-by'] !== undefined) {
    objects = sortBy(flags['sort-by'], objects, ({ object }) => object);
  }
  const names = selections.reduce((sum, selection) => sum + selection.names.length, 0);
  const isSingle = names === 1 && selections.length === 1;
  if (!isSingle || objects.length > 0) context.out(await print(objects, !isSingle));
  for (const refusal of refusals) context.err(`${refusal}\n`);
  return refusals.length > 0 ? 1 : 0;
}
