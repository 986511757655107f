import type { KubeObject } from '../../api/object.js';
import { Command } from 'commander';
import { stringify } from 'yaml';
import { systemClock } from '../../lib/clock.js';
import { isApiError } from '../../client/index.js';
import type { NamespaceFlags } from '../common-flags.js';
import { addNamespaceFlags } from '../common-flags.js';
import type { Connection } from '../connection.js';
import { connect } from '../connection.js';
import type { NamedResource } from '../resources.js';
import { displayName, parseTargets } from '../resources.js';
import { renderTable } from '../table.js';
import { oneOf, parseFlags } from '../../lib/flags.js';
import { serverErrorText } from '../server-error.js';

interface Flags extends NamespaceFlags {
  readonly allNamespaces?: boolean;
  readonly selector?: string;
  readonly fieldSelector?: string;
  readonly output?: string;
  readonly watch?: boolean;
}

const formats = ['wide', 'yaml', 'json', 'name'];

/** `trireme get TYPE [NAME...]`. */
export async function runGet(argv: readonly string[]): Promise<number> {
  const command = addNamespaceFlags(
    new Command('get')
      .argument('<target...>', 'TYPE [NAME...] or TYPE/NAME...')
      .option('-A, --all-namespaces', 'in every namespace')
      .option('-l, --selector <labels>', 'only objects with these labels')
      .option('--field-selector <fields>', 'only objects with these fields')
      .option('-o, --output <format>', formats.join(', '))
      .option('-w, --watch', 'then print what changes'),
  );
  const parsed = parseFlags<Flags>(command, argv);
  if (parsed.help) return 0;
  const { options } = parsed;
  if (options.output !== undefined) oneOf('-o', options.output, formats);
  const targets = parseTargets(options.args);
  const connection = await connect(options);
  try {
    let failed = false;
    for (const { resource, names } of targets) {
      const found = await fetchObjects(connection, resource, names, options);
      for (const message of found.missing) process.stderr.write(`${message}\n`);
      failed ||= found.missing.length > 0;
      if (found.objects.length > 0 || found.missing.length === 0) {
        const { namespace } = namespaceOf(connection, resource, options);
        print(resource, found.objects, options, {
          qualified: targets.length > 1,
          names,
          namespace,
        });
      }
      if (options.watch === true) {
        await watch(connection, resource, names, found.resourceVersion, options);
      }
    }
    return failed ? 1 : 0;
  } finally {
    connection.close();
  }
}

/** Where the flags say to look: undefined is everywhere. */
function namespaceOf(
  connection: Connection,
  resource: NamedResource,
  flags: Flags,
): { namespace?: string } {
  if (!resource.kind.namespaced || flags.allNamespaces === true) return {};
  return { namespace: flags.namespace ?? connection.namespace };
}

async function fetchObjects(
  connection: Connection,
  resource: NamedResource,
  names: readonly string[],
  flags: Flags,
): Promise<{ objects: KubeObject[]; missing: string[]; resourceVersion: string }> {
  const where = namespaceOf(connection, resource, flags);
  if (names.length === 0) {
    const { items, resourceVersion } = await connection.api.list<KubeObject>(resource.id, {
      ...where,
      ...(flags.selector === undefined ? {} : { labelSelector: flags.selector }),
      ...(flags.fieldSelector === undefined ? {} : { fieldSelector: flags.fieldSelector }),
    });
    return { objects: items, missing: [], resourceVersion };
  }
  const objects: KubeObject[] = [];
  const missing: string[] = [];
  for (const name of names) {
    try {
      objects.push(await connection.api.get<KubeObject>(resource.id, { ...where, name }));
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
      missing.push(serverErrorText(error));
    }
  }
  return { objects, missing, resourceVersion: objects.at(-1)?.metadata.resourceVersion ?? '' };
}

function print(
  resource: NamedResource,
  objects: readonly KubeObject[],
  flags: Flags,
  how: {
    readonly qualified: boolean;
    readonly names: readonly string[];
    /** Undefined: everywhere, or the kind has none. */
    readonly namespace: string | undefined;
  },
): void {
  const { qualified, names, namespace } = how;
  const list = {
    apiVersion: 'v1',
    kind: 'List',
    items: objects,
  };
  const single = names.length === 1 && objects.length === 1 ? objects[0] : list;
  if (flags.output === 'json') process.stdout.write(`${JSON.stringify(single, null, 4)}\n`);
  else if (flags.output === 'yaml') process.stdout.write(stringify(single));
  else if (flags.output === 'name') {
    for (const object of objects) {
      process.stdout.write(`${displayName(resource, object.metadata.name)}\n`);
    }
  } else if (objects.length === 0) {
    const where = namespace === undefined ? '' : ` in ${namespace} namespace.`;
    process.stderr.write(`No resources found${where}\n`);
  } else process.stdout.write(table(resource, objects, flags, qualified));
}

function columnsOf(resource: NamedResource, flags: Flags): NamedResource['kind']['columns'] {
  return resource.kind.columns.filter((column) => column.priority === 0 || flags.output === 'wide');
}

function table(
  resource: NamedResource,
  objects: readonly KubeObject[],
  flags: Flags,
  qualified: boolean,
): string {
  const columns = columnsOf(resource, flags);
  const head = columns.map((column) => column.name.toUpperCase());
  const rows = objects.map((object) => cells(resource, object, flags, qualified));
  const everywhere = flags.allNamespaces === true && resource.kind.namespaced;
  return `${renderTable(everywhere ? ['NAMESPACE', ...head] : head, rows)}${qualified ? '\n' : ''}`;
}

function cells(
  resource: NamedResource,
  object: KubeObject,
  flags: Flags,
  qualified: boolean,
): string[] {
  const nowMs = systemClock().nowMs();
  const values = columnsOf(resource, flags).map((column) => {
    const value = column.cell(object, nowMs);
    return value === null ? '<none>' : String(value);
  });
  if (qualified) values[0] = displayName(resource, object.metadata.name);
  const everywhere = flags.allNamespaces === true && resource.kind.namespaced;
  return everywhere ? [object.metadata.namespace ?? '', ...values] : values;
}

async function watch(
  connection: Connection,
  resource: NamedResource,
  names: readonly string[],
  resourceVersion: string,
  flags: Flags,
): Promise<void> {
  const batches = connection.api.watch<KubeObject>(resource.id, {
    ...namespaceOf(connection, resource, flags),
    resourceVersion,
    ...(flags.selector === undefined ? {} : { labelSelector: flags.selector }),
  });
  for await (const batch of batches) {
    for (const event of batch) {
      if (event.type === 'BOOKMARK') continue;
      if (names.length > 0 && !names.includes(event.object.metadata.name)) continue;
      if (flags.output === 'json') process.stdout.write(`${JSON.stringify(event.object)}\n`);
      else if (flags.output === 'yaml') process.stdout.write(`---\n${stringify(event.object)}`);
      else process.stdout.write(`${cells(resource, event.object, flags, false).join('   ')}\n`);
    }
  }
}
