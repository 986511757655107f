import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import { explainText } from '../explain/explain.js';
import type { Schemas } from '../explain/explain.js';
import { apiVersionOf } from '../kube/resource.js';
import { withSession } from '../kube/session.js';

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

/** `trireme explain`. */
export const explainCommand = defineCommand({
  name: 'explain',
  summary: 'show what the fields of a kind mean',
  usage: 'TYPE[.FIELD...]',
  examples: [
    ['a kind', 'trireme explain pods'],
    ['a field', 'trireme explain pods.spec.containers'],
    ['all fields', 'trireme explain deployment.spec --recursive'],
  ],
  flags: {
    'api-version': {
      type: 'text',
      value: 'GROUP/VERSION',
      help: 'the version (default: the preferred one)',
    },
    recursive: { type: 'bool', help: 'the names of all fields below' },
    output: { type: 'text', default: 'plaintext', value: 'plaintext', help: 'the only form' },
  },
  completes: 'types',
  run: async (invocation) => {
    const { args, flags, context } = invocation;
    const [target] = args;
    if (target === undefined) {
      throw plain(
        'You must specify the type of resource to explain. Use "trireme api-resources" for a complete list of supported resources.',
      );
    }
    if (args.length > 1) throw plain('We accept only this format: explain RESOURCE');
    return withSession(invocation, async ({ kube, mapper }) => {
      // All after the type are fields: a group cannot stand there, as in kubectl.
      const [type = '', ...path] = target.replace(/\.$/, '').split('.');
      const known = await mapper.byName(type);
      const wanted = flags['api-version'];
      const resource =
        wanted === undefined
          ? known
          : (await mapper.all()).find(
              (found) => found.plural === known.plural && apiVersionOf(found) === wanted,
            );
      if (resource === undefined) {
        throw plain(`couldn't find resource for "${wanted ?? ''}, Resource=${known.plural}"`);
      }
      const { group, version, kind } = resource;
      const document = await kube.json<{ components?: { schemas?: Schemas } }>({
        path: `/openapi/v3/${group === '' ? 'api' : `apis/${group}`}/${version}`,
      });
      const text = ((): string | undefined => {
        try {
          return explainText(document.components?.schemas ?? {}, {
            group,
            version,
            kind,
            path,
            recursive: flags.recursive ?? false,
          });
        } catch (error) {
          throw plain((error as Error).message);
        }
      })();
      if (text === undefined)
        throw plain(`GVK ${apiVersionOf(resource)}, Kind=${kind} not found in OpenAPI schema`);
      context.out(text);
    });
  },
});
