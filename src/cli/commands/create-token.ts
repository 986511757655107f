import { isApiError } from '../../client/types.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import { goDurationMs } from '../kube/duration.js';
import { pathOf } from '../kube/resource.js';
import { withSession } from '../kube/session.js';

/** `trireme create token`. */
export const createToken = defineCommand({
  name: 'token',
  summary: 'ask for a token of a service account',
  usage: 'SERVICEACCOUNT',
  examples: [['for an hour', 'trireme create token robot --duration=1h']],
  flags: {
    duration: {
      type: 'text',
      default: '0s',
      value: 'DURATION',
      help: 'how long it is valid; 0 is as long as the server likes',
    },
    audience: { type: 'list', value: 'NAME', help: 'for whom; may be repeated' },
  },
  completes: 'nothing',
  run: async (invocation) => {
    const { args, flags, context } = invocation;
    const [name] = args;
    if (name === undefined || args.length > 1)
      throw new CommandLineError(`exactly one NAME is required, got ${args.length}`);
    const seconds = goDurationMs(flags.duration) / 1000;
    await withSession(invocation, async ({ kube, namespace }) => {
      const asked = kube.json<{ status: { token: string } }>({
        method: 'POST',
        path: pathOf(
          { group: '', version: 'v1', plural: 'serviceaccounts' },
          { namespace, name, subresource: 'token' },
        ),
        body: {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenRequest',
          spec: {
            ...(flags.audience.length === 0 ? {} : { audiences: flags.audience }),
            ...(seconds === 0 ? {} : { expirationSeconds: seconds }),
          },
        },
      });
      const answer = await asked.catch((error: unknown) => {
        if (!isApiError(error)) throw error;
        throw new CommandLineError(`failed to create token: ${error.message}`, { plain: true });
      });
      context.out(`${answer.status.token}\n`);
    });
  },
});
