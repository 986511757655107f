import type { KubeObject } from '../../api/object.js';
import { isApiError } from '../../client/types.js';
import { parseSelections } from '../builder/arguments.js';
import { allNamespacesFlag, fileFlags, selectorFlag } from '../builder/file-flags.js';
import { matchesLabels } from '../builder/label-match.js';
import { fetchObject, hasFiles, readFiles } from '../builder/objects.js';
import type { FileObject } from '../builder/objects.js';
import { failureText } from '../command/run-command.js';
import { defineCommand } from '../command/spec.js';
import type { Invocation } from '../command/spec.js';
import type { DiffScope } from '../history/cluster-diff.js';
import { momentValue, revisionAt } from '../history/moment.js';
import { objectPath } from '../kube/resource.js';
import type { Session } from '../kube/session.js';
import { withSession } from '../kube/session.js';
import { fieldManagerFlag, writeQuery } from '../kube/write.js';
import { CompareTrees, comparisonFailed } from '../print/compare-trees.js';
import { maskSecrets } from '../print/mask-secrets.js';
import { withoutManagedFields } from '../print/output.js';

const flags = {
  ...fileFlags,
  ...selectorFlag,
  ...allNamespacesFlag,
  ...fieldManagerFlag,
  'force-conflicts': { type: 'bool', help: 'take fields that others own' },
  'server-side': { type: 'bool', help: 'always so here' },
  'show-managed-fields': { type: 'bool', help: 'keep metadata.managedFields' },
  since: { type: 'text', value: momentValue, help: 'compare the cluster with what it was then' },
  status: { type: 'bool', help: 'with --since: the status too' },
} as const;

type Diff = Invocation<typeof flags>;

/** `trireme diff`. */
export const diffCommand = defineCommand({
  name: 'diff',
  summary: 'show what apply would change, or what has changed since',
  description:
    'Compares the objects of the cluster with what they would be after `apply -f`; with `--since`, with what they were then: all objects of the namespace but for events and the like, or those that are named. The program is $KUBECTL_EXTERNAL_DIFF, else `diff -u -N`. The values of Secrets are not shown. Exit code 0: nothing differs; 1: something does; above: it failed.',
  usage: '(-f FILE | -k DIR | --since MOMENT [TYPE[,TYPE] [NAME...] | TYPE/NAME...])',
  examples: [
    ['of a file', 'trireme diff -f web.yaml'],
    ['from standard input', 'cat web.yaml | trireme diff -f -'],
    ['what has changed in the namespace for five minutes', 'trireme diff --since 5m'],
    ['in the whole cluster', 'trireme diff --since 5m -A'],
    ['of some kinds, since a revision', 'trireme diff --since 1234 deployments,configmaps'],
  ],
  flags,
  completes: 'targets',
  run: async (invocation) => {
    const { flags, args, context } = invocation;
    // 1 would say that something differs.
    if (!hasFiles(flags) && flags.since === undefined) {
      context.err('error: must specify one of -f and -k, or --since\n');
      return comparisonFailed;
    }
    if (args.length > 0 && flags.since === undefined) {
      context.err('error: words go with --since only\n');
      return comparisonFailed;
    }
    const names =
      flags.since === undefined
        ? { before: 'LIVE', after: 'MERGED' }
        : { before: 'THEN', after: 'NOW' };
    const trees = new CompareTrees(names);
    try {
      return await withSession(invocation, async (session) => {
        await (flags.since === undefined
          ? addFiles(session, invocation, trees)
          : addPast(session, invocation, { trees, since: flags.since }));
        return trees.compare(context.out, context.err);
      });
    } catch (error) {
      context.err(`${failureText(error, 'trireme diff')}\n`);
      return comparisonFailed;
    } finally {
      trees.close();
    }
  },
});

/** Adds the objects of files, as they are and as they would be. */
async function addFiles(session: Session, { flags }: Diff, trees: CompareTrees): Promise<void> {
  const shown = (object: KubeObject): KubeObject =>
    flags['show-managed-fields'] === true ? object : withoutManagedFields(object);
  for (const file of await readFiles(session, flags)) {
    if (!matchesLabels(flags.selector, file.object)) continue;
    const sides = await sidesOf(session, file, {
      force: flags['force-conflicts'] ?? false,
      manager: flags['field-manager'],
    });
    const [before, after] = maskSecrets(...sides);
    trees.add(file.ref, before === undefined ? undefined : shown(before), shown(after));
  }
}

/** Adds the objects that have changed since. */
async function addPast(
  session: Session,
  { args, flags, context }: Diff,
  { trees, since }: { readonly trees: CompareTrees; readonly since: string },
): Promise<void> {
  const { changedSince, comparedResources } = await import('../history/cluster-diff.js');
  const { revision } = await revisionAt(session, since);
  const everywhere = flags['all-namespaces'] === true;
  const selections = args.length === 0 ? [] : await parseSelections(session.mapper, args);
  const common = {
    namespace: everywhere ? undefined : session.namespace,
    status: flags.status ?? false,
  };
  const scopes: DiffScope[] =
    args.length === 0
      ? [{ ...common, resources: await comparedResources(session, everywhere), names: [] }]
      : selections.map(({ resource, names }) => ({ ...common, resources: [resource], names }));
  for (const scope of scopes) {
    const hidden: string[] = [];
    const hide = (resource: string): void => void hidden.push(resource);
    for await (const { ref, before, after } of changedSince(session, scope, { revision, hide })) {
      if (matchesLabels(flags.selector, (after ?? before) as KubeObject)) {
        trees.add(ref, before, after);
      }
    }
    if (hidden.length > 0)
      context.err(`Not compared, as you may not read it: ${hidden.join(', ')}\n`);
  }
}

async function sidesOf(
  session: Session,
  { ref, object }: FileObject,
  options: { readonly force: boolean; readonly manager: string },
): Promise<[KubeObject | undefined, KubeObject]> {
  const before = await fetchObject(session, ref).catch((error: unknown) => {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  });
  const after = await session.kube.json<KubeObject>({
    method: 'PATCH',
    path: objectPath(ref),
    contentType: 'application/apply-patch+yaml',
    query: {
      ...writeQuery({ dryRun: 'server', manager: options.manager }),
      force: String(options.force),
    },
    body: object,
  });
  return [before, after];
}
