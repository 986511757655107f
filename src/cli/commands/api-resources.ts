import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import { discover } from '../kube/discovery.js';
import { apiVersionOf, pluralName } from '../kube/resource.js';
import type { Resource } from '../kube/resource.js';
import { preferred } from '../kube/resource-mapper.js';
import { withSession } from '../kube/session.js';
import { alignColumns } from '../print/columns.js';

/** `trireme api-resources`. */
export const apiResourcesCommand = defineCommand({
  name: 'api-resources',
  summary: 'list the kinds that the server has',
  usage: '',
  examples: [
    ['all', 'trireme api-resources'],
    ['with their verbs', 'trireme api-resources -o wide'],
    ['those of namespaces', 'trireme api-resources --namespaced=true'],
    ['of a group', 'trireme api-resources --api-group=apps'],
  ],
  flags: {
    'api-group': { type: 'text', value: 'GROUP', help: 'only of this group' },
    namespaced: {
      type: 'bool',
      help: 'only those of namespaces, or with =false those of the cluster',
    },
    verbs: { type: 'list', commas: true, value: 'VERB', help: 'only those with all these verbs' },
    categories: {
      type: 'list',
      commas: true,
      value: 'NAME',
      help: 'only those in all these categories',
    },
    'no-headers': { type: 'bool', help: 'no line with the names of columns' },
    output: { type: 'text', short: 'o', value: 'name|wide', help: 'name or wide' },
    'sort-by': { type: 'text', value: 'name|kind', help: 'the order' },
    cached: { type: 'bool', help: 'nothing is cached here' },
  },
  completes: 'nothing',
  run: async (invocation) => {
    const { args, flags, context } = invocation;
    if (args.length > 0) throw new CommandLineError(`unexpected arguments: [${args.join(' ')}]`);
    const { output } = flags;
    if (output !== undefined && output !== 'wide' && output !== 'name') {
      throw new CommandLineError(`--output ${output} is not available`, { plain: true });
    }
    const by = flags['sort-by'];
    if (by !== undefined && by !== '' && by !== 'name' && by !== 'kind') {
      throw new CommandLineError('--sort-by accepts only name or kind', { plain: true });
    }
    return withSession(invocation, async ({ kube }) => {
      const found = preferred(await discover(kube))
        .filter(
          ({ verbs }) => verbs.length > 0 && flags.verbs.every((verb) => verbs.includes(verb)),
        )
        .filter(({ group }) => flags['api-group'] === undefined || group === flags['api-group'])
        .filter(
          ({ namespaced }) => flags.namespaced === undefined || namespaced === flags.namespaced,
        )
        .filter(({ categories }) => flags.categories.every((name) => categories.includes(name)))
        .toSorted((a, b) => order(a, b, by));
      if (output === 'name') {
        context.out(found.map((resource) => `${pluralName(resource)}\n`).join(''));
        return;
      }
      const isWide = output === 'wide';
      const head = [
        'NAME',
        'SHORTNAMES',
        'APIVERSION',
        'NAMESPACED',
        'KIND',
        ...(isWide ? ['VERBS', 'CATEGORIES'] : []),
      ];
      const rows = found.map((resource) => [
        resource.plural,
        resource.shortNames.join(','),
        apiVersionOf(resource),
        String(resource.namespaced),
        resource.kind,
        ...(isWide ? [resource.verbs.join(','), resource.categories.join(',')] : []),
      ]);
      context.out(alignColumns(flags['no-headers'] === true ? rows : [head, ...rows]));
    });
  },
});

function order(a: Resource, b: Resource, by: string | undefined): number {
  const key = (resource: Resource): string =>
    by === 'name'
      ? resource.plural
      : by === 'kind'
        ? resource.kind
        : `${resource.group} ${resource.plural}`;
  return key(a) < key(b) ? -1 : 1;
}
