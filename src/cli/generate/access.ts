/** `create role`, `clusterrole`, their bindings, `serviceaccount`. */
import { CommandLineError } from '../command/command-line-error.js';
import type { Flags } from '../command/flag-types.js';
import type { Invocation } from '../command/spec.js';
import type { ResourceMapper } from '../kube/resource-mapper.js';
import { withSession } from '../kube/session.js';
import { defineGenerator } from './generator.js';
import type { Made } from './generator.js';

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });
const rbac = 'rbac.authorization.k8s.io';

const ruleFlags = {
  verb: {
    type: 'list',
    commas: true,
    value: 'VERB',
    help: 'what may be done: get, list, watch, …, or *',
  },
  resource: {
    type: 'list',
    commas: true,
    value: 'TYPE',
    help: 'to what; with a group after a dot and a part after a slash',
  },
  'resource-name': { type: 'list', value: 'NAME', help: 'only to objects with these names' },
} as const;

interface Rule {
  readonly apiGroups?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly resources?: readonly string[];
  readonly verbs: readonly string[];
}

/** The verbs that Kubernetes itself knows. */
const knownVerbs = new Set(
  '* get delete list create update patch watch proxy deletecollection use bind escalate impersonate'.split(
    ' ',
  ),
);
/** Verbs that mean something with these resources only. */
const specialVerbs: Readonly<Record<string, readonly string[]>> = {
  use: ['podsecuritypolicies.policy', 'podsecuritypolicies.extensions'],
  bind: [`roles.${rbac}`, `clusterroles.${rbac}`],
  escalate: [`roles.${rbac}`, `clusterroles.${rbac}`],
  impersonate: ['users', 'serviceaccounts', 'groups', 'userextras.authentication.k8s.io'],
};
/** The verbs of paths that are no resources. */
const pathVerbs = new Set(['*', 'get', 'post', 'put', 'delete', 'patch', 'head', 'options']);

/** A value of `--resource`: `plural.group/part`. */
interface RuleResource {
  readonly type: string;
  readonly part: string | undefined;
}

interface RuleWords {
  readonly verb: readonly string[];
  readonly resource: readonly string[];
  readonly 'resource-name': readonly string[];
}

/** The verbs, each once; `*` is all of them. */
function verbsOf(words: readonly string[]): string[] {
  return words.includes('*') ? ['*'] : [...new Set(words)];
}

function resourcesOf(words: readonly string[]): RuleResource[] {
  if (words.includes('*')) return [{ type: '*', part: undefined }];
  return words.map((text) => {
    const at = text.indexOf('/');
    return at < 0
      ? { type: text, part: undefined }
      : { type: text.slice(0, at), part: text.slice(at + 1) };
  });
}

/** The resource of a word, as far as somebody knows it: those that verbs alone know are no resources of the server. */
async function findResource(
  mapper: ResourceMapper,
  type: string,
  verbs: readonly string[],
): Promise<{ readonly group: string; readonly plural: string }> {
  const at = type.indexOf('.');
  const plural = at < 0 ? type : type.slice(0, at);
  const named = { group: at < 0 ? '' : type.slice(at + 1), plural };
  if (plural === '') throw plain('resource must be specified if apiGroup/subresource specified');
  if (plural === '*') return named;
  const special = verbs.flatMap((verb) => specialVerbs[verb] ?? []);
  const found = special.includes(type) ? named : await mapper.byName(type);
  const name = found.group === '' ? found.plural : `${found.plural}.${found.group}`;
  for (const verb of verbs) {
    if (specialVerbs[verb]?.includes(name) === false) {
      throw plain(`can not perform '${verb}' on '${found.plural}' in group '${found.group}'`);
    }
  }
  return found;
}

