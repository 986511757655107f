import { readFileSync } from 'node:fs';
import type { KubeObject } from '../../api/object.js';
import { applyJsonPatch } from '../../api/patch/json-patch.js';
import { applyMergePatch } from '../../api/patch/merge-patch.js';
import { applyStrategicMergePatch } from '../../api/patch/strategic-merge.js';
import { parseYamlBody } from '../../api/schema/yaml-text.js';
import { errorMessage } from '../../lib/errors.js';
import { fileFlags, localFlag } from '../builder/file-flags.js';
import {
  fetchObject,
  hasFiles,
  mayNotNameBoth,
  readFiles,
  readLocalFiles,
} from '../builder/objects.js';
import type { Choice, Chosen } from '../builder/objects.js';
import { missingResources } from '../builder/missing-resources.js';
import { parseSelections } from '../builder/arguments.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import { forEachUnlessRefused } from '../kube/failures.js';
import { apiVersionOf, namedByKind, objectPath } from '../kube/resource.js';
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

const types = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
} as const;

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

/** `trireme patch`. */
export const patchCommand = defineCommand({
  name: 'patch',
  summary: 'change fields of objects',
  usage: '(TYPE NAME | TYPE/NAME | -f FILE) (-p PATCH | --patch-file FILE)',
  examples: [
    ['a field, as YAML or JSON', `trireme patch deployment web -p '{"spec":{"replicas":3}}'`],
    [
      'a list of operations',
      `trireme patch deployment web --type json -p '[{"op":"replace","path":"/spec/replicas","value":3}]'`,
    ],
    [
      'the scale of a deployment',
      `trireme patch deployment web --subresource scale -p '{"spec":{"replicas":2}}'`,
    ],
  ],
  flags: {
    ...fileFlags,
    ...outputFlags,
    ...dryRunFlag,
    ...fieldManagerFlag,
    ...localFlag,
    patch: { type: 'text', short: 'p', value: 'PATCH', help: 'the patch, as JSON or YAML' },
    'patch-file': { type: 'text', value: 'FILE', help: 'a file with the patch' },
    type: {
      type: 'text',
      default: 'strategic',
      value: 'json|merge|strategic',
      help: 'how the patch is meant',
    },
    subresource: {
      type: 'text',
      value: 'NAME',
      help: 'status, scale or another part of the object',
    },
  },
  completes: 'targets',
  run: async (invocation) => {
    const { args, flags, context } = invocation;
    const { type } = flags;
    if (!Object.hasOwn(types, type)) {
      throw plain(`--type must be one of [json merge strategic], not "${type}"`);
    }
    const hasPatch = (flags.patch ?? '') !== '';
    if (hasPatch === (flags['patch-file'] !== undefined)) {
      throw plain(
        !hasPatch
          ? 'must specify --patch or --patch-file containing the contents of the patch'
          : 'cannot specify --patch and --patch-file together',
      );
    }
    const patch = parsePatch(hasPatch ? (flags.patch ?? '') : readPatch(flags['patch-file'] ?? ''));
    const dryRun = parseDryRun(flags['dry-run']);
    const print = resultPrinter(context, flags, dryRun);
    if (flags.local === true) {
      if (args.length > 0) throw plain('cannot specify --local and server resources');
      if (!hasFiles(flags)) throw missingResources();
      const files = await readLocalFiles(context, flags);
      return forEachUnlessRefused(context, files, async ({ ref, object }) =>
        print('patched', ref, await patchHere(type, object, patch)),
      );
    }
    return withSession(invocation, async (session) => {
      const { subresource } = flags;
      const chosen = await choose(session, args, flags);
      return forEachUnlessRefused(context, chosen, async ({ ref, fetch }) => {
        const before = await fetch();
        const after =
          dryRun === 'client'
            ? await patchHere(type, before, patch)
            : await session.kube.json<KubeObject>({
                method: 'PATCH',
                path: objectPath(ref, subresource),
                contentType: types[type as keyof typeof types],
                query: writeQuery({ dryRun, manager: flags['field-manager'] }),
                body: patch,
              });
        const same = before.metadata.resourceVersion === after.metadata.resourceVersion;
        const word = dryRun === 'none' && same ? 'patched (no change)' : 'patched';
        // A part of an object may be of another kind: the scale of a deployment.
        const isPart = subresource !== undefined && after.kind !== undefined;
        await print(word, isPart ? { ...ref, resource: namedByKind(after) } : ref, after);
      });
    });
  },
});

/** What is patched: objects that are named are looked at before, those of files are as the files say. */
async function choose(
  session: Session,
  words: readonly string[],
  flags: Choice & { readonly subresource?: string | undefined },
): Promise<Chosen[]> {
  if (words.length === 0 && !hasFiles(flags)) throw missingResources();
  mayNotNameBoth(words, flags);
  if (hasFiles(flags)) {
    const files = await readFiles(session, flags);
    return files.map(({ ref, object }) => ({ ref, fetch: () => Promise.resolve(object) }));
  }
  const chosen = (await parseSelections(session.mapper, words)).flatMap(({ resource, names }) =>
    names.map((name): Chosen => {
      const namespace = resource.namespaced ? session.namespace : undefined;
      const ref = { resource, name, namespace };
      return { ref, fetch: () => fetchObject(session, ref, flags.subresource) };
    }),
  );
  if (chosen.length === 0) throw plain('resource(s) were provided, but no name was specified');
  return chosen;
}

/** @throws CommandLineError in kubectl's words */
function readPatch(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const why = isMissing ? `open ${path}: no such file or directory` : errorMessage(error);
    throw plain(`unable to read patch file: ${why}`);
  }
}

/** @throws CommandLineError for what is neither JSON nor YAML */
function parsePatch(text: string): unknown {
  try {
    return parseYamlBody(text).value;
  } catch (error) {
    throw plain(`unable to parse "${text}": ${errorMessage(error)}`);
  }
}

/** What the patch makes, without the server. @throws CommandLineError where only the server can say */
async function patchHere(type: string, before: KubeObject, patch: unknown): Promise<KubeObject> {
  if (type === 'json') return applyJsonPatch(before, patch) as KubeObject;
  if (type === 'merge') return applyMergePatch(before, patch) as KubeObject;
  // Loaded only here: all kinds with their schemas are much to load.
  const { builtInKinds } = await import('../../api/kinds.js');
  const kind = builtInKinds.find(
    ({ group, version, kind: name }) =>
      apiVersionOf({ group, version }) === before.apiVersion && name === before.kind,
  );
  if (kind === undefined) {
    const [group = '', version] = (before.apiVersion ?? '').split('/');
    const named = version === undefined ? `/${group}` : `${group}/${version}`;
    throw plain(
      `strategic merge patch is not supported for ${named}, Kind=${before.kind ?? ''} locally, try --type merge`,
    );
  }
  return applyStrategicMergePatch(kind.schema, before, patch) as KubeObject;
}
