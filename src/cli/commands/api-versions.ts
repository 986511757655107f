import { defineCommand } from '../command/spec.js';
import { discover } from '../kube/discovery.js';
import { apiVersionOf } from '../kube/resource.js';
import { withSession } from '../kube/session.js';

/** `trireme api-versions`. */
export const apiVersionsCommand = defineCommand({
  name: 'api-versions',
  summary: 'list the groups and versions that the server has',
  usage: '',
  examples: [['all', 'trireme api-versions']],
  flags: {},
  completes: 'nothing',
  run: (invocation) =>
    withSession(invocation, async ({ kube }) => {
      const versions = new Set((await discover(kube)).map(apiVersionOf));
      invocation.context.out(
        [...versions]
          .sort()
          .map((version) => `${version}\n`)
          .join(''),
      );
    }),
});