/** One rule for each group, as kubectl makes them. */
async function rulesOf<F extends Flags>(
  words: RuleWords,
  invocation: Invocation<F>,
): Promise<Rule[]> {
  const verbs = verbsOf(words.verb);
  for (const verb of verbs) {
    if (knownVerbs.has(verb)) continue;
    invocation.context.err(`Warning: '${verb}' is not a standard resource verb\n`);
  }
  const names = [...new Set(words['resource-name'])];
  return withSession(invocation, async ({ mapper }) => {
    const groups = new Map<string, Set<string>>();
    for (const { type, part } of resourcesOf(words.resource)) {
      const { group, plural } = await findResource(mapper, type, verbs);
      const resources = groups.get(group) ?? new Set();
      groups.set(group, resources.add(part === undefined ? plural : `${plural}/${part}`));
    }
    return [...groups]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([group, resources]) => ({
        apiGroups: [group],
        ...(names.length === 0 ? {} : { resourceNames: names }),
        resources: [...resources],
        verbs,
      }));
  });
}

/** `trireme create role`. */
export const createRole = defineGenerator({
  name: 'role',
  summary: 'create a role of a namespace',
  usage: 'NAME --verb=VERB --resource=TYPE [--resource-name=NAME]',
  examples: [['may read pods', 'trireme create role reader --verb=get,list,watch --resource=pods']],
  flags: ruleFlags,
  make: async (name, invocation) => {
    const { flags } = invocation;
    if (flags.verb.length === 0) throw plain('at least one verb must be specified');
    if (flags.resource.length === 0) throw plain('at least one resource must be specified');
    const rules = await rulesOf(flags, invocation);
    return { apiVersion: `${rbac}/v1`, kind: 'Role', metadata: { name }, rules } as Made;
  },
});

/** `trireme create clusterrole`. */
export const createClusterRole = defineGenerator({
  name: 'clusterrole',
  summary: 'create a role of the cluster',
  usage: 'NAME --verb=VERB (--resource=TYPE | --non-resource-url=PATH)',
  examples: [
    ['may read nodes', 'trireme create clusterrole reader --verb=get,list --resource=nodes'],
    [
      'may read paths',
      "trireme create clusterrole prober --verb=get --non-resource-url='/healthz*'",
    ],
  ],
  flags: {
    ...ruleFlags,
    'non-resource-url': {
      type: 'list',
      commas: true,
      value: 'PATH',
      help: 'a path that is no resource',
    },
    'aggregation-rule': {
      type: 'text',
      value: 'KEY=VALUE',
      help: 'all cluster roles with this label',
    },
  },
  make: async (name, invocation) => {
    const { flags } = invocation;
    const base = { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: { name } };
    const aggregation = flags['aggregation-rule'];
    if (aggregation !== undefined) {
      const { verb, resource, 'non-resource-url': urls, 'resource-name': names } = flags;
      if ([verb, resource, urls, names].some((given) => given.length > 0)) {
        throw plain(
          'aggregation rule must be specified without nonResourceURLs, verbs, resources or resourceNames',
        );
      }
      const matchLabels = Object.fromEntries(aggregation.split(',').map((pair) => pair.split('=')));
      return {
        ...base,
        aggregationRule: { clusterRoleSelectors: [{ matchLabels }] },
        rules: null,
      } as Made;
    }
    if (flags.verb.length === 0) throw plain('at least one verb must be specified');
    const urls = flags['non-resource-url'];
    if (flags.resource.length === 0 && urls.length === 0)
      throw plain('one of resource or nonResourceURL must be specified');
    const rules = flags.resource.length === 0 ? [] : await rulesOf(flags, invocation);
    if (urls.length > 0) rules.push(pathRule(urls, verbsOf(flags.verb)));
    return { ...base, rules } as Made;
  },
});

