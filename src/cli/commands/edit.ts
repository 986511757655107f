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
import type { EditReason } from '../edit/edit-text.js';
import { invalidReason } from '../edit/edit-text.js';
import { editUntilSaved } from '../edit/edit-until-saved.js';
import type { EditedFile } from '../edit/edited-file.js';
import { mergeDifference } from '../edit/merge-difference.js';
import { objectPath } from '../kube/resource.js';
import type { Session } from '../kube/session.js';
import { withSession } from '../kube/session.js';
import { fieldManagerFlag, resultPrinter, writeQuery } from '../kube/write.js';
import { formatJson } from '../print/json.js';
import { outputFlags, withoutManagedFields } from '../print/output.js';
import { formatYaml } from '../../api/print/yaml.js';

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

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
      for (const one of await findObjects(session, args, { ...flags, all: true })) {
        const edited = await editOne(session, one, {
          json: flags.output === 'json',
          subresource: flags.subresource,
          manager: flags['field-manager'],
        });
        if (typeof edited === 'string') context.err(`${edited}\n`);
        else await print('edited', one.ref, edited);
      }
      return 0;
    });
  },
});

interface EditOptions {
  readonly json: boolean;
  readonly subresource: string | undefined;
  readonly manager: string;
}

/** @returns what the server stored, or why nothing was sent */
async function editOne(
  session: Session,
  found: Found,
  options: EditOptions,
): Promise<KubeObject | string> {
  const { json } = options;
  const before = withoutManagedFields(found.object);
  const original = json ? `${formatJson(before)}\n` : formatYaml(before);
  const { name } = found.ref;
  return editUntilSaved(session.context, { name, original, json }, (body, file) =>
    save(session, { found, before, file }, body, options),
  );
}

/**
 * Sends a saved text.
 * @returns what was stored, or what the user has to mend
 * @throws CommandLineError, Exit for what cannot be mended here; the text is kept then
 */
async function save(
  session: Session,
  edit: { readonly found: Found; readonly before: KubeObject; readonly file: EditedFile },
  body: string,
  options: EditOptions,
): Promise<KubeObject | EditReason> {
  const { kube, context } = session;
  const { found, before, file } = edit;
  const { ref } = found;
  let edited: KubeObject | undefined;
  try {
    [edited] = parseManifests({ name: ref.name, text: body });
  } catch (error) {
    return { head: `The edited file had a syntax error: ${errorMessage(error)}`, fields: [] };
  }
  const identityOf = ({ apiVersion, kind, metadata }: KubeObject): string =>
    JSON.stringify([apiVersion, kind, metadata.name]);
  if (edited === undefined || identityOf(edited) !== identityOf(before)) {
    throw plain('At least one of apiVersion, kind and name was changed');
  }
  try {
    return await kube.json<KubeObject>({
      method: 'PATCH',
      path: objectPath(ref, options.subresource),
      contentType: 'application/merge-patch+json',
      query: { ...writeQuery({ manager: options.manager }), fieldValidation: 'Strict' },
      body: mergeDifference(before, edited) ?? {},
    });
  } catch (error) {
    const what = `${ref.resource.plural} "${ref.name}"`;
    if (isApiError(error, 'Invalid')) {
      context.err(`error: ${what} is invalid\n`);
      return invalidReason({ plural: ref.resource.plural, name: ref.name }, error);
    }
    file.keep();
    context.err(
      isApiError(error, 'NotFound')
        ? `error: ${what} could not be found on the server\nThe edits you made on deleted resources have been saved to "${file.path}"\n`
        : `error: ${what} could not be patched: ${errorMessage(error)}\nYou can run \`trireme replace -f ${file.path}\` to try this update again.\n`,
    );
    throw new Exit(1);
  }
}
