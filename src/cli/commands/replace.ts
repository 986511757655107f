import type { KubeObject } from '../../api/object.js';
import { isApiError } from '../../client/types.js';
import { fileFlags } from '../builder/file-flags.js';
import type { FileObject } from '../builder/objects.js';
import { hasFiles, readFiles } from '../builder/objects.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import { forEachUnlessRefused } from '../kube/failures.js';
import { objectPath, pathOf, typeName } from '../kube/resource.js';
import type { Session } from '../kube/session.js';
import { withSession } from '../kube/session.js';
import { waitGone } from '../kube/wait-gone.js';
import type { DryRun } from '../kube/write.js';
import {
  dryRunFlag,
  fieldManagerFlag,
  parseDryRun,
  resultPrinter,
  validateFlag,
  writeQuery,
} from '../kube/write.js';
import { outputFlags } from '../print/output.js';

/** How long a forced replacement waits for the old object to go. */
const goneMsMax = 300_000;

/** `trireme replace`. */
export const replaceCommand = defineCommand({
  name: 'replace',
  summary: 'replace objects by those of files',
  usage: '-f FILE',
  examples: [
    ['with what a file says', 'trireme replace -f web.yaml'],
    ['from standard input', 'cat web.yaml | trireme replace -f -'],
    ['delete it and make it anew', 'trireme replace --force -f web.yaml'],
  ],
  flags: {
    ...fileFlags,
    ...outputFlags,
    ...dryRunFlag,
    ...fieldManagerFlag,
    ...validateFlag,
    force: { type: 'bool', help: 'delete the object and make it anew' },
    'grace-period': {
      type: 'int',
      default: -1,
      value: 'SECONDS',
      help: 'of the deletion by --force',
    },
    subresource: {
      type: 'text',
      value: 'NAME',
      help: 'status, scale or another part of the object',
    },
  },
  completes: 'nothing',
  run: async (invocation) => {
    const { flags, context } = invocation;
    if (!hasFiles(flags)) {
      throw new CommandLineError('must specify one of -f and -k', { plain: true });
    }
    if (flags['grace-period'] >= 0 && flags.force !== true) {
      throw new CommandLineError('--grace-period must have --force specified', { plain: true });
    }
    const dryRun = parseDryRun(flags['dry-run']);
    const print = resultPrinter(context, flags, dryRun);
    const query = writeQuery({ dryRun, manager: flags['field-manager'], validate: flags.validate });
    return withSession(invocation, async (session) => {
      const files = await readFiles(session, flags);
      const act = async (file: FileObject): Promise<void> => {
        const { ref, object } = file;
        if (dryRun === 'client') return print('replaced', ref, object);
        if (flags.force === true) await remove(session, file, flags['grace-period'], dryRun);
        const made = await session.kube.json<KubeObject>({
          method: flags.force === true ? 'POST' : 'PUT',
          path:
            flags.force === true
              ? pathOf(ref.resource, { namespace: ref.namespace })
              : objectPath(ref, flags.subresource),
          query,
          body: object,
        });
        await print('replaced', ref, made);
      };
      return forEachUnlessRefused(
        context,
        files,
        act,
        ({ source }) => `error when replacing "${source}": `,
      );
    });
  },
});

async function remove(
  session: Session,
  { ref }: FileObject,
  grace: number,
  dryRun: DryRun,
): Promise<void> {
  try {
    await session.kube.json({
      method: 'DELETE',
      path: objectPath(ref),
      body: {
        propagationPolicy: 'Background',
        ...(grace < 0 ? {} : { gracePeriodSeconds: grace }),
        ...(dryRun === 'server' ? { dryRun: ['All'] } : {}),
      },
    });
    session.context.out(`${typeName(ref.resource)} "${ref.name}" deleted\n`);
  } catch (error) {
    if (isApiError(error, 'NotFound')) return;
    throw error;
  }
  if (dryRun !== 'none') return;
  if (!(await waitGone(session, ref, '', goneMsMax))) {
    throw new CommandLineError(`timed out waiting for ${ref.name} to be deleted`, { plain: true });
  }
}
