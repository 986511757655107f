/** `label` and `annotate`: pairs in the metadata of objects. */
import type { KubeObject } from '../../api/object.js';
import { labelValueErrors } from '../../api/validation/names.js';
import { choiceFlags } from '../builder/choice-flags.js';
import { localFlag } from '../builder/file-flags.js';
import { chooseObjects, hasFiles, readLocalFiles } from '../builder/objects.js';
import type { Chosen } from '../builder/objects.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import type { CommandSpec, Invocation } from '../command/spec.js';
import type { CommandContext } from '../context.js';
import { mergeDifference } from '../edit/merge-difference.js';
import { forEachUnlessRefused } from '../kube/failures.js';
import { objectPath } from '../kube/resource.js';
import type { Session } from '../kube/session.js';
import { withSession } from '../kube/session.js';
import {
  dryRunFlag,
  fieldManagerFlag,
  parseDryRun,
  resultPrinter,
  writeQuery,
} from '../kube/write.js';
import { outputFlags } from '../print/output.js';

const flags = {
  ...choiceFlags,
  ...outputFlags,
  ...dryRunFlag,
  ...fieldManagerFlag,
  ...localFlag,
  overwrite: { type: 'bool', help: 'change values that are there' },
  list: { type: 'bool', help: 'print what there is' },
  'resource-version': {
    type: 'text',
    value: 'VERSION',
    help: 'only if the object has this version; for a single object',
  },
} as const;

type Pairs = Invocation<typeof flags>;
type Field = 'labels' | 'annotations';

/** What the pairs of a command line do. */
export interface PairChanges {
  /** Pairs to set; null removes. */
  readonly pairs: Readonly<Record<string, string | null>>;
  /** The words before the pairs. */
  readonly words: readonly string[];
}

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

/** `key=value` sets, `key-` removes; they stand after the names. @throws CommandLineError */
export function parsePairs(words: readonly string[], noun: string): PairChanges {
  const first = words.findIndex(
    (word) => word.includes('=') || (word.endsWith('-') && word.length > 1),
  );
  const names = first < 0 ? words : words.slice(0, first);
  const pairs: Record<string, string | null> = {};
  for (const word of first < 0 ? [] : words.slice(first)) {
    const at = word.indexOf('=');
    if (noun === 'label' && at >= 0) mustBeLabel(word);
    const key = at < 0 ? word.replace(/-$/, '') : word.slice(0, at);
    if (at < 0 && !word.endsWith('-')) throw plain(`unknown ${noun} spec: ${word}`);
    if (key === '') throw plain(`invalid ${noun} spec: ${word}`);
    if (Object.hasOwn(pairs, key) && (pairs[key] === null) !== at < 0) {
      throw plain(
        `can not both modify and remove ${noun === 'label' ? 'a label' : 'an annotation'} in the same command`,
      );
    }
    pairs[key] = at < 0 ? null : word.slice(at + 1);
  }
  return { pairs, words: names };
}

/** @throws CommandLineError in kubectl's words, before anything is asked of the server */
function mustBeLabel(word: string): void {
  const [key = '', value = '', more] = word.split('=');
  if (more !== undefined) throw plain(`invalid label spec: ${word}`);
  if (key === '') throw plain('at least one label update is required');
  const wrong = labelValueErrors(value);
  if (wrong.length > 0) throw plain(`invalid label value: "${word}": ${wrong.join('; ')}`);
}

/** Declares the command for a field. */
export function pairsCommand(options: {
  readonly name: string;
  readonly field: Field;
  readonly noun: string;
  readonly summary: string;
  readonly examples: CommandSpec['examples'];
}): CommandSpec {
  const { name, summary, examples } = options;
  return defineCommand({
    name,
    summary,
    usage: '(TYPE NAME... | TYPE/NAME... | -f FILE) KEY=VALUE... KEY-...',
    examples,
    flags,
    completes: 'targets',
    run: (invocation) => runPairs(invocation, options),
  });
}

