import type { KubeObject } from '../../api/object.js';
import { Command } from 'commander';
import { isApiError } from '../../client/index.js';
import type { CommandContext } from '../context.js';
import { processContext } from '../context.js';
import type { NamespaceFlags } from '../common-flags.js';
import { addNamespaceFlags } from '../common-flags.js';
import type { Connection } from '../connection.js';
import type { NamedResource } from '../resources.js';
import type { PrintOptions } from '../print-objects.js';
import { outputFormats, renderChange, renderObjects } from '../print-objects.js';
import { parseTargets } from '../resources.js';
import { oneOf, parseFlags } from '../../lib/flags.js';
import { serverErrorText } from '../server-error.js';

interface Flags extends NamespaceFlags {
  readonly allNamespaces?: boolean;
  readonly selector?: string;
  readonly fieldSelector?: string;
  readonly output?: string;
  readonly watch?: boolean;
}

/** `trireme get TYPE [NAME...]`. */
export async function runGet(
  argv: readonly string[],
  context: CommandContext = processContext,
): Promise<number> {
  const command = addNamespaceFlags(
    new Command('get')
      .argument('<target...>', 'TYPE [NAME...] or TYPE/NAME...')
      .option('-A, --all-namespaces', 'list objects of every namespace')
      .option('-l, --selector <labels>', 'only objects with these labels')
      .option('--field-selector <fields>', 'only objects with these fields')
      .option('-o, --output <format>', outputFormats.join(', '))
      .option('-w, --watch', 'then print changes as they happen'),
  );
  const parsed = parseFlags<Flags>(command, argv, context.out);
  if (parsed.help) return 0;
  const { options } = parsed;
  const format =
    options.output === undefined ? undefined : oneOf('-o', options.output, outputFormats);
  const targets = parseTargets(options.args);
  const connection = await context.connect(options);
  try {
    let failed = false;
    let printed = false;
    for (const { resource, names } of targets) {
      const found = await fetchObjects(connection, resource, names, options);
      for (const message of found.missing) context.err(`${message}\n`);
      failed ||= found.missing.length > 0;
      const how = {
        format,
        everywhere: options.allNamespaces === true,
        qualified: targets.length > 1,
        single: names.length === 1 && found.objects.length === 1,
        nowMs: context.clock.nowMs(),
      };
      const isTable = format === undefined || format === 'wide';
      if (found.objects.length > 0 || (!isTable && found.missing.length === 0)) {
        if (isTable && printed) context.out('\n');
        context.out(renderObjects(resource, found.objects, how));
        printed = true;
      } else if (found.missing.length === 0) {
        const { namespace } = namespaceOf(connection, resource, options);
        context.err(
          `No resources found${namespace === undefined ? '' : ` in ${namespace} namespace.`}\n`,
        );
      }
      if (options.watch === true) {
        const shown = { connection, resource, names, resourceVersion: found.resourceVersion };
        await watch(context, shown, options, how);
      }
    }
    return failed ? 1 : 0;
  } finally {
    connection.close();
  }
}

/** Returns the namespace that the flags name; undefined means all. */
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

async function watch(
  context: CommandContext,
  shown: {
    readonly connection: Connection;
    readonly resource: NamedResource;
    readonly names: readonly string[];
    readonly resourceVersion: string;
  },
  flags: Flags,
  how: PrintOptions,
): Promise<void> {
  const { connection, resource, names, resourceVersion } = shown;
  const batches = connection.api.watch<KubeObject>(resource.id, {
    ...namespaceOf(connection, resource, flags),
    resourceVersion,
    ...(flags.selector === undefined ? {} : { labelSelector: flags.selector }),
    ...(flags.fieldSelector === undefined ? {} : { fieldSelector: flags.fieldSelector }),
  });
  for await (const batch of batches) {
    for (const event of batch) {
      if (event.type === 'BOOKMARK') continue;
      if (names.length > 0 && !names.includes(event.object.metadata.name)) continue;
      const now = { ...how, qualified: false, nowMs: context.clock.nowMs() };
      context.out(renderChange(resource, event.object, now));
    }
  }
}
