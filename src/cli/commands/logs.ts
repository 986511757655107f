import { parseTime } from '../../api/facts/time.js';
import type { KubeObject } from '../../api/object.js';
import type { Pod } from '../../api/types/core.js';
import { selectorText } from '../../api/facts/selectors.js';
import { parseSingle } from '../builder/arguments.js';
import { fetchObject, listObjects } from '../builder/objects.js';
import { choosePod } from '../builder/pod-of.js';
import { selectorFlag } from '../builder/file-flags.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import type { Invocation } from '../command/spec.js';
import { goDurationMs } from '../kube/duration.js';
import { pathOf } from '../kube/resource.js';
import type { Session } from '../kube/session.js';
import { withSession } from '../kube/session.js';
import { linesOf } from '../kube/watch.js';

const pods = { group: '', version: 'v1', plural: 'pods' };
const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

const flags = {
  ...selectorFlag,
  follow: { type: 'bool', short: 'f', help: 'go on with what comes' },
  previous: { type: 'bool', short: 'p', help: 'of the run before' },
  container: { type: 'text', short: 'c', value: 'NAME', help: 'the container' },
  'all-containers': { type: 'bool', help: 'of all containers' },
  'all-pods': { type: 'bool', help: 'of all pods of the workload' },
  tail: { type: 'int', default: -1, value: 'LINES', help: 'the last lines only; -1 is all' },
  since: { type: 'text', value: 'DURATION', help: 'not older than this, for example 5m' },
  'since-time': { type: 'text', value: 'TIME', help: 'not older than this moment (RFC 3339)' },
  timestamps: { type: 'bool', help: 'each line begins with its time' },
  prefix: { type: 'bool', help: 'each line begins with its pod and container' },
  'limit-bytes': {
    type: 'int',
    default: 0,
    value: 'BYTES',
    help: 'no more than so much; 0 is all',
  },
  'ignore-errors': { type: 'bool', help: 'go on when the log of a container cannot be read' },
  'max-log-requests': {
    type: 'int',
    default: 5,
    help: 'how many are followed at once by a selector',
  },
} as const;

/** `trireme logs`. */
export const logsCommand = defineCommand({
  name: 'logs',
  summary: 'print what containers wrote',
  usage: '(POD | TYPE/NAME | -l LABELS) [-c CONTAINER]',
  examples: [
    ['of a pod', 'trireme logs web-0'],
    ['the last lines, and what comes', 'trireme logs web-0 --tail=20 -f'],
    ['of a container that ended', 'trireme logs web-0 -c app --previous'],
    ['of all pods of an application', 'trireme logs -l app=web --all-containers --prefix'],
    ['of a pod of a deployment', 'trireme logs deployment/web'],
  ],
  flags,
  completes: 'pods-and-workloads',
  run: runLogs,
});

type Logs = Invocation<typeof flags>;

/** One log. */
interface Source {
  readonly pod: Pod;
  readonly container: string;
}

async function runLogs(invocation: Logs): Promise<number> {
  const { args, flags } = invocation;
  if ((args.length === 0 && flags.selector === undefined) || args.length > 2) {
    throw new CommandLineError(
      "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the logs command",
    );
  }
  if (args.length > 0 && flags.selector !== undefined) {
    throw new CommandLineError('only a selector (-l) or a POD name is allowed');
  }
  if (args.length === 2 && flags.container !== undefined) {
    throw plain('only one of -c or an inline [CONTAINER] arg is allowed');
  }
  mayBeAsked(flags);
  if (flags['all-containers'] === true && flags.container !== undefined) {
    throw plain(
      `--all-containers=true should not be specified with container name ${flags.container}`,
    );
  }
  if (flags.since !== undefined && flags['since-time'] !== undefined) {
    throw plain('at most one of `sinceTime` or `sinceSeconds` may be specified');
  }
  return withSession(invocation, async (session) => {
    const sources = await sourcesOf(session, invocation);
    if (flags.follow === true && sources.length > flags['max-log-requests']) {
      throw plain(
        `you are attempting to follow ${sources.length} log streams, but maximum allowed concurrency is ${flags['max-log-requests']}, use --max-log-requests to increase the limit`,
      );
    }
    const prints = sources.map((source) => () => printLog(session, source, invocation));
    if (flags.follow === true) await Promise.all(prints.map((print) => print()));
    else for (const print of prints) await print();
    return 0;
  });
}

