import type { KubeObject } from '../../api/object.js';
import { choiceFlags } from '../builder/choice-flags.js';
import { parseSelections } from '../builder/arguments.js';
import { fetchObject, findObjects, hasFiles } from '../builder/objects.js';
import type { Choice, Found } from '../builder/objects.js';
import { missingResources } from '../builder/missing-resources.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import { goDurationMs } from '../kube/duration.js';
import { forEachUnlessRefused } from '../kube/failures.js';
import { objectPath } from '../kube/resource.js';
import type { ObjectRef } from '../kube/resource.js';
import type { Session } from '../kube/session.js';
import { withSession } from '../kube/session.js';
import { waitUntil } from '../kube/wait-until.js';
import { dryRunFlag, parseDryRun, resultPrinter, writeQuery } from '../kube/write.js';
import { outputFlags } from '../print/output.js';

/** What all kinds with replicas share. */
type Scaled = KubeObject & { spec?: { replicas?: number }; status?: { replicas?: number } };

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });

/** `trireme scale`. */
export const scaleCommand = defineCommand({
  name: 'scale',
  summary: 'set the number of replicas',
  usage: '(TYPE NAME... | TYPE/NAME... | -f FILE) --replicas=N',
  examples: [
    ['three pods', 'trireme scale deployment web --replicas=3'],
    ['only if there are two now', 'trireme scale deployment web --current-replicas=2 --replicas=3'],
    ['two workloads at once', 'trireme scale deployment/web statefulset/db --replicas=1'],
  ],
  flags: {
    ...choiceFlags,
    ...outputFlags,
    ...dryRunFlag,
    replicas: { type: 'int', required: true, value: 'N', help: 'how many there shall be' },
    'current-replicas': {
      type: 'int',
      default: -1,
      value: 'N',
      help: 'only if so many are wanted now',
    },
    'resource-version': {
      type: 'text',
      value: 'VERSION',
      help: 'only if the object has this version',
    },
    timeout: {
      type: 'text',
      default: '0s',
      value: 'DURATION',
      help: 'wait so long until they are there',
    },
  },
  completes: 'targets',
  run: async (invocation) => {
    const { args, flags, context } = invocation;
    const { replicas } = flags;
    if (replicas === undefined || replicas < 0) {
      throw plain(
        'The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0',
      );
    }
    if (args.length === 0 && !hasFiles(flags)) throw missingResources();
    const dryRun = parseDryRun(flags['dry-run']);
    const print = resultPrinter(context, flags, dryRun);
    const timeoutMs = goDurationMs(flags.timeout);
    return withSession(invocation, async (session) => {
      const refs = await refsOf(session, args, flags);
      if (refs.length === 0) throw plain('no objects passed to scale');
      return forEachUnlessRefused(context, refs, async (wanted) => {
        const one = { ref: wanted, object: await fetchObject(session, wanted) };
        mayScale(one, flags['current-replicas'], flags['resource-version']);
        const { ref } = one;
        const isJob = ref.resource.plural === 'jobs';
        if (dryRun !== 'client') {
          await session.kube.json({
            method: 'PATCH',
            path: objectPath(ref, isJob ? undefined : 'scale'),
            contentType: 'application/merge-patch+json',
            query: writeQuery({ dryRun }),
            body: { spec: isJob ? { parallelism: replicas } : { replicas } },
          });
        }
        await print('scaled', ref, one.object);
        if (timeoutMs > 0 && dryRun === 'none') {
          const isReady = (object: Scaled | undefined): boolean =>
            (object?.status?.replicas ?? 0) === replicas;
          if (!(await waitUntil<Scaled>(session, ref, timeoutMs, isReady))) {
            throw plain(`timed out waiting for "${ref.name}" to be synced`);
          }
        }
      });
    });
  },
});

/** What is scaled: names need not be there, so that the others are scaled though one is missing. */
async function refsOf(
  session: Session,
  words: readonly string[],
  choice: Choice,
): Promise<ObjectRef[]> {
  const isChosen = hasFiles(choice) || choice.all === true || choice.selector !== undefined;
  if (isChosen) return (await findObjects(session, words, choice)).map(({ ref }) => ref);
  const refs = (await parseSelections(session.mapper, words)).flatMap(({ resource, names }) =>
    names.map((name) => ({
      resource,
      name,
      namespace: resource.namespaced ? session.namespace : undefined,
    })),
  );
  if (refs.length === 0) throw plain('resource(s) were provided, but no name was specified');
  return refs;
}

/** @throws CommandLineError when the object is not as it is said to be */
function mayScale({ object }: Found, current: number, version: string | undefined): void {
  const { spec, metadata } = object as Scaled;
  const is = spec?.replicas ?? 1;
  if (current >= 0 && is !== current) {
    throw plain(`Expected replicas to be ${current}, was ${is}`);
  }
  if (version !== undefined && metadata.resourceVersion !== version) {
    throw plain(
      `Expected resource version to be ${version}, was ${metadata.resourceVersion ?? ''}`,
    );
  }
}
