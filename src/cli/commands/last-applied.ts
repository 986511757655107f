/** `apply view-last-applied`, `set-last-applied` and `edit-last-applied`: what client-side apply remembers. */
import { lastAppliedAnnotation } from '../../api/apply/last-applied.js';
import type { KubeObject } from '../../api/object.js';
import { formatYaml } from '../../api/print/yaml.js';
import { parseJson } from '../../lib/json.js';
import { errorMessage } from '../../lib/errors.js';
import { fileFlags, selectorFlag } from '../builder/file-flags.js';
import { parseManifests } from '../builder/manifests.js';
import { missingResources } from '../builder/missing-resources.js';
import { fetchObject, findObjects, hasFiles, readFiles } from '../builder/objects.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import type { EditReason } from '../edit/edit-text.js';
import { editUntilSaved } from '../edit/edit-until-saved.js';
import { forEachUnlessRefused } from '../kube/failures.js';
import { configText, lastAppliedOf } from '../kube/last-applied.js';
import { objectPath } from '../kube/resource.js';
import type { ObjectRef } from '../kube/resource.js';
import type { Session } from '../kube/session.js';
import { withSession } from '../kube/session.js';
import {
  dryRunFlag,
  fieldManagerFlag,
  parseDryRun,
  resultPrinter,
  writeQuery,
} from '../kube/write.js';
import { formatJson } from '../print/json.js';
import { outputFlags } from '../print/output.js';

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });
const missing = 'no last-applied-configuration annotation found on resource: ';

/** What only client-side apply leaves behind, in words for help. */
const whose =
  'kubectl apply without --server-side, and --save-config, keep what a file said in an annotation.';

/** `apply view-last-applied`. */
export const viewLastApplied = defineCommand({
  name: 'view-last-applied',
  summary: 'print what client-side apply remembers of objects',
  description: whose,
  usage: '(TYPE NAME | TYPE/NAME | TYPE -l LABELS | -f FILE)',
  examples: [['of a deployment', 'trireme apply view-last-applied deployment/web']],
  flags: {
    ...fileFlags,
    ...selectorFlag,
    all: { type: 'bool', help: 'all objects of the type in the namespace' },
    output: { type: 'text', short: 'o', default: 'yaml', value: 'yaml|json', help: 'yaml or json' },
  },
  completes: 'targets',
  run: (invocation) =>
    withSession(invocation, async (session) => {
      const { args, flags, context } = invocation;
      for (const { object } of await findObjects(session, args, flags)) {
        const text = lastAppliedOf(object);
        if (text === undefined) {
          context.err(`${missing}${object.metadata.name}\n`);
          continue;
        }
        const value = parseJson(text);
        if (flags.output === 'yaml') context.out(formatYaml(value));
        else if (flags.output === 'json') context.out(`${formatJson(value, 2)}\n`);
        else {
          throw new CommandLineError(
            `Unexpected -o output mode: ${flags.output}, the flag 'output' must be one of yaml|json`,
          );
        }
      }
    }),
});

/** Writes the annotation, and nothing else. */
function patchLastApplied(
  { kube }: Session,
  ref: ObjectRef,
  text: string,
  query: Readonly<Record<string, string | undefined>>,
): Promise<KubeObject> {
  return kube.json<KubeObject>({
    method: 'PATCH',
    path: objectPath(ref),
    contentType: 'application/merge-patch+json',
    query,
    body: { metadata: { annotations: { [lastAppliedAnnotation]: text } } },
  });
}

/** `apply set-last-applied`. */
export const setLastApplied = defineCommand({
  name: 'set-last-applied',
  summary: 'make client-side apply remember what a file says, without applying it',
  description: whose,
  usage: '-f FILE',
  examples: [['what a file says', 'trireme apply set-last-applied -f web.yaml']],
  flags: {
    ...fileFlags,
    ...outputFlags,
    ...dryRunFlag,
    'create-annotation': { type: 'bool', help: 'also where the object has none' },
  },
  completes: 'nothing',
  run: async (invocation) => {
    const { flags, context } = invocation;
    if (!hasFiles(flags)) throw missingResources();
    const dryRun = parseDryRun(flags['dry-run']);
    const print = resultPrinter(context, flags, dryRun);
    return withSession(invocation, async (session) => {
      // All are looked at before one is changed.
      const changes: { readonly ref: ObjectRef; readonly live: KubeObject; text: string }[] = [];
      for (const { ref, object } of await readFiles(session, flags)) {
        const live = await fetchObject(session, ref);
        const before = lastAppliedOf(live);
        if (before === undefined && flags['create-annotation'] !== true) {
          throw plain(
            `${missing}${ref.name}, to create the annotation, run the command with --create-annotation`,
          );
        }
        const text = configText(object);
        if (before === text) context.out(`set-last-applied ${ref.name}: no changes required.\n`);
        else changes.push({ ref, live, text });
      }
      return forEachUnlessRefused(context, changes, async ({ ref, live, text }) => {
        const query = writeQuery({ dryRun });
        const after =
          dryRun === 'client' ? live : await patchLastApplied(session, ref, text, query);
        await print('configured', ref, after);
      });
    });
  },
});

/** `apply edit-last-applied`. */
export const editLastApplied = defineCommand({
  name: 'edit-last-applied',
  summary: 'change what client-side apply remembers, in an editor',
  description: whose,
  usage: '(TYPE NAME | TYPE/NAME | -f FILE)',
  examples: [['of a deployment', 'trireme apply edit-last-applied deployment/web']],
  flags: { ...fileFlags, ...fieldManagerFlag },
  completes: 'targets',
  run: (invocation) =>
    withSession(invocation, async (session) => {
      const { args, flags, context } = invocation;
      const print = resultPrinter(context, {});
      const query = writeQuery({ manager: flags['field-manager'] });
      for (const { ref, object } of await findObjects(session, args, { ...flags, all: true })) {
        const before = lastAppliedOf(object);
        if (before === undefined) throw plain(`${missing}${ref.name}`);
        const text = { name: ref.name, original: formatYaml(parseJson(before)), json: false };
        const edited = await editUntilSaved(context, text, async (body) => {
          const configured = parseConfig(ref.name, body);
          if ('head' in configured) return configured;
          return patchLastApplied(session, ref, configText(configured), query);
        });
        if (typeof edited === 'string') context.err(`${edited}\n`);
        else await print('edited', ref, edited);
      }
    }),
});

/** The object of an edited text, or why there is none. */
function parseConfig(name: string, text: string): KubeObject | EditReason {
  try {
    const [edited] = parseManifests({ name, text });
    if (edited !== undefined) return edited;
    return { head: 'The edited file had no object', fields: [] };
  } catch (error) {
    return { head: `The edited file had a syntax error: ${errorMessage(error)}`, fields: [] };
  }
}