async function runPairs(
  invocation: Pairs,
  { field, noun }: { readonly field: Field; readonly noun: string },
): Promise<number> {
  const { args, flags, context } = invocation;
  const dryRun = parseDryRun(flags['dry-run']);
  const { pairs, words } = parsePairs(args, noun);
  const keys = Object.keys(pairs);
  if (words.length === 0 && !hasFiles(flags)) {
    throw plain(
      'one or more resources must be specified as <resource> <name> or <resource>/<name>',
    );
  }
  if (keys.length === 0 && flags.list !== true)
    throw plain(`at least one ${noun} update is required`);
  const print = resultPrinter(context, flags, dryRun);
  const change = async (chosen: readonly Chosen[], session?: Session): Promise<number> => {
    if (flags['resource-version'] !== undefined && chosen.length > 1) {
      throw plain('--resource-version may only be used with a single resource');
    }
    let failed = 0;
    const code = await forEachUnlessRefused(context, chosen, async ({ ref, fetch }) => {
      const object = await fetch();
      if (flags.list === true) return list(context, object, field);
      const clash = flags.overwrite === true ? undefined : clashOf(object, field, pairs);
      if (clash !== undefined) {
        context.err(`error: ${clash}\n`);
        failed = 1;
        return;
      }
      for (const key of keys.filter((k) => pairs[k] === null)) {
        if (object.metadata[field]?.[key] === undefined) {
          if (noun === 'label') context.out(`label "${key}" not found.\n`);
        }
      }
      const changed = withPairs(object, field, pairs, flags['resource-version']);
      const after =
        session === undefined || dryRun === 'client'
          ? changed
          : await session.kube.json<KubeObject>({
              method: 'PATCH',
              path: objectPath(ref),
              contentType: 'application/merge-patch+json',
              query: writeQuery({ dryRun, manager: flags['field-manager'] }),
              // As kubectl: what does not change is sent as a patch of nothing.
              body: mergeDifference(object, changed) ?? {},
            });
      await print(wordFor(object, pairs, field), ref, after);
    });
    return Math.max(code, failed);
  };
  if (flags.local === true) {
    if (words.length > 0) {
      throw plain(
        'can only use local files by -f pod.yaml or --filename=pod.json when --local=true is set',
      );
    }
    const files = await readLocalFiles(context, flags);
    return change(files.map(({ ref, object }) => ({ ref, fetch: () => Promise.resolve(object) })));
  }
  return withSession(invocation, async (session) =>
    change(await chooseObjects(session, words, flags), session),
  );
}

function list({ out }: Pick<CommandContext, 'out'>, object: KubeObject, field: Field): void {
  const pairs = Object.entries(object.metadata[field] ?? {});
  for (const [key, value] of pairs.toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    out(`${key}=${value}\n`);
  }
}

/** Says which value is there already. */
function clashOf(
  object: KubeObject,
  field: Field,
  pairs: PairChanges['pairs'],
): string | undefined {
  const present = object.metadata[field] ?? {};
  const clashes = Object.entries(pairs).flatMap(([key, value]) => {
    const old = present[key];
    if (value === null || old === undefined || old === value) return [];
    return field === 'labels'
      ? [`'${key}' already has a value (${old}), and --overwrite is false`]
      : [
          `--overwrite is false but found the following declared annotation(s): '${key}' already has a value (${old})`,
        ];
  });
  return clashes.length === 0 ? undefined : clashes.join('; ');
}

/** The object with its pairs changed. */
function withPairs(
  object: KubeObject,
  field: Field,
  pairs: PairChanges['pairs'],
  resourceVersion: string | undefined,
): KubeObject {
  const kept = Object.entries({ ...object.metadata[field], ...pairs }).filter(
    (pair): pair is [string, string] => pair[1] !== null,
  );
  const version = resourceVersion === undefined ? {} : { resourceVersion };
  const metadata = { ...object.metadata, [field]: Object.fromEntries(kept), ...version };
  return { ...object, metadata };
}

/** kubectl says whether something changed, and how. */
function wordFor(object: KubeObject, pairs: PairChanges['pairs'], field: Field): string {
  if (field === 'annotations') return 'annotated';
  const present = object.metadata[field] ?? {};
  const entries = Object.entries(pairs);
  const isSame = entries.every(([key, value]) => (present[key] ?? null) === value);
  if (isSame) return 'not labeled';
  return entries.every(([, value]) => value === null) ? 'unlabeled' : 'labeled';
}
