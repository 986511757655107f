import { isApiError } from '../../client/types.js';
import { allNamespacesFlag } from '../builder/file-flags.js';
import { CommandLineError, Exit } from '../command/command-line-error.js';
import { defineCommand, defineGroup } from '../command/spec.js';
import { withSession } from '../kube/session.js';
import type { Session } from '../kube/session.js';
import { alignColumns } from '../print/columns.js';
import { formatJson } from '../print/json.js';
import { formatYaml } from '../../api/print/yaml.js';

const authorization = '/apis/authorization.k8s.io/v1';
const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

const canI = defineCommand({
  name: 'can-i',
  summary: 'whether we may do something',
  description: 'Prints yes or no; the exit code is 0 or 1.',
  usage: '(VERB TYPE[/NAME] | VERB /PATH | --list)',
  examples: [
    ['create deployments', 'trireme auth can-i create deployments.apps'],
    ['as somebody else', 'trireme auth can-i get secrets --as=alice'],
    ['all that we may', 'trireme auth can-i --list'],
  ],
  flags: {
    ...allNamespacesFlag,
    list: { type: 'bool', help: 'all that we may do in the namespace' },
    quiet: { type: 'bool', short: 'q', help: 'only the exit code' },
    subresource: {
      type: 'text',
      default: '',
      value: 'NAME',
      help: 'a part of the object, such as log',
    },
    'no-headers': { type: 'bool', help: 'with --list: no line with the names of columns' },
  },
  completes: 'nothing',
  run: (invocation) =>
    withSession(invocation, async (session) => {
      const { args, flags, context } = invocation;
      const namespace = flags['all-namespaces'] === true ? '' : session.namespace;
      if (flags.list === true) {
        if (args.length > 0) throw plain('list option must be specified with no arguments');
        return listRules(session, namespace, flags['no-headers'] !== true);
      }
      const [verb, target, name = ''] = args;
      if (verb === undefined || target === undefined || args.length > 3) {
        throw plain(
          "you must specify two arguments: verb resource or verb resource/resourceName.\nSee 'trireme auth can-i -h' for help and examples.",
        );
      }
      const attributes = target.startsWith('/')
        ? { nonResourceAttributes: { path: target, verb } }
        : {
            resourceAttributes: await attributesOf(session, {
              verb,
              target,
              name,
              namespace,
              subresource: flags.subresource,
            }),
          };
      const review = await session.kube.json<{
        status: { allowed: boolean; reason?: string; evaluationError?: string };
      }>({
        method: 'POST',
        path: `${authorization}/selfsubjectaccessreviews`,
        body: {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SelfSubjectAccessReview',
          spec: attributes,
        },
      });
      const { allowed, reason = '', evaluationError = '' } = review.status;
      if (flags.quiet !== true) {
        const why = allowed
          ? ''
          : `${reason === '' ? '' : ` - ${reason}`}${evaluationError === '' ? '' : ` - ${evaluationError}`}`;
        context.out(`${allowed ? 'yes' : 'no'}${why}\n`);
      }
      if (!allowed) throw new Exit(1);
      return 0;
    }),
});

async function attributesOf(
  { mapper, context }: Session,
  {
    verb,
    target,
    name,
    namespace,
    subresource,
  }: {
    readonly verb: string;
    readonly target: string;
    readonly name: string;
    readonly namespace: string;
    readonly subresource: string;
  },
): Promise<object> {
  const [type = '', part = name] = target.split('/');
  const base = { verb, name: part, subresource };
  if (type === '*') return { ...base, group: '*', resource: '*', namespace };
  const found = await mapper.byName(type).catch(() => undefined);
  if (found === undefined) {
    context.err(`Warning: the server doesn't have a resource type '${type}'\n\n`);
    return { ...base, group: '', resource: type, namespace };
  }
  if (!found.namespaced && namespace !== '') {
    const group = found.group === '' ? '' : ` in group '${found.group}'`;
    context.err(`Warning: resource '${found.plural}' is not namespace scoped${group}\n\n`);
  }
  return {
    ...base,
    group: found.group,
    resource: found.plural,
    namespace: found.namespaced ? namespace : '',
  };
}

