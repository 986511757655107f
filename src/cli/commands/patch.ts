import { readFileSync } from 'node:fs';
import type { KubeObject } from '../../api/object.js';
import { applyJsonPatch } from '../../api/patch/json-patch.js';
import { applyMergePatch } from '../../api/patch/merge-patch.js';
import { parseYamlBody } from '../../api/schema/yaml-text.js';
import { errorMessage } from '../../lib/errors.js';
import { fileFlags } from '../builder/file-flags.js';
import { fetchObject, hasFiles, readFiles } from '../builder/objects.js';
import { missingResources } from '../builder/missing-resources.js';
import { parseSelections } from '../builder/arguments.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import { forEachUnlessRefused } from '../kube/failures.js';
import { objectPath } from '../kube/resource.js';
import type { ObjectRef } from '../kube/resource.js';
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
    return withSession(invocation, async (session) => {
      if (args.length === 0 && !hasFiles(flags)) throw missingResources();
      const refs: ObjectRef[] = hasFiles(flags)
        ? (await readFiles(session, flags)).map(({ ref }) => ref)
        : (await parseSelections(session.mapper, args)).flatMap(({ resource, names }) =>
            names.map((name) => ({
              resource,
              name,
              namespace: resource.namespaced ? session.namespace : undefined,
            })),
          );
      if (refs.length === 0) throw plain('resource(s) were provided, but no name was specified');
      return forEachUnlessRefused(context, refs, async (ref) => {
        const before = await fetchObject(session, ref);
        const after =
          dryRun === 'client'
            ? patchHere(type, before, patch)
            : await session.kube.json<KubeObject>({
                method: 'PATCH',
                path: objectPath(ref, flags.subresource),
                contentType: types[type as keyof typeof types],
                query: writeQuery({ dryRun, manager: flags['field-manager'] }),
                body: patch,
              });
        const same = before.metadata.resourceVersion === after.metadata.resourceVersion;
        const isKept = dryRun === 'none' && same && flags.subresource === undefined;
        await print(isKept ? 'patched (no change)' : 'patched', ref, after);
      });
    });
  },
});

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

/** What the patch makes, as far as it can be said without the server: lists are replaced. */
function patchHere(type: string, before: KubeObject, patch: unknown): KubeObject {
  if (type === 'json') return applyJsonPatch(before, patch) as KubeObject;
  return applyMergePatch(before, patch) as KubeObject;
}
