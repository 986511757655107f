/** `config get-…`, `use-context`, `rename-context`, `delete-…`. */
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import type { CommandSpec } from '../command/spec.js';
import { mergedKubeconfig } from '../kube/client-config.js';
import { alignColumns } from '../print/columns.js';
import { changeConfig } from './config-file.js';
import type { ListName } from './config-file.js';

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

/** `config current-context`. */
export const currentContext = defineCommand({
  name: 'current-context',
  summary: 'print the current context',
  usage: '',
  examples: [['its name', 'trireme config current-context']],
  flags: {},
  completes: 'nothing',
  run: async ({ globals, context }) => {
    const name = mergedKubeconfig(globals.kubeconfig)['current-context'] ?? '';
    if (name === '') throw plain('current-context is not set');
    context.out(`${name}\n`);
  },
});

/** `config get-contexts`. */
export const getContexts = defineCommand({
  name: 'get-contexts',
  summary: 'list contexts',
  usage: '[NAME...]',
  examples: [
    ['all', 'trireme config get-contexts'],
    ['their names', 'trireme config get-contexts -o name'],
  ],
  flags: {
    output: { type: 'text', short: 'o', value: 'name', help: 'name: only names' },
    'no-headers': { type: 'bool', help: 'no line with the names of columns' },
  },
  completes: 'contexts',
  run: async ({ args, flags, globals, context }) => {
    const config = mergedKubeconfig(globals.kubeconfig);
    const all = (config.contexts ?? []).toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const chosen = args.length === 0 ? all : all.filter(({ name }) => args.includes(name));
    if (flags.output === 'name') context.out(chosen.map(({ name }) => `${name}\n`).join(''));
    else {
      const rows = chosen.map(({ name, context: entry }) => [
        name === config['current-context'] ? '*' : '',
        name,
        entry?.cluster ?? '',
        entry?.user ?? '',
        entry?.namespace ?? '',
      ]);
      const head = ['CURRENT', 'NAME', 'CLUSTER', 'AUTHINFO', 'NAMESPACE'];
      context.out(alignColumns(flags['no-headers'] === true ? rows : [head, ...rows]));
    }
    const missing = args.filter((name) => !all.some((entry) => entry.name === name));
    for (const name of missing) context.err(`error: context ${name} not found\n`);
    return missing.length === 0 ? 0 : 1;
  },
});

/** `config get-clusters` and `get-users`. */
export function getEntries(kind: 'cluster' | 'user'): CommandSpec {
  return defineCommand({
    name: `get-${kind}s`,
    summary: `list ${kind}s`,
    usage: '',
    examples: [['their names', `trireme config get-${kind}s`]],
    flags: {},
    completes: 'nothing',
    run: async ({ globals, context }) => {
      const config = mergedKubeconfig(globals.kubeconfig);
      const names = (config[`${kind}s`] ?? []).map(({ name }) => name).sort();
      context.out(['NAME', ...names].map((name) => `${name}\n`).join(''));
    },
  });
}

/** `config use-context`. */
export const useContext = defineCommand({
  name: 'use-context',
  aliases: ['use'],
  summary: 'make a context the current one',
  usage: 'NAME',
  examples: [['from now on', 'trireme config use-context master-2']],
  flags: {},
  completes: 'contexts',
  run: async ({ args, globals, context }) => {
    const [name] = args;
    if (name === undefined || args.length > 1)
      throw new CommandLineError(`unexpected args: [${args.join(' ')}]`);
    const { contexts = [] } = mergedKubeconfig(globals.kubeconfig);
    if (!contexts.some((entry) => entry.name === name))
      throw plain(`no context exists with the name: "${name}"`);
    await changeConfig(globals.kubeconfig, { list: undefined, name }, (config) => {
      config['current-context'] = name;
    });
    context.out(`Switched to context "${name}".\n`);
  },
});

/** `config rename-context`. */
export const renameContext = defineCommand({
  name: 'rename-context',
  summary: 'give a context another name',
  usage: 'NAME NEW-NAME',
  examples: [['shorter', 'trireme config rename-context trireme t']],
  flags: {},
  completes: 'contexts',
  run: async ({ args, globals, context }) => {
    const [from = '', to = ''] = args;
    if (args.length !== 2) throw new CommandLineError(`unexpected args: [${args.join(' ')}]`);
    const { contexts = [] } = mergedKubeconfig(globals.kubeconfig);
    if (!contexts.some(({ name }) => name === from)) {
      throw plain(
        `cannot rename the context "${from}", it's not in ${globals.kubeconfig ?? 'the kubeconfig'}`,
      );
    }
    if (contexts.some(({ name }) => name === to)) {
      throw plain(`cannot rename the context "${from}", the context "${to}" already exists`);
    }
    await changeConfig(globals.kubeconfig, { list: 'contexts', name: from }, (config) => {
      for (const entry of config.contexts ?? []) if (entry.name === from) entry.name = to;
      if (config['current-context'] === from) config['current-context'] = to;
    });
    context.out(`Context "${from}" renamed to "${to}".\n`);
  },
});

const listOf: Readonly<Record<'cluster' | 'context' | 'user', ListName>> = {
  cluster: 'clusters',
  context: 'contexts',
  user: 'users',
};

/** `config delete-cluster`, `delete-context`, `delete-user`. */
export function deleteEntries(kind: 'cluster' | 'context' | 'user'): CommandSpec {
  return defineCommand({
    name: `delete-${kind}`,
    summary: `remove a ${kind} from the kubeconfig`,
    usage: 'NAME',
    examples: [['one of them', `trireme config delete-${kind} old`]],
    flags: {},
    completes: kind === 'context' ? 'contexts' : kind === 'cluster' ? 'clusters' : 'users',
    run: async ({ args, globals, context }) => {
      const [name = ''] = args;
      const list = listOf[kind];
      const merged = mergedKubeconfig(globals.kubeconfig);
      const known = (merged[list] ?? []).some(
        (entry: { readonly name: string }) => entry.name === name,
      );
      const path = await changeConfig(globals.kubeconfig, { list, name }, (config) => {
        if (!known)
          throw plain(
            `cannot delete ${kind} ${name}, not in ${globals.kubeconfig ?? 'the kubeconfig'}`,
          );
        const left = (config[list] ?? []).filter(
          (entry: { readonly name: string }) => entry.name !== name,
        );
        Object.assign(config, { [list]: left });
      });
      context.out(`deleted ${kind} ${name} from ${path}\n`);
      if (kind === 'context' && merged['current-context'] === name) {
        context.err(
          'warning: this removed your active context, use "trireme config use-context" to select a different one\n',
        );
      }
    },
  });
}
