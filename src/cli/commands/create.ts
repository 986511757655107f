import type { KubeObject } from '../../api/object.js';
import { fileFlags, selectorFlag } from '../builder/file-flags.js';
import { matchesLabels } from '../builder/label-match.js';
import type { FileObject } from '../builder/objects.js';
import { hasFiles, readFiles } from '../builder/objects.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import type { CommandSpec } from '../command/spec.js';
import {
  createClusterRole,
  createClusterRoleBinding,
  createRole,
  createRoleBinding,
  createServiceAccount,
} from '../generate/access.js';
import { createConfigMap, createSecret } from '../generate/config.js';
import {
  createBudget,
  createNamespace,
  createPriorityClass,
  createQuota,
} from '../generate/policies.js';
import { createIngress, createService } from '../generate/services.js';
import { createCronJob, createDeployment, createJob } from '../generate/workloads.js';
import { forEachUnlessRefused } from '../kube/failures.js';
import { pathOf } from '../kube/resource.js';
import { mustBeOneFile, sendRaw } from '../kube/raw-request.js';
import { saveConfigFlag, savedConfig } from '../kube/last-applied.js';
import { withSession } from '../kube/session.js';
import {
  dryRunFlag,
  fieldManagerFlag,
  parseDryRun,
  resultPrinter,
  validateFlag,
  writeQuery,
} from '../kube/write.js';
import { outputFlags } from '../print/output.js';
import { createToken } from './create-token.js';

const subcommands: readonly CommandSpec[] = [
  createClusterRole,
  createClusterRoleBinding,
  createConfigMap,
  createCronJob,
  createDeployment,
  createIngress,
  createJob,
  createNamespace,
  createBudget,
  createPriorityClass,
  createQuota,
  createRole,
  createRoleBinding,
  createSecret,
  createService,
  createServiceAccount,
  createToken,
];

/** `trireme create`. */
export const createCommand: CommandSpec = {
  ...defineCommand({
    name: 'create',
    summary: 'create objects from files or from words',
    usage: '(-f FILE | KIND NAME ...)',
    examples: [
      ['what a file says', 'trireme create -f web.yaml'],
      ['a deployment from words', 'trireme create deployment web --image=nginx'],
      [
        'print it instead of making it',
        'trireme create deployment web --image=nginx --dry-run=client -o yaml',
      ],
    ],
    flags: {
      ...fileFlags,
      ...selectorFlag,
      ...outputFlags,
      ...dryRunFlag,
      ...fieldManagerFlag,
      ...validateFlag,
      ...saveConfigFlag,
      raw: { type: 'text', value: 'PATH', help: 'POST the file to this path, as it is' },
    },
    completes: 'nothing',
    run: async (invocation) => {
      const { args, flags, context } = invocation;
      if (!hasFiles(flags)) {
        throw new CommandLineError(
          args.length > 0
            ? `Unexpected args: [${args.join(' ')}]`
            : 'must specify one of -f and -k',
          { plain: args.length === 0 },
        );
      }
      if (args.length > 0) throw new CommandLineError(`Unexpected args: [${args.join(' ')}]`);
      if (flags.raw !== undefined) {
        mustBeOneFile(flags);
        return sendRaw(invocation, 'POST', flags.raw, flags.filename[0]);
      }
      const dryRun = parseDryRun(flags['dry-run']);
      const print = resultPrinter(context, flags, dryRun);
      const query = writeQuery({
        dryRun,
        manager: flags['field-manager'],
        validate: flags.validate,
      });
      return withSession(invocation, async (session) => {
        const files = (await readFiles(session, flags)).filter(({ object }) =>
          matchesLabels(flags.selector, object),
        );
        if (files.length === 0)
          throw new CommandLineError('no objects passed to create', { plain: true });
        const act = async ({ ref, object: given }: FileObject): Promise<void> => {
          const object = savedConfig(given, flags['save-config']);
          const path = pathOf(ref.resource, { namespace: ref.namespace });
          const made =
            dryRun === 'client'
              ? object
              : await session.kube.json<KubeObject>({ method: 'POST', path, query, body: object });
          await print('created', ref, made);
          if (ref.resource.plural === 'customresourcedefinitions') session.mapper.refresh();
        };
        return forEachUnlessRefused(
          context,
          files,
          act,
          ({ source }) => `error when creating "${source}": `,
        );
      });
    },
  }),
  subcommands,
};
