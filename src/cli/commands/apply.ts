import type { KubeObject } from '../../api/object.js';
import { isApiError } from '../../client/types.js';
import { fileFlags, selectorFlag } from '../builder/file-flags.js';
import type { FileObject } from '../builder/objects.js';
import { fetchObject, hasFiles, readFiles } from '../builder/objects.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import type { CommandSpec, Invocation } from '../command/spec.js';
import { forEachUnlessRefused } from '../kube/failures.js';
import { objectPath } from '../kube/resource.js';
import type { Session } from '../kube/session.js';
import { withSession } from '../kube/session.js';
import type { DryRun, ResultPrinter } from '../kube/write.js';
import {
  dryRunFlag,
  fieldManagerFlag,
  parseDryRun,
  resultPrinter,
  validateFlag,
  writeQuery,
} from '../kube/write.js';
import { outputFlags } from '../print/output.js';
import { matchesLabels } from '../builder/label-match.js';
import { editLastApplied, setLastApplied, viewLastApplied } from './last-applied.js';

const flags = {
  ...fileFlags,
  ...selectorFlag,
  ...outputFlags,
  ...dryRunFlag,
  ...fieldManagerFlag,
  ...validateFlag,
  'force-conflicts': { type: 'bool', help: 'take fields that others own' },
  'server-side': {
    type: 'bool',
    help: 'always so here; with it the words are "serverside-applied", as those of kubectl',
  },
} as const;

/** `trireme apply`. */
export const applyCommand: CommandSpec = {
  ...defineCommand({
    name: 'apply',
    summary: 'create objects, or change them, as files say',
    description:
      'Applies on the server: it keeps who owns which field, so that fields which others set stay as they are, and a field that is gone from the file is removed. Fields of another owner with another value are a conflict.',
    usage: '(-f FILE | -k DIR)',
    examples: [
      ['what a file says', 'trireme apply -f web.yaml'],
      ['all files of a directory, and what is below it', 'trireme apply -R -f manifests/'],
      ['from standard input', 'cat web.yaml | trireme apply -f -'],
      ['let the server check it, change nothing', 'trireme apply -f web.yaml --dry-run=server'],
      ['take fields that others own', 'trireme apply -f web.yaml --force-conflicts'],
    ],
    flags,
    completes: 'nothing',
    run: runApply,
  }),
  subcommands: [editLastApplied, setLastApplied, viewLastApplied],
};

type Apply = Invocation<typeof flags>;

async function runApply(invocation: Apply): Promise<number> {
  const { args, flags, context } = invocation;
  if (args.length > 0) {
    throw new CommandLineError(`Unexpected args: [${args.join(' ')}]`);
  }
  if (!hasFiles(flags)) {
    throw new CommandLineError('must specify one of -f and -k', { plain: true });
  }
  const dryRun = parseDryRun(flags['dry-run']);
  if (dryRun === 'client' && flags['server-side'] === true) {
    throw new CommandLineError(
      "--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)",
      { plain: true },
    );
  }
  const print = resultPrinter(context, flags, dryRun);
  return withSession(invocation, async (session) => {
    const files = (await readFiles(session, flags)).filter(({ object }) =>
      matchesLabels(flags.selector, object),
    );
    if (files.length === 0) {
      throw new CommandLineError('no objects passed to apply', { plain: true });
    }
    const act = (file: FileObject): Promise<void> =>
      applyObject({ session, file, flags, dryRun, print });
    return forEachUnlessRefused(context, files, act);
  });
}

async function applyObject(options: {
  readonly session: Session;
  readonly file: FileObject;
  readonly flags: Apply['flags'];
  readonly dryRun: DryRun;
  readonly print: ResultPrinter;
}): Promise<void> {
  const { session, file, flags, dryRun, print } = options;
  const { ref, object } = file;
  if ((object.metadata.name ?? '') === '') throw unnamed(object);
  const before = await fetchObject(session, ref).catch((error: unknown) => {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  });
  const after =
    dryRun === 'client'
      ? { ...before, ...object }
      : await session.kube
          .json<KubeObject>({
            method: 'PATCH',
            path: objectPath(ref),
            contentType: 'application/apply-patch+yaml',
            query: {
              ...writeQuery({ dryRun, manager: flags['field-manager'], validate: flags.validate }),
              force: String(flags['force-conflicts'] ?? false),
            },
            body: object,
          })
          .catch((error: unknown) => {
            throw explainConflict(error);
          });
  await print(wordFor(before, after, flags, dryRun), ref, after);
  // The definition of a kind may be followed by objects of it.
  if (ref.resource.plural === 'customresourcedefinitions') session.mapper.refresh();
}

/** Objects with `generateName` cannot be applied, only made: each time there would be another. */
function unnamed({ metadata }: KubeObject): CommandLineError {
  return new CommandLineError(
    metadata.generateName === undefined
      ? 'error when retrieving current configuration of: resource name may not be empty'
      : `from ${metadata.generateName}: cannot use generate name with apply`,
    { plain: true },
  );
}

function wordFor(
  before: KubeObject | undefined,
  after: KubeObject,
  flags: Apply['flags'],
  dryRun: DryRun,
): string {
  if (flags['server-side'] === true) return 'serverside-applied';
  if (before === undefined) return 'created';
  const same = before.metadata.resourceVersion === after.metadata.resourceVersion;
  return same && dryRun !== 'client' ? 'unchanged' : 'configured';
}

/** Says what can be done about a conflict. */
function explainConflict(error: unknown): unknown {
  if (!isApiError(error, 'Conflict') || !error.message.startsWith('Apply failed')) return error;
  return new CommandLineError(
    `${error.message}\nThey belong to others now. Either take them with \`--force-conflicts\`, or leave them out of the file, or give them the values that they have.`,
    { plain: true },
  );
}
