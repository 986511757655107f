/** The commands of `set`: each changes a copy of the object and sends what differs. */
import { parseSingle } from '../builder/arguments.js';
import { choiceFlags } from '../builder/choice-flags.js';
import { localFlag } from '../builder/file-flags.js';
import { fetchObject, findObjects, hasFiles, readLocalFiles } from '../builder/objects.js';
import type { Found } from '../builder/objects.js';
import { missingResources } from '../builder/missing-resources.js';
import { deepEqual } from '../../api/equal.js';
import { goQuote } from '../../api/go-text/quote.js';
import type { KubeObject } from '../../api/object.js';
import type { EnvVar } from '../../api/types/core.js';
import { CommandLineError } from '../command/command-line-error.js';
import type { Flags } from '../command/flag-types.js';
import { defineCommand } from '../command/spec.js';
import type { CommandSpec, Invocation } from '../command/spec.js';
import { mergeDifference } from '../edit/merge-difference.js';
import { selectorOf } from '../generate/policies.js';
import { subjectsOf } from '../generate/access.js';
import { forEachUnlessRefused } from '../kube/failures.js';
import { objectPath } from '../kube/resource.js';
import type { ObjectRef } from '../kube/resource.js';
import type { Session } from '../kube/session.js';
import { withSession } from '../kube/session.js';
import {
  dryRunFlag,
  fieldManagerFlag,
  parseDryRun,
  resultPrinter,
  writeQuery,
} from '../kube/write.js';
import { outputFlags } from '../print/output.js';
import {
  ChangeError,
  changeEnvironment,
  changeImages,
  changeResources,
  changeServiceAccount,
  listEnvironment,
  parseVariables,
  variableName,
  variablesFrom,
} from './changes.js';

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

const common = {
  ...choiceFlags,
  ...outputFlags,
  ...dryRunFlag,
  ...fieldManagerFlag,
  ...localFlag,
} as const satisfies Flags;
type Common = Invocation<typeof common>;

/** What a `set` does: words that are no names, and a change of each object. */
interface Setter<F extends Flags> {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly summary: string;
  readonly usage: string;
  readonly examples: CommandSpec['examples'];
  readonly flags: F;
  readonly word: string;
  /** Tells words of the change from words that name objects. */
  readonly isChange: (word: string) => boolean;
  /** Changes a copy. @returns lines to print instead of a change */
  readonly change: (
    object: KubeObject,
    changes: readonly string[],
    invocation: Invocation<F & typeof common>,
    session: Session | undefined,
  ) => string | void | Promise<string | void>;
}

function defineSetter<const F extends Flags>(setter: Setter<F>): CommandSpec {
  const { name, summary, usage, examples } = setter;
  return defineCommand({
    name,
    ...(setter.aliases === undefined ? {} : { aliases: setter.aliases }),
    summary,
    usage,
    examples,
    flags: { ...common, ...setter.flags },
    completes: 'targets',
    run: (invocation) => runSetter(setter, invocation as unknown as Common),
  });
}

async function runSetter<F extends Flags>(setter: Setter<F>, invocation: Common): Promise<number> {
  const { args, flags, context } = invocation;
  const words = args.filter((word) => !setter.isChange(word));
  const changes = args.filter((word) => setter.isChange(word));
  if (words.length === 0 && !hasFiles(flags)) throw missingResources();
  const dryRun = parseDryRun(flags['dry-run']);
  const print = resultPrinter(context, flags, dryRun);
  const act = (found: readonly Found[], session?: Session): Promise<number> =>
    forEachUnlessRefused(context, found, async ({ ref, object }) => {
      const changed = structuredClone(object);
      const lines = await changeNamed(ref, () =>
        setter.change(
          changed,
          changes,
          invocation as unknown as Invocation<F & typeof common>,
          session,
        ),
      );
      if (typeof lines === 'string') {
        context.out(lines);
        return;
      }
      const body = mergeDifference(object, changed);
      // As kubectl: nothing to do is nothing to say.
      if (body === undefined) return;
      const after =
        session === undefined || dryRun === 'client'
          ? changed
          : await session.kube.json<KubeObject>({
              method: 'PATCH',
              path: objectPath(ref),
              contentType: 'application/merge-patch+json',
              query: writeQuery({ dryRun, manager: flags['field-manager'] }),
              body,
            });
      await print(setter.word, ref, after);
    });
  if (flags.local === true) {
    if (words.length > 0) {
      throw plain(
        "you must specify resources by --filename when --local is set.\nExample resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'",
      );
    }
    return act(await readLocalFiles(context, flags));
  }
  return withSession(invocation, async (session) =>
    act(await findObjects(session, words, flags), session),
  );
}

