import type { CronJob } from '../../api/types/workloads.js';
import { CommandLineError } from '../command/command-line-error.js';
import type { Flags } from '../command/flag-types.js';
import type { Invocation } from '../command/spec.js';
import { objectPath } from '../kube/resource.js';
import { withSession } from '../kube/session.js';
import type { Made } from './generator.js';

/** The job that a cron job would run now. */
export function jobFromCronJob<F extends Flags>(
  name: string,
  from: string,
  invocation: Invocation<F>,
): Promise<Made> {
  const [type = '', source = ''] = from.split('/');
  return withSession(invocation, async ({ kube, mapper, namespace }) => {
    const resource = await mapper.byName(type);
    if (source === '') {
      throw new CommandLineError(`from must be an existing cronjob: ${from}`, { plain: true });
    }
    const ref = { resource, namespace, name: source };
    const cronJob = await kube.json<CronJob>({ path: objectPath(ref) });
    if (resource.kind !== 'CronJob') {
      const { version, kind } = resource;
      throw new CommandLineError(`unknown object type *${version}.${kind}`, { plain: true });
    }
    const { metadata, spec } = cronJob.spec.jobTemplate;
    return {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: {
        name,
        labels: metadata?.labels,
        annotations: { ...metadata?.annotations, 'cronjob.kubernetes.io/instantiate': 'manual' },
        ownerReferences: [
          {
            apiVersion: 'batch/v1',
            kind: 'CronJob',
            name: source,
            uid: cronJob.metadata.uid,
            controller: true,
          },
        ],
      },
      spec,
      status: {},
    } as Made;
  });
}