/** @throws CommandLineError for a verb or a path that is none */
function pathRule(urls: readonly string[], verbs: readonly string[]): Rule {
  const wrong = verbs.find((verb) => !pathVerbs.has(verb));
  if (wrong !== undefined) throw plain(`invalid verb: '${wrong}' for nonResourceURL`);
  for (const url of urls) {
    if (url === '*') continue;
    if (!url.startsWith('/')) throw plain('nonResourceURL should start with /');
    if (url.slice(0, -1).includes('*')) {
      throw plain("nonResourceURL only supports wildcard matches when '*' is at the end");
    }
  }
  return { nonResourceURLs: urls, verbs };
}

const subjectFlags = {
  user: { type: 'list', value: 'NAME', help: 'a user' },
  group: { type: 'list', value: 'NAME', help: 'a group' },
  serviceaccount: { type: 'list', value: 'NAMESPACE:NAME', help: 'a service account' },
} as const;

/** Who is meant by a binding. @throws CommandLineError */
export function subjectsOf(flags: {
  readonly user: readonly string[];
  readonly group: readonly string[];
  readonly serviceaccount: readonly string[];
}): object[] {
  return [
    ...flags.user.map((name) => ({ apiGroup: rbac, kind: 'User', name })),
    ...flags.group.map((name) => ({ apiGroup: rbac, kind: 'Group', name })),
    ...flags.serviceaccount.map((text) => {
      const [namespace = '', name = '', more] = text.split(':');
      if (namespace === '' || name === '' || more !== undefined) {
        throw plain(`serviceaccount must be <namespace>:<name>`);
      }
      return { kind: 'ServiceAccount', name, namespace };
    }),
  ];
}

/** `trireme create rolebinding`. */
export const createRoleBinding = defineGenerator({
  name: 'rolebinding',
  summary: 'give a role to users in a namespace',
  usage:
    'NAME (--clusterrole=NAME | --role=NAME) [--user=NAME] [--group=NAME] [--serviceaccount=NAMESPACE:NAME]',
  examples: [
    ['a user may view', 'trireme create rolebinding view --clusterrole=view --user=alice'],
  ],
  flags: {
    ...subjectFlags,
    clusterrole: { type: 'text', value: 'NAME', help: 'the role of the cluster' },
    role: { type: 'text', value: 'NAME', help: 'the role of the namespace' },
  },
  make: (name, { flags }) => {
    if ((flags.clusterrole === undefined) === (flags.role === undefined)) {
      throw plain('exactly one of clusterrole or role must be specified');
    }
    const kind = flags.role === undefined ? 'ClusterRole' : 'Role';
    const subjects = subjectsOf(flags);
    return {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata: { name },
      roleRef: { apiGroup: rbac, kind, name: flags.role ?? flags.clusterrole },
      ...(subjects.length === 0 ? {} : { subjects }),
    } as Made;
  },
});

/** `trireme create clusterrolebinding`. */
export const createClusterRoleBinding = defineGenerator({
  name: 'clusterrolebinding',
  summary: 'give a role to users in the cluster',
  usage: 'NAME --clusterrole=NAME [--user=NAME] [--group=NAME] [--serviceaccount=NAMESPACE:NAME]',
  examples: [
    [
      'a group administers',
      'trireme create clusterrolebinding ops --clusterrole=cluster-admin --group=ops',
    ],
  ],
  flags: { ...subjectFlags, clusterrole: { type: 'text', value: 'NAME', help: 'the role' } },
  make: (name, { flags }) => {
    if (flags.clusterrole === undefined) throw plain('required flag(s) "clusterrole" not set');
    const subjects = subjectsOf(flags);
    return {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: flags.clusterrole },
      ...(subjects.length === 0 ? {} : { subjects }),
    } as Made;
  },
});

/** `trireme create serviceaccount`. */
export const createServiceAccount = defineGenerator({
  name: 'serviceaccount',
  aliases: ['sa'],
  summary: 'create a service account',
  usage: 'NAME',
  examples: [['a service account', 'trireme create serviceaccount robot']],
  flags: {},
  make: (name) => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } }),
});
