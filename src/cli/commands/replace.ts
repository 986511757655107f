import type { KubeObject } from '../../api/object.js';
import { isApiError } from '../../client/types.js';
import { fileFlags } from '../builder/file-flags.js';
import type { FileObject } from '../builder/objects.js';
import { hasFiles, readFiles } from '../builder/objects.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import { goDurationMs } from '../kube/duration.js';
import { forEachUnlessRefused } from '../kube/failures.js';
import { saveConfigFlag, savedConfig } from '../kube/last-applied.js';
import { mustBeOneFile, sendRaw } from '../kube/raw-request.js';
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
    ...saveConfigFlag,
    raw: { type: 'text', value: 'PATH', help: 'PUT the file to this path, as it is' },
    force: { type: 'bool', help: 'delete the object and make it anew' },
    'grace-period': {
      type: 'int',
      default: -1,
      value: 'SECONDS',
      help: 'of the deletion by --force',
    },
    timeout: {
      type: 'text',
      default: '0s',
      value: 'DURATION',
      help: 'with --force: how long to wait until the old one is gone; 0 is five minutes',
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
    const timeoutMs = goDurationMs(flags.timeout);
    if (timeoutMs !== 0 && flags.force !== true) {
      throw new CommandLineError('--timeout must have --force specified', { plain: true });
    }
    if (flags.raw !== undefined) {
      mustBeOneFile(flags);
      return sendRaw(invocation, 'PUT', flags.raw, flags.filename[0]);
    }
    const dryRun = parseDryRun(flags['dry-run']);
    const print = resultPrinter(context, flags, dryRun);
    const query = writeQuery({ dryRun, manager: flags['field-manager'], validate: flags.validate });
    return withSession(invocation, async (session) => {
      const files = await readFiles(session, flags);
      const act = async (file: FileObject): Promise<void> => {
        const { ref } = file;
        const object = savedConfig(file.object, flags['save-config']);
        if (dryRun === 'client') return print('replaced', ref, object);
        if (flags.force === true) {
          await remove(session, file, { grace: flags['grace-period'], timeoutMs, dryRun });
        }
        const isPut = flags.force !== true;
        const made = await session.kube.json<KubeObject>({
          method: isPut ? 'PUT' : 'POST',
          path: isPut
            ? objectPath(ref, flags.subresource)
            : pathOf(ref.resource, { namespace: ref.namespace }),
          query,
          body: isPut ? await versioned(session, file, object, flags.subresource) : object,
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

/** The object with the version that the server has: custom resources and some kinds are not replaced without one. */
async function versioned(
  { kube }: Session,
  { ref }: FileObject,
  object: KubeObject,
  subresource: string | undefined,
): Promise<KubeObject> {
  if ((object.metadata.resourceVersion ?? '') !== '') return object;
  try {
    const { metadata } = await kube.json<KubeObject>({ path: objectPath(ref, subresource) });
    const { resourceVersion = '' } = metadata;
    return { ...object, metadata: { ...object.metadata, resourceVersion } };
  } catch (error) {
    // The replacement itself is refused in better words.
    if (isApiError(error)) return object;
    throw error;
  }
}

async function remove(
  session: Session,
  { ref }: FileObject,
  {
    grace,
    timeoutMs,
    dryRun,
  }: { readonly grace: number; readonly timeoutMs: number; readonly dryRun: DryRun },
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
  if (!(await waitGone(session, ref, '', timeoutMs === 0 ? goneMsMax : timeoutMs))) {
    throw new CommandLineError(`timed out waiting for ${ref.name} to be deleted`, { plain: true });
  }
}
