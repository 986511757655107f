/** `config view`, `set-…`, `set`, `unset`. */
import { readFileSync } from 'node:fs';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import { mergedKubeconfig } from '../kube/client-config.js';
import type { Kubeconfig } from '../kube/kubeconfig-types.js';
import { renderJsonPath } from '../print/jsonpath/evaluate.js';
import { parseOutput } from '../print/output.js';
import { formatJson } from '../print/json.js';
import { formatYaml } from '../../api/print/yaml.js';
import { changeConfig } from './config-file.js';
import type { ListName } from './config-file.js';

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });
const secretFields: Readonly<Record<string, string>> = {
  'certificate-authority-data': 'DATA+OMITTED',
  'client-certificate-data': 'DATA+OMITTED',
  'client-key-data': 'DATA+OMITTED',
  token: 'REDACTED',
  password: 'REDACTED',
};

/** `config view`. */
export const viewConfig = defineCommand({
  name: 'view',
  summary: 'print the kubeconfig, without secrets',
  usage: '',
  examples: [
    ['all files as one', 'trireme config view'],
    ['only what is used now, with secrets', 'trireme config view --minify --raw'],
  ],
  flags: {
    output: { type: 'text', short: 'o', value: 'FORMAT', help: 'yaml, json or jsonpath=TEMPLATE' },
    raw: { type: 'bool', help: 'with secrets' },
    minify: { type: 'bool', help: 'only the current context and what it names' },
    flatten: { type: 'bool', help: 'files as data' },
  },
  completes: 'nothing',
  run: async ({ flags, globals, context }) => {
    const merged = mergedKubeconfig(globals.kubeconfig);
    let config: Kubeconfig = { apiVersion: 'v1', kind: 'Config', ...merged };
    if (flags.minify === true)
      config = minified(config, globals.context ?? merged['current-context'] ?? '');
    if (flags.flatten === true) config = flattened(config);
    const shown = {
      ...(flags.raw === true || flags.flatten === true ? config : redacted(config)),
      preferences: {},
    };
    const format = parseOutput(flags.output, undefined);
    if (format?.name === 'json') context.out(`${formatJson(shown)}\n`);
    else if (format?.name === 'jsonpath') context.out(renderJsonPath(format.template, shown));
    else context.out(formatYaml(shown));
  },
});

function minified(config: Kubeconfig, name: string): Kubeconfig {
  const contexts = (config.contexts ?? []).filter((entry) => entry.name === name);
  const [entry] = contexts;
  if (entry === undefined) throw plain('current-context must exist in order to minify');
  return {
    ...config,
    'current-context': name,
    contexts,
    clusters: (config.clusters ?? []).filter((cluster) => cluster.name === entry.context?.cluster),
    users: (config.users ?? []).filter((user) => user.name === entry.context?.user),
  };
}

function flattened(config: Kubeconfig): Kubeconfig {
  const inline = (entry: object): object =>
    Object.fromEntries(
      Object.entries(entry).map(([key, value]) =>
        ['certificate-authority', 'client-certificate', 'client-key'].includes(key)
          ? [`${key}-data`, readFileSync(String(value)).toString('base64')]
          : [key, value as unknown],
      ),
    );
  return {
    ...config,
    clusters: (config.clusters ?? []).map(({ name, cluster }) => ({
      name,
      cluster: inline(cluster ?? {}),
    })),
    users: (config.users ?? []).map(({ name, user }) => ({ name, user: inline(user ?? {}) })),
  };
}

function redacted(config: Kubeconfig): Kubeconfig {
  const hide = (value: unknown, key = ''): unknown => {
    if (Object.hasOwn(secretFields, key)) return secretFields[key];
    if (Array.isArray(value)) return value.map((item) => hide(item));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [name, hide(inner, name)]),
    );
  };
  return hide(config) as Kubeconfig;
}

/** Puts a change on an entry, which is made if it is not there. @returns whether it was there */
async function changeEntry(
  flag: string | undefined,
  list: ListName,
  name: string,
  fields: Readonly<Record<string, unknown>>,
): Promise<boolean> {
  let isThere = false;
  await changeConfig(flag, { list, name }, (config) => {
    const key = list.slice(0, -1);
    const entries = (config[list] ?? []) as { name: string; [key: string]: unknown }[];
    const found = entries.find((entry) => entry.name === name);
    isThere = found !== undefined;
    const given = Object.fromEntries(
      Object.entries(fields).filter(([, value]) => value !== undefined),
    );
    const changed = { ...(found?.[key] as object | undefined), ...given };
    const others = entries.filter((entry) => entry.name !== name);
    Object.assign(config, { [list]: [...others, { name, [key]: changed }] });
  });
  return isThere;
}

function nameOf(args: readonly string[]): string {
  const [name] = args;
  if (name === undefined || args.length > 1)
    throw new CommandLineError(`unexpected args: [${args.join(' ')}]`);
  return name;
}

