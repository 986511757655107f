import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubeObject } from '../../api/object.js';
import { isApiError } from '../../client/types.js';
import { errorMessage } from '../../lib/errors.js';
import { choiceFlags } from '../builder/choice-flags.js';
import { parseManifests } from '../builder/manifests.js';
import { missingResources } from '../builder/missing-resources.js';
import { findObjects, hasFiles } from '../builder/objects.js';
import type { Found } from '../builder/objects.js';
import { CommandLineError, Exit } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import { mergeDifference } from '../edit/merge-difference.js';
import { objectPath } from '../kube/resource.js';
import type { Session } from '../kube/session.js';
import { withSession } from '../kube/session.js';
import { refusalText } from '../kube/status-error.js';
import { fieldManagerFlag, resultPrinter, writeQuery } from '../kube/write.js';
import { formatJson } from '../print/json.js';
import { outputFlags, withoutManagedFields } from '../print/output.js';
import { formatYaml } from '../print/yaml.js';

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

const head = `# Please edit the object below. Lines beginning with a '#' will be ignored,
# and an empty file will abort the edit. If an error occurs while saving this file will be
# reopened with the relevant failures.
#
`;

/** `trireme edit`. */
export const editCommand = defineCommand({
  name: 'edit',
  summary: 'change objects in an editor',
  description:
    'Opens the objects in the editor of $KUBE_EDITOR or $EDITOR (else vi) and writes what was changed. What the server refuses is opened again with its words.',
  usage: '(TYPE NAME | TYPE/NAME | -f FILE)',
  examples: [
    ['a deployment', 'trireme edit deployment web'],
    ['with another editor', 'EDITOR=nano trireme edit service web'],
  ],
  flags: {
    ...choiceFlags,
    ...outputFlags,
    ...fieldManagerFlag,
    subresource: { type: 'text', value: 'NAME', help: 'status or another part of the object' },
  },
  completes: 'targets',
  run: async (invocation) => {
    const { args, flags, context } = invocation;
    if (args.length === 0 && !hasFiles(flags)) throw missingResources();
    const print = resultPrinter(context, { ...flags, output: undefined });
    return withSession(invocation, async (session) => {
      const found = await findObjects(session, args, { ...flags, all: true });
      let code = 0;
      for (const one of found) {
        const edited = await editOne(session, one, {
          json: flags.output === 'json',
          subresource: flags.subresource,
          manager: flags['field-manager'],
        });
        if (edited === undefined) {
          context.err('Edit cancelled, no changes made.\n');
          continue;
        }
        await print('edited', one.ref, edited);
        code = 0;
      }
      return code;
    });
  },
});

interface EditOptions {
  readonly json: boolean;
  readonly subresource: string | undefined;
  readonly manager: string;
}

/** @returns what the server stored; undefined when nothing was changed */
async function editOne(
  session: Session,
  { ref, object }: Found,
  options: EditOptions,
): Promise<KubeObject | undefined> {
  const before = withoutManagedFields(object);
  const body = options.json ? `${formatJson(before)}\n` : formatYaml(before);
  let text = `${options.json ? '' : head}${body}`;
  const directory = mkdtempSync(join(tmpdir(), 'trireme-edit-'));
  try {
    for (;;) {
      const saved = openEditor(
        join(directory, `${ref.name}.${options.json ? 'json' : 'yaml'}`),
        text,
      );
      const content = withoutComments(saved, options.json);
      if (content.trim() === '' || content === withoutComments(text, options.json)) {
        if (content !== body && content.trim() !== '')
          throw plain('Edit cancelled, no valid changes were saved.');
        return undefined;
      }
      const problem = await save(session, { ref, object: before }, content, options);
      if (typeof problem !== 'string') return problem;
      session.context.err(`${problem}\n`);
      text = `${options.json ? '' : `${head}${commented(problem)}`}${content}`;
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** @returns what was stored, or why not, in words for the editor */
async function save(
  { kube }: Session,
  { ref, object }: Found,
  content: string,
  { subresource, manager }: EditOptions,
): Promise<KubeObject | string | undefined> {
  let edited: KubeObject | undefined;
  try {
    [edited] = parseManifests({ name: ref.name, text: content });
  } catch (error) {
    return errorMessage(error);
  }
  if (edited === undefined) return 'no object';
  const isOther = edited.metadata.name !== ref.name || edited.kind !== object.kind;
  if (isOther) return 'the name and the kind of an object cannot be changed';
  const patch = mergeDifference(object, edited);
  if (patch === undefined) return undefined;
  try {
    return await kube.json<KubeObject>({
      method: 'PATCH',
      path: objectPath(ref, subresource),
      contentType: 'application/merge-patch+json',
      query: { ...writeQuery({ manager }), fieldValidation: 'Strict' },
      body: patch,
    });
  } catch (error) {
    if (!isApiError(error) || error.code >= 500 || error.code === 404) throw error;
    return refusalText(error);
  }
}

/** Lets the user edit. @returns what was saved */
function openEditor(path: string, text: string): string {
  writeFileSync(path, text, { mode: 0o600 });
  const editor = process.env['KUBE_EDITOR'] ?? process.env['EDITOR'] ?? 'vi';
  // The editor may have arguments, and is run by a shell as kubectl does.
  const run = spawnSync('/bin/sh', ['-c', `${editor} "$0"`, path], { stdio: 'inherit' });
  if (run.error !== undefined || run.status === 127) {
    throw plain(`unable to launch the editor "${editor}"`);
  }
  if (run.status !== 0) throw new Exit(1);
  return readFileSync(path, 'utf8');
}

function withoutComments(text: string, json: boolean): string {
  return json ? text : text.replace(/^(?:#.*\n)+/, '');
}

function commented(text: string): string {
  return text
    .split('\n')
    .map((line) => `# ${line}\n`)
    .join('');
}
