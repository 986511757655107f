import type { KubeObject } from '../../api/object.js';
import { Command } from 'commander';
import { isApiError } from '../../client/index.js';
import type { CommandContext } from '../context.js';
import { processContext } from '../context.js';
import type { NamespaceFlags } from '../common-flags.js';
import { addNamespaceFlags } from '../common-flags.js';
import type { Connection } from '../connection.js';
import { readManifests } from '../manifests.js';
import { displayName, parseTargets, resourceOfObject } from '../resources.js';
import { parseFlags, repeatable, wholeNumber } from '../../lib/flags.js';
import { UsageError } from '../../lib/usage-error.js';
import { serverErrorText } from '../server-error.js';

interface Flags extends NamespaceFlags {
  readonly filename?: readonly string[];
  readonly forceConflicts?: boolean;
  readonly dryRun?: boolean;
}

const fieldManager = 'trireme';

/** `trireme apply -f FILE`: server-side apply. */
export async function runApply(
  argv: readonly string[],
  context: CommandContext = processContext,
): Promise<number> {
  const command = addNamespaceFlags(
    new Command('apply')
      .option(
        '-f, --filename <file>',
        'a file, a directory, or - for standard input (may be repeated)',
        repeatable,
      )
      .option('--force-conflicts', 'take over fields that other managers own')
      .option('--dry-run', 'let the server check and show the result, but change nothing'),
  );
  const parsed = parseFlags<Flags>(command, argv, context.out);
  if (parsed.help) return 0;
  const { options } = parsed;
  if (options.filename === undefined) throw new UsageError('must specify -f');
  const objects = await readManifests(options.filename);
  const connection = await context.connect(options);
  try {
    let failed = false;
    for (const object of objects) {
      try {
        await applyObject(context, connection, object, options);
      } catch (error) {
        if (!isApiError(error)) throw error;
        context.err(`${serverErrorText(error)}\n`);
        failed = true;
      }
    }
    return failed ? 1 : 0;
  } finally {
    connection.close();
  }
}

async function applyObject(
  context: CommandContext,
  connection: Connection,
  object: KubeObject,
  flags: Flags,
): Promise<void> {
  const resource = resourceOfObject(object);
  if (resource.kind.namespaced) {
    object.metadata.namespace ??= flags.namespace ?? connection.namespace;
  }
  const before = await connection.api
    .get<KubeObject>(resource.id, object.metadata)
    .catch((error: unknown) => {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    });
  const after = await connection.api.patch<KubeObject>(
    resource.id,
    object.metadata,
    'application/apply-patch+yaml',
    object,
    { fieldManager, force: flags.forceConflicts ?? false, dryRun: flags.dryRun ?? false },
  );
  const same = before?.metadata.resourceVersion === after.metadata.resourceVersion;
  const word = before === undefined ? 'created' : same ? 'unchanged' : 'configured';
  const suffix = flags.dryRun === true ? ' (dry run)' : '';
  context.out(`${displayName(resource, object.metadata.name)} ${word}${suffix}\n`);
}

interface DeleteFlags extends NamespaceFlags {
  readonly filename?: readonly string[];
  readonly gracePeriod?: string;
  readonly cascade?: string;
  readonly ignoreNotFound?: boolean;
}

const policies: Readonly<Record<string, 'Background' | 'Foreground' | 'Orphan'>> = {
  background: 'Background',
  foreground: 'Foreground',
  orphan: 'Orphan',
};

/** `trireme delete TYPE NAME...` or `-f FILE`. */
export async function runDelete(
  argv: readonly string[],
  context: CommandContext = processContext,
): Promise<number> {
  const command = addNamespaceFlags(
    new Command('delete')
      .argument('[target...]', 'TYPE NAME... or TYPE/NAME...')
      .option(
        '-f, --filename <file>',
        'delete the objects of a file, a directory, or - for standard input',
        repeatable,
      )
      .option('--grace-period <seconds>', 'time for pods to end; 0 deletes them at once')
      .option(
        '--cascade <policy>',
        'what happens to dependents: background, foreground or orphan',
        'background',
      )
      .option('--ignore-not-found', 'succeed when an object does not exist'),
  );
  const parsed = parseFlags<DeleteFlags>(command, argv, context.out);
  if (parsed.help) return 0;
  const { options } = parsed;
  const propagationPolicy = policies[options.cascade ?? 'background'];
  if (propagationPolicy === undefined) {
    throw new UsageError(`--cascade takes ${Object.keys(policies).join(', ')}`);
  }
  const gracePeriodSeconds =
    options.gracePeriod === undefined
      ? undefined
      : wholeNumber('--grace-period', options.gracePeriod, 0, 2 ** 31);
  const connection = await context.connect(options);
  try {
    let failed = false;
    for (const { resource, namespace, name } of await deletions(connection, options)) {
      try {
        await connection.api.delete(
          resource.id,
          { ...(resource.kind.namespaced ? { namespace } : {}), name },
          {
            propagationPolicy,
            ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
          },
        );
        context.out(`${displayName(resource, name)} deleted\n`);
      } catch (error) {
        if (!isApiError(error)) throw error;
        if (options.ignoreNotFound === true && error.reason === 'NotFound') continue;
        context.err(`${serverErrorText(error)}\n`);
        failed = true;
      }
    }
    return failed ? 1 : 0;
  } finally {
    connection.close();
  }
}

async function deletions(
  connection: Connection,
  flags: DeleteFlags & { readonly args: readonly string[] },
): Promise<{ resource: ReturnType<typeof resourceOfObject>; namespace: string; name: string }[]> {
  const fallback = flags.namespace ?? connection.namespace;
  if (flags.filename !== undefined) {
    return (await readManifests(flags.filename)).toReversed().map((object) => ({
      resource: resourceOfObject(object),
      namespace: object.metadata.namespace ?? fallback,
      name: object.metadata.name,
    }));
  }
  return parseTargets(flags.args).flatMap(({ resource, names }) => {
    if (names.length === 0) throw new UsageError('name what to delete');
    return names.map((name) => ({ resource, namespace: fallback, name }));
  });
}