/** `config set-cluster`. */
export const setCluster = defineCommand({
  name: 'set-cluster',
  summary: 'set the fields of a cluster',
  usage: 'NAME [--server=URL] [--certificate-authority=FILE]',
  examples: [['its address', 'trireme config set-cluster c --server=https://10.0.0.1:6443']],
  flags: { 'embed-certs': { type: 'bool', help: 'the certificate as data' } },
  completes: 'clusters',
  run: async ({ args, flags, globals, context }) => {
    const name = nameOf(args);
    const ca = globals['certificate-authority'];
    const embed = flags['embed-certs'] === true && ca !== undefined;
    const fields = {
      server: globals.server,
      'tls-server-name': globals['tls-server-name'],
      'insecure-skip-tls-verify': globals['insecure-skip-tls-verify'],
      ...(embed
        ? { 'certificate-authority-data': readFileSync(ca).toString('base64') }
        : { 'certificate-authority': ca }),
    };
    await changeEntry(globals.kubeconfig, 'clusters', name, fields);
    context.out(`Cluster "${name}" set.\n`);
  },
});

/** `config set-context`. */
export const setContext = defineCommand({
  name: 'set-context',
  summary: 'set the fields of a context',
  usage: '(NAME | --current) [--cluster=NAME] [--user=NAME] [--namespace=NAME]',
  examples: [
    ['another namespace from now on', 'trireme config set-context --current --namespace=jobs'],
  ],
  flags: { current: { type: 'bool', help: 'the current context' } },
  completes: 'contexts',
  run: async ({ args, flags, globals, context }) => {
    const current = mergedKubeconfig(globals.kubeconfig)['current-context'] ?? '';
    if (flags.current === true && current === '') throw plain('no current context is set');
    const name = flags.current === true ? current : nameOf(args);
    const { cluster, user, namespace } = globals;
    const isThere = await changeEntry(globals.kubeconfig, 'contexts', name, {
      cluster,
      user,
      namespace,
    });
    context.out(`Context "${name}" ${isThere ? 'modified' : 'created'}.\n`);
  },
});

/** `config set-credentials`. */
export const setCredentials = defineCommand({
  name: 'set-credentials',
  summary: 'set how a user proves who it is',
  usage: 'NAME [--token=TOKEN] [--client-certificate=FILE --client-key=FILE]',
  examples: [['by a token', 'trireme config set-credentials robot --token=abc']],
  flags: {
    'embed-certs': { type: 'bool', help: 'the certificate and its key as data' },
    username: { type: 'text', value: 'NAME', help: 'for basic authentication' },
    password: { type: 'text', value: 'PASSWORD', help: 'for basic authentication' },
  },
  completes: 'users',
  run: async ({ args, flags, globals, context }) => {
    const name = nameOf(args);
    const file = (field: 'client-certificate' | 'client-key'): object => {
      const path = globals[field];
      if (path === undefined) return {};
      return flags['embed-certs'] === true
        ? { [`${field}-data`]: readFileSync(path).toString('base64') }
        : { [field]: path };
    };
    await changeEntry(globals.kubeconfig, 'users', name, {
      token: globals.token,
      username: flags.username,
      password: flags.password,
      ...file('client-certificate'),
      ...file('client-key'),
    });
    context.out(`User "${name}" set.\n`);
  },
});

/** `contexts.NAME.namespace` as a list, a name, and fields. @throws CommandLineError */
function parsePlace(path: string): {
  readonly list: ListName | undefined;
  readonly name: string;
  readonly field: string;
} {
  if (path === 'current-context') return { list: undefined, name: '', field: path };
  const match =
    /^(clusters|contexts|users)\.(.+)\.([a-z-]+)$/.exec(path) ??
    /^(clusters|contexts|users)\.(.+)()$/.exec(path);
  if (match === null) throw plain(`unable to parse path "${path}"`);
  const [, list, name = '', field = ''] = match;
  return { list: list as ListName, name, field };
}

/** `config set`. */
export const setValue = defineCommand({
  name: 'set',
  summary: 'set one field of the kubeconfig',
  usage: 'PATH VALUE',
  examples: [['the namespace of a context', 'trireme config set contexts.trireme.namespace jobs']],
  flags: {},
  completes: 'nothing',
  run: async ({ args, globals, context }) => {
    const [path = '', value = ''] = args;
    if (args.length !== 2) throw new CommandLineError(`unexpected args: [${args.join(' ')}]`);
    const { list, name, field } = parsePlace(path);
    if (list === undefined) {
      await changeConfig(globals.kubeconfig, { list, name }, (config) => {
        config['current-context'] = value;
      });
    } else await changeEntry(globals.kubeconfig, list, name, { [field]: value });
    context.out(`Property "${path}" set.\n`);
  },
});

/** `config unset`. */
export const unsetValue = defineCommand({
  name: 'unset',
  summary: 'remove one field of the kubeconfig',
  usage: 'PATH',
  examples: [['the current context', 'trireme config unset current-context']],
  flags: {},
  completes: 'nothing',
  run: async ({ args, globals, context }) => {
    const path = nameOf(args);
    const { list, name, field } = parsePlace(path);
    await changeConfig(globals.kubeconfig, { list, name }, (config) => {
      if (list === undefined) {
        config['current-context'] = '';
        return;
      }
      const entries = (config[list] ?? []) as { name: string; [key: string]: unknown }[];
      if (field === '')
        Object.assign(config, { [list]: entries.filter((entry) => entry.name !== name) });
      else {
        const inner = entries.find((entry) => entry.name === name)?.[list.slice(0, -1)] as
          Record<string, unknown> | undefined;
        if (inner !== undefined) delete inner[field];
      }
    });
    context.out(`Property "${path}" unset.\n`);
  },
});
