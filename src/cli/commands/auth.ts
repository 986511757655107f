import type { KubeObject } from '../../api/object.js';
import { isApiError } from '../../client/types.js';
import { allNamespacesFlag } from '../builder/file-flags.js';
import { CommandLineError, Exit } from '../command/command-line-error.js';
import { defineCommand, defineGroup } from '../command/spec.js';
import { withSession } from '../kube/session.js';
import type { Session } from '../kube/session.js';
import { alignColumns } from '../print/columns.js';
import { objectPrinter, outputFlags, parseOutput } from '../print/output.js';
import { ruleRows } from '../describe/access.js';
import type { Rule } from '../describe/access.js';
import { reconcileCommand } from './reconcile.js';

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
        const { quiet = false, subresource } = flags;
        if (quiet || flags['all-namespaces'] === true || subresource !== '') {
          throw plain(
            "list option can't be specified with neither quiet, all-namespaces nor subresource options",
          );
        }
        return listRules(session, namespace, flags['no-headers'] !== true);
      }
      const [verb, target, name = ''] = args;
      if (verb === undefined || target === undefined || args.length > 3) {
        throw plain(
          "you must specify two arguments: verb resource or verb resource/resourceName.\nSee 'trireme auth can-i -h' for help and examples.",
        );
      }
      const isPath = target.startsWith('/');
      if (isPath && flags.subresource !== '') {
        throw plain('--subresource can not be used with NonResourceURL');
      }
      const attributes = isPath
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
      if (flags['all-namespaces'] !== true || isPath) warnOfVerb(session, verb, isPath);
      if (flags['no-headers'] === true) {
        throw plain('--no-headers cannot be set without --list specified');
      }
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

/** The verbs that authorizers are asked about (kubectl's `cani.go`). */
const resourceVerbs = new Set(
  'get list watch create update patch delete deletecollection use bind impersonate * approve sign escalate attest'.split(
    ' ',
  ),
);
const pathVerbs = new Set('get put post head options delete patch *'.split(' '));
/** Those that are no resources of a server, and yet those of rules. */
const onlyInRules = new Set(['users', 'groups']);

function warnOfVerb({ context }: Session, verb: string, isPath: boolean): void {
  if ((isPath ? pathVerbs : resourceVerbs).has(verb)) return;
  context.err(`Warning: verb '${verb}' is not a known verb\n\n`);
}

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
  if (type === '*') return { ...base, group: '', resource: '*', namespace };
  const found = await mapper.byName(type).catch(() => undefined);
  if (found === undefined) {
    const [resource = '', ...group] = type.split('.');
    const where = group.length === 0 ? '' : ` in group '${group.join('.')}'`;
    if (!onlyInRules.has(type)) {
      context.err(`Warning: the server doesn't have a resource type '${resource}'${where}\n\n`);
    }
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
      resourceRules: readonly Rule[];
      nonResourceRules: readonly Rule[];
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
  const head = headers ? ['Resources\tNon-Resource URLs\tResource Names\tVerbs'] : [];
  const rows = ruleRows([...resourceRules, ...nonResourceRules]);
  context.out(alignColumns([...head, ...rows].map((row) => row.split('\t'))));
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
  flags: outputFlags,
  completes: 'nothing',
  run: (invocation) =>
    withSession(invocation, async ({ kube, mapper, context }) => {
      const { flags } = invocation;
      const format = parseOutput(flags.output, flags.template);
      const review = await kube
        .json<
          KubeObject & {
            status: {
              userInfo: {
                username?: string;
                uid?: string;
                groups?: string[];
                extra?: Record<string, string[]>;
              };
            };
          }
        >({
          method: 'POST',
          path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
          body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
        })
        .catch((error: unknown) => {
          if (isApiError(error, 'NotFound'))
            throw plain('the selfsubjectreviews API is not enabled in the cluster');
          throw error;
        });
      if (format !== undefined) {
        const managedFields = flags['show-managed-fields'] ?? false;
        const print = objectPrinter(format, { managedFields, headers: true });
        const resource = await mapper.byName('selfsubjectreviews');
        const object = { ...review, metadata: review.metadata ?? {} };
        // The review has no name, and kubectl says so.
        const named = { ...object, metadata: { ...object.metadata, name: '<unknown>' } };
        const ref = { resource, namespace: undefined, name: '' };
        context.out(await print([{ ref, object: format.name === 'name' ? named : object }], false));
      } else {
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
  summary: 'show what we may do and who we are, and reconcile roles',
  examples: [
    ['may we delete pods', 'trireme auth can-i delete pods'],
    ['who we are', 'trireme auth whoami'],
    ['give roles what a file says', 'trireme auth reconcile -f roles.yaml'],
  ],
  subcommands: [canI, reconcileCommand, whoAmI],
});