/** Puts an object's name before what is wrong with it. */
async function changeNamed<T>(ref: ObjectRef, change: () => T | Promise<T>): Promise<T> {
  try {
    return await change();
  } catch (error) {
    if (!(error instanceof ChangeError)) throw error;
    throw plain(`${ref.resource.plural}/${ref.name} ${error.message}`);
  }
}

/** `trireme set image`. */
export const setImage = defineSetter({
  name: 'image',
  summary: 'set the images of containers',
  usage: '(TYPE NAME | TYPE/NAME | -f FILE) CONTAINER=IMAGE...',
  examples: [
    ['of a deployment', 'trireme set image deployment/web nginx=nginx:1.27'],
    ['of all containers', "trireme set image deployments --all '*=nginx:1.27'"],
  ],
  flags: {},
  word: 'image updated',
  isChange: (word) => word.includes('='),
  change: (object, changes) => {
    if (changes.length === 0) throw plain('at least one image update is required');
    changeImages(object, changes);
  },
});

/** `trireme set env`. */
export const setEnvironment = defineSetter({
  name: 'env',
  summary: 'set variables of containers',
  usage: '(TYPE NAME | TYPE/NAME | -f FILE) NAME=VALUE... NAME-...',
  examples: [
    ['a variable', 'trireme set env deployment/web COLOUR=blue'],
    ['remove it', 'trireme set env deployment/web COLOUR-'],
    ['all keys of a config map', 'trireme set env deployment/web --from=configmap/settings'],
    ['print them', 'trireme set env deployment/web --list'],
  ],
  flags: {
    env: { type: 'list', short: 'e', value: 'NAME=VALUE', help: 'a variable; may be repeated' },
    containers: {
      type: 'text',
      short: 'c',
      default: '*',
      value: 'NAME',
      help: 'of which containers',
    },
    list: { type: 'bool', help: 'print what there is' },
    overwrite: { type: 'bool', default: true, help: 'change values that are there' },
    from: {
      type: 'text',
      value: 'TYPE/NAME',
      help: 'a config map or a secret whose keys become variables',
    },
    keys: { type: 'list', commas: true, value: 'KEY', help: 'only these keys of --from' },
    prefix: {
      type: 'text',
      default: '',
      value: 'TEXT',
      help: 'what the names of --from begin with',
    },
  },
  word: 'env updated',
  isChange: (word) => word.includes('=') || /^[A-Za-z_][\w.]*-$/.test(word),
  change: async (object, changes, { flags, context }, session) => {
    if (flags.list === true) return listEnvironment(object, flags.containers);
    const parsed = parseVariables([...changes, ...flags.env]);
    const from = flags.from === undefined ? [] : await keysOf(flags.from, flags, session);
    const all = { ...parsed, set: [...parsed.set, ...from] };
    if (!changeEnvironment(object, all, flags)) {
      const { kind = '', metadata } = object;
      const pattern = goQuote(flags.containers);
      context.err(
        `Warning: ${kind}/${metadata.name} does not have any containers matching ${pattern}\n`,
      );
    }
    return undefined;
  },
});

/** The variables of `--from`; names that had to change are said. */
async function keysOf(
  from: string,
  flags: { readonly keys: readonly string[]; readonly prefix: string },
  session: Session | undefined,
): Promise<EnvVar[]> {
  if (session === undefined) throw plain('--from cannot be used with --local');
  const { resource, name } = await parseSingle(session.mapper, [from]);
  const namespace = resource.namespaced ? session.namespace : undefined;
  const object = await fetchObject(session, { resource, namespace, name });
  return variablesFrom({ ...object, kind: resource.kind }, flags).map(({ key, variable }) => {
    const changed = variableName(key);
    if (changed !== key) session.context.err(`Warning: key ${key} transferred to ${changed}\n`);
    return variable;
  });
}