/** @throws CommandLineError for amounts and times that are none */
function mayBeAsked(flags: Logs['flags']): void {
  if (flags.tail < -1) throw plain('--tail must be greater than or equal to -1');
  if (flags['limit-bytes'] < 0) throw plain('--limit-bytes must be greater than 0');
  if (flags.since !== undefined && goDurationMs(flags.since) < 0) {
    throw plain('--since must be greater than 0');
  }
  const since = flags['since-time'];
  if (since !== undefined && parseTime(since) === undefined) {
    throw plain(`parsing time ${JSON.stringify(since)}: it is no time of RFC 3339`);
  }
}

async function sourcesOf(session: Session, { args, flags, context }: Logs): Promise<Source[]> {
  const found = await podsOf(session, { args, flags });
  const many = flags['all-containers'] === true;
  // `logs POD CONTAINER` is the same as with -c.
  const wanted = flags.container ?? args[1];
  return found.flatMap((pod) => {
    const { initContainers = [], containers, ephemeralContainers = [] } = pod.spec;
    const all = [...initContainers, ...containers, ...ephemeralContainers].map(({ name }) => name);
    if (many) return all.map((container) => ({ pod, container }));
    if (wanted !== undefined) {
      if (!all.includes(wanted)) {
        throw plain(`container ${wanted} is not valid for pod ${pod.metadata.name}`);
      }
      return [{ pod, container: wanted }];
    }
    const chosen = pod.metadata.annotations?.['kubectl.kubernetes.io/default-container'];
    const [first = ''] = containers.map(({ name }) => name);
    if (chosen === undefined && all.length > 1 && flags.selector === undefined) {
      context.err(`Defaulted container "${first}" out of: ${describeAll(pod)}\n`);
    }
    return [{ pod, container: chosen ?? first }];
  });
}

/** `app, log, setup (init)`. */
export function describeAll({ spec }: Pod): string {
  const named = (list: readonly { readonly name: string }[] | undefined, mark: string): string[] =>
    (list ?? []).map(({ name }) => `${name}${mark}`);
  return [
    ...named(spec.containers, ''),
    ...named(spec.ephemeralContainers, ' (ephem)'),
    ...named(spec.initContainers, ' (init)'),
  ].join(', ');
}

async function podsOf(
  session: Session,
  { args, flags }: Pick<Logs, 'args' | 'flags'>,
): Promise<Pod[]> {
  const { namespace } = session;
  const resource = await session.mapper.byName('pods');
  if (flags.selector !== undefined) {
    return listObjects<Pod>(session, resource, { namespace, labelSelector: flags.selector });
  }
  const [first = ''] = args;
  if (!first.includes('/')) {
    return [(await fetchObject(session, { resource, namespace, name: first })) as Pod];
  }
  const target = await parseSingle(session.mapper, [first]);
  const ref = { ...target, namespace };
  const object = await fetchObject(session, ref);
  if (target.resource.plural === 'pods') return [object as Pod];
  if (flags['all-pods'] === true) {
    const { selector } = (object as KubeObject & { spec?: { selector?: object } }).spec ?? {};
    return listObjects<Pod>(session, resource, {
      namespace,
      labelSelector: selectorText(selector),
    });
  }
  const { pod, count } = await choosePod(session, ref, object);
  if (count > 1) session.context.err(`Found ${count} pods, using pod/${pod.metadata.name}\n`);
  return [pod];
}

async function printLog(
  session: Session,
  { pod, container }: Source,
  { flags, context }: Logs,
): Promise<void> {
  const { name, namespace } = pod.metadata;
  // Of many pods the last lines are enough unless somebody asks for all.
  const tail = flags.tail < 0 && flags.selector !== undefined ? 10 : flags.tail;
  const since = flags.since === undefined ? undefined : goDurationMs(flags.since);
  const query = {
    container,
    follow: flags.follow === true ? 'true' : undefined,
    previous: flags.previous === true ? 'true' : undefined,
    timestamps: flags.timestamps === true ? 'true' : undefined,
    tailLines: tail < 0 ? undefined : String(tail),
    sinceSeconds: since === undefined ? undefined : String(Math.ceil(since / 1000)),
    sinceTime: flags['since-time'],
    limitBytes: flags['limit-bytes'] === 0 ? undefined : String(flags['limit-bytes']),
  };
  const path = pathOf(pods, { namespace, name, subresource: 'log' });
  try {
    const stream = await session.kube.stream({ path, query, accept: '*/*' });
    if (flags.prefix !== true) {
      for await (const chunk of stream) {
        context.out(chunk);
        await context.drained();
      }
      return;
    }
    for await (const line of linesOf(stream)) {
      context.out(`[pod/${name}/${container}] ${line}\n`);
      await context.drained();
    }
  } catch (error) {
    if (flags['ignore-errors'] !== true) throw error;
    context.err(`error: ${(error as Error).message}\n`);
  }
}
