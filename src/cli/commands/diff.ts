import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubeObject } from '../../api/object.js';
import { isApiError } from '../../client/types.js';
import { fileFlags, selectorFlag } from '../builder/file-flags.js';
import { matchesLabels } from '../builder/label-match.js';
import { fetchObject, hasFiles, readFiles } from '../builder/objects.js';
import type { FileObject } from '../builder/objects.js';
import { CommandLineError } from '../command/command-line-error.js';
import { failureText } from '../command/run-command.js';
import { defineCommand } from '../command/spec.js';
import { objectPath } from '../kube/resource.js';
import type { Session } from '../kube/session.js';
import { withSession } from '../kube/session.js';
import { fieldManagerFlag, writeQuery } from '../kube/write.js';
import { maskSecrets } from '../print/mask-secrets.js';
import { withoutManagedFields } from '../print/output.js';
import { formatYaml } from '../print/yaml.js';

/** Of `diff`: 0 nothing differs, 1 something does; above, it failed. */
const failedCode = 2;

/** `trireme diff`. */
export const diffCommand = defineCommand({
  name: 'diff',
  summary: 'show what apply would change',
  description:
    'Compares the objects of the cluster with what they would be after `apply -f`, by the program $KUBECTL_EXTERNAL_DIFF, else `diff -u -N`. Exit code 0: nothing would change; 1: something would; above: it failed.',
  usage: '(-f FILE | -k DIR)',
  examples: [
    ['of a file', 'trireme diff -f web.yaml'],
    ['from standard input', 'cat web.yaml | trireme diff -f -'],
  ],
  flags: {
    ...fileFlags,
    ...selectorFlag,
    ...fieldManagerFlag,
    'force-conflicts': { type: 'bool', help: 'take fields that others own' },
    'server-side': { type: 'bool', help: 'always so here' },
    'show-managed-fields': { type: 'bool', help: 'keep metadata.managedFields' },
  },
  completes: 'nothing',
  run: async (invocation) => {
    const { flags, context } = invocation;
    if (!hasFiles(flags))
      throw new CommandLineError('must specify one of -f and -k', { plain: true });
    const directory = mkdtempSync(join(tmpdir(), 'trireme-diff-'));
    const [live, merged] = ['LIVE', 'MERGED'].map((name) => join(directory, name)) as [
      string,
      string,
    ];
    for (const path of [live, merged]) mkdirSync(path);
    try {
      return await withSession(invocation, async (session) => {
        for (const file of await readFiles(session, flags)) {
          if (!matchesLabels(flags.selector, file.object)) continue;
          const sides = await sidesOf(session, file, {
            force: flags['force-conflicts'] ?? false,
            manager: flags['field-manager'],
          });
          const [before, after] = maskSecrets(...sides);
          const shown = (object: KubeObject | undefined): string => {
            if (object === undefined) return '';
            const kept =
              flags['show-managed-fields'] === true ? object : withoutManagedFields(object);
            return formatYaml(kept);
          };
          if (before !== undefined) writeFileSync(join(live, fileName(file)), shown(before));
          writeFileSync(join(merged, fileName(file)), shown(after));
        }
        return compare(live, merged, context.out, context.err);
      });
    } catch (error) {
      context.err(`${failureText(error, 'trireme diff')}\n`);
      return failedCode;
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
});

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

function fileName({ ref }: FileObject): string {
  const { group, version, kind } = ref.resource;
  return [group, version, kind, ref.namespace ?? '', ref.name]
    .filter((part) => part !== '')
    .join('.');
}

function compare(
  live: string,
  merged: string,
  out: (text: string) => void,
  err: (text: string) => void,
): number {
  const [program = 'diff', ...args] = (process.env['KUBECTL_EXTERNAL_DIFF'] ?? 'diff -u -N').split(
    ' ',
  );
  const run = spawnSync(program, [...args, live, merged], {
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  });
  if (run.error !== undefined)
    throw new CommandLineError(`failed to run "${program}": ${run.error.message}`, { plain: true });
  out(run.stdout);
  err(run.stderr);
  return run.status ?? failedCode;
}