/** `trireme set resources`. */
export const setResources = defineSetter({
  name: 'resources',
  summary: 'set requests and limits of containers',
  usage: '(TYPE NAME | TYPE/NAME | -f FILE) [--limits=LIST] [--requests=LIST]',
  examples: [
    [
      'of all containers',
      'trireme set resources deployment/web --limits=cpu=200m,memory=512Mi --requests=cpu=100m',
    ],
  ],
  flags: {
    containers: {
      type: 'text',
      short: 'c',
      default: '*',
      value: 'NAME',
      help: 'of which containers',
    },
    limits: { type: 'text', value: 'LIST', help: 'for example cpu=200m,memory=512Mi' },
    requests: { type: 'text', value: 'LIST', help: 'as --limits' },
  },
  word: 'resource requirements updated',
  isChange: () => false,
  change: (object, _, { flags }) => {
    if (flags.limits === undefined && flags.requests === undefined) {
      throw plain(
        'you must specify an update to requests or limits (in the form of --requests/--limits)',
      );
    }
    changeResources(object, flags.containers, { limits: flags.limits, requests: flags.requests });
  },
});

/** `trireme set selector`. */
export const setSelector = defineSetter({
  name: 'selector',
  summary: 'set the selector of a service',
  usage: '(TYPE NAME | TYPE/NAME) LABELS',
  examples: [['of a service', 'trireme set selector service/web app=web,tier=front']],
  flags: {},
  word: 'selector updated',
  isChange: (word) => word.includes('='),
  change: (object, [text]) => {
    if (text === undefined) throw missingResources();
    const { matchLabels } = selectorOf(text) as { matchLabels?: Record<string, string> };
    const { spec } = object as KubeObject & { spec?: { selector?: unknown } };
    if (object.kind !== 'Service' || spec === undefined)
      throw plain(`setting a selector is only supported for Services`);
    spec.selector = matchLabels;
  },
});

/** `trireme set serviceaccount`. */
export const setServiceAccount = defineSetter({
  name: 'serviceaccount',
  aliases: ['sa'],
  summary: 'set the service account of a workload',
  usage: '(TYPE NAME | TYPE/NAME) ACCOUNT',
  examples: [['of a deployment', 'trireme set serviceaccount deployment/web robot']],
  flags: {},
  word: 'serviceaccount updated',
  isChange: (word) => !word.includes('/') && word !== '',
  change: (object, words) => {
    const account = words.at(-1);
    if (account === undefined) throw plain('serviceaccount is required');
    changeServiceAccount(object, account);
  },
});

/** `trireme set subject`. */
export const setSubject = defineSetter({
  name: 'subject',
  summary: 'add users, groups and service accounts to a binding',
  usage: '(TYPE NAME | TYPE/NAME) [--user=NAME] [--group=NAME] [--serviceaccount=NAMESPACE:NAME]',
  examples: [['a group', 'trireme set subject rolebinding view --group=ops']],
  flags: {
    user: { type: 'list', value: 'NAME', help: 'a user' },
    group: { type: 'list', value: 'NAME', help: 'a group' },
    serviceaccount: { type: 'list', value: 'NAMESPACE:NAME', help: 'a service account' },
  },
  word: 'subjects updated',
  isChange: () => false,
  change: (object, _, { flags }) => {
    const added = subjectsOf(flags);
    if (added.length === 0)
      throw plain('you must specify at least one value of user, group or serviceaccount');
    if (object.kind !== 'RoleBinding' && object.kind !== 'ClusterRoleBinding') {
      throw new ChangeError(
        'setting subjects is only supported for RoleBinding/ClusterRoleBinding',
      );
    }
    const binding = object as KubeObject & { subjects?: object[] };
    const { subjects = [] } = binding;
    const isKnown = (subject: object): boolean => subjects.some((one) => deepEqual(one, subject));
    binding.subjects = [...subjects, ...added.filter((subject) => !isKnown(subject))];
  },
});