async function listRules(
  { kube, context }: Session,
  namespace: string,
  headers: boolean,
): Promise<number> {
  const review = await kube.json<{
    status: {
      resourceRules: readonly {
        verbs: string[];
        apiGroups?: string[];
        resources?: string[];
        resourceNames?: string[];
      }[];
      nonResourceRules: readonly { verbs: string[]; nonResourceURLs?: string[] }[];
      incomplete?: boolean;
      evaluationError?: string;
    };
  }>({
    method: 'POST',
    path: `${authorization}/selfsubjectrulesreviews`,
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectRulesReview',
      spec: { namespace },
    },
  });
  const {
    resourceRules,
    nonResourceRules,
    incomplete = false,
    evaluationError = '',
  } = review.status;
  if (incomplete) context.err(`warning: the list may be incomplete: ${evaluationError}\n`);
  const rows = [
    ...resourceRules.flatMap(({ verbs, apiGroups = [''], resources = [], resourceNames = [] }) =>
      resources.flatMap((resource) =>
        apiGroups.map((group) => {
          const [name = '', part] = resource.split('/');
          const whole = `${name}${group === '' ? '' : `.${group}`}${part === undefined ? '' : `/${part}`}`;
          return [whole, '[]', `[${resourceNames.join(' ')}]`, `[${verbs.join(' ')}]`];
        }),
      ),
    ),
    ...nonResourceRules.flatMap(({ verbs, nonResourceURLs = [] }) =>
      nonResourceURLs.map((url) => ['', `[${url}]`, '[]', `[${verbs.join(' ')}]`]),
    ),
  ];
  const head = headers ? [['Resources', 'Non-Resource URLs', 'Resource Names', 'Verbs']] : [];
  const named = ([resource = '', urls = '']: readonly string[]): string => `${resource} ${urls}`;
  const sorted = rows.toSorted((a, b) => (named(a) < named(b) ? -1 : 1));
  context.out(alignColumns([...head, ...sorted]));
  return 0;
}

const whoAmI = defineCommand({
  name: 'whoami',
  summary: 'who the server takes us for',
  usage: '',
  examples: [
    ['as a table', 'trireme auth whoami'],
    ['as JSON', 'trireme auth whoami -o json'],
  ],
  flags: { output: { type: 'text', short: 'o', value: 'json|yaml', help: 'json or yaml' } },
  completes: 'nothing',
  run: (invocation) =>
    withSession(invocation, async ({ kube, context }) => {
      const review = await kube
        .json<{
          status: {
            userInfo: {
              username?: string;
              uid?: string;
              groups?: string[];
              extra?: Record<string, string[]>;
            };
          };
        }>({
          method: 'POST',
          path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
          body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
        })
        .catch((error: unknown) => {
          if (isApiError(error, 'NotFound'))
            throw plain('the selfsubjectreviews API is not enabled in the cluster');
          throw error;
        });
      const { output } = invocation.flags;
      if (output === 'json') context.out(`${formatJson(review)}\n`);
      else if (output === 'yaml') context.out(formatYaml(review));
      else {
        const { username = '', uid = '', groups = [], extra = {} } = review.status.userInfo;
        const rows = [
          ['ATTRIBUTE', 'VALUE'],
          ...(username === '' ? [] : [['Username', username]]),
          ...(uid === '' ? [] : [['UID', uid]]),
          ...(groups.length === 0 ? [] : [['Groups', `[${groups.join(' ')}]`]]),
          ...Object.entries(extra)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([key, values]) => [`Extra: ${key}`, `[${values.join(' ')}]`]),
        ];
        context.out(alignColumns(rows));
      }
    }),
});

/** `trireme auth`. */
export const authCommand = defineGroup({
  name: 'auth',
  summary: 'show what we may do, and who we are',
  examples: [
    ['may we delete pods', 'trireme auth can-i delete pods'],
    ['who we are', 'trireme auth whoami'],
  ],
  subcommands: [canI, whoAmI],
});
