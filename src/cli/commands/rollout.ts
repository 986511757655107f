import type { KubeObject } from '../../api/object.js';
import type { DaemonSet, Deployment, StatefulSet } from '../../api/types/workloads.js';
import { choiceFlags } from '../builder/choice-flags.js';
import { findObjects, hasFiles } from '../builder/objects.js';
import type { Found } from '../builder/objects.js';
import { missingResources } from '../builder/missing-resources.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand, defineGroup } from '../command/spec.js';
import type { Flags } from '../command/flag-types.js';
import type { CommandSpec, Invocation } from '../command/spec.js';
import { goDurationMs } from '../kube/duration.js';
import { forEachUnlessRefused } from '../kube/failures.js';
import { objectPath } from '../kube/resource.js';
import type { Resource } from '../kube/resource.js';
import type { Session } from '../kube/session.js';
import { withSession } from '../kube/session.js';
import { waitUntil } from '../kube/wait-until.js';
import { dryRunFlag, parseDryRun, resultPrinter, writeQuery } from '../kube/write.js';
import { outputFlags } from '../print/output.js';
import type { RolloutProgress } from '../rollout/progress.js';
import { daemonSetProgress, deploymentProgress, statefulSetProgress } from '../rollout/progress.js';
import { rolloutHistory } from '../rollout/history.js';
import { rolloutUndo } from '../rollout/undo.js';

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });
const usage = '(TYPE NAME | TYPE/NAME | -f FILE)';
const allFlags = { ...choiceFlags, ...outputFlags } as const satisfies Flags;

/** The objects that the words name. */
async function chosen(
  session: Session,
  { args, flags }: Invocation<typeof allFlags>,
): Promise<Found[]> {
  if (args.length === 0 && !hasFiles(flags)) throw missingResources();
  return findObjects(session, args, { ...flags, all: true });
}

const statusCommand = defineCommand({
  name: 'status',
  summary: 'follow a rollout until it is done',
  usage,
  examples: [
    [
      'of a deployment, for a minute at most',
      'trireme rollout status deployment/web --timeout=60s',
    ],
  ],
  flags: {
    ...allFlags,
    watch: { type: 'bool', short: 'w', default: true, help: 'follow it' },
    timeout: {
      type: 'text',
      default: '0s',
      value: 'DURATION',
      help: 'give up after so long; 0 is never',
    },
    revision: { type: 'int', default: 0, help: 'fail when another revision is rolled out' },
  },
  completes: 'targets',
  run: (invocation) =>
    withSession(invocation, async (session) => {
      const { flags, context } = invocation;
      for (const { ref, object } of await chosen(session, invocation)) {
        let last = '';
        const isDone = (current: KubeObject | undefined): boolean => {
          if (current === undefined) throw plain(`object has been deleted`);
          const progress = progressOf(current, ref.resource);
          if (progress.state === 'failed') throw plain(progress.text);
          if (progress.text !== last) context.out(`${progress.text}\n`);
          last = progress.text;
          return progress.state === 'done' || !flags.watch;
        };
        if (isDone({ kind: ref.resource.kind, ...object })) continue;
        const timeoutMs = goDurationMs(flags.timeout);
        if (!(await waitUntil(session, ref, timeoutMs, isDone))) {
          throw plain('timed out waiting for the condition');
        }
      }
      return 0;
    }),
});

function progressOf(object: KubeObject, { kind, group }: Resource): RolloutProgress {
  switch (kind) {
    case 'Deployment':
      return deploymentProgress(object as Deployment);
    case 'DaemonSet':
      return daemonSetProgress(object as DaemonSet);
    case 'StatefulSet':
      return statefulSetProgress(object as StatefulSet);
    default:
      throw plain(
        `no status viewer has been implemented for ${group === '' ? kind : `${kind}.${group}`}`,
      );
  }
}

const historyCommand = defineCommand({
  name: 'history',
  summary: 'list the revisions of a workload',
  usage,
  examples: [
    ['of a deployment', 'trireme rollout history deployment/web'],
    ['one of them in full', 'trireme rollout history deployment/web --revision=2'],
  ],
  flags: { ...allFlags, revision: { type: 'int', default: 0, help: 'print this one in full' } },
  completes: 'targets',
  run: (invocation) =>
    withSession(invocation, async (session) => {
      for (const found of await chosen(session, invocation)) {
        invocation.context.out(await rolloutHistory(session, found, invocation.flags.revision));
      }
    }),
});

const undoCommand = defineCommand({
  name: 'undo',
  summary: 'go back to an earlier revision',
  usage,
  examples: [
    ['to the one before', 'trireme rollout undo deployment/web'],
    ['to one of the history', 'trireme rollout undo deployment/web --to-revision=3'],
  ],
  flags: {
    ...allFlags,
    ...dryRunFlag,
    'to-revision': { type: 'int', default: 0, help: '0 is the one before' },
  },
  completes: 'targets',
  run: (invocation) => {
    const { flags, context } = invocation;
    const dryRun = parseDryRun(flags['dry-run']);
    const print = resultPrinter(context, flags, dryRun);
    return withSession(invocation, async (session) =>
      forEachUnlessRefused(context, await chosen(session, invocation), async (found) => {
        const undone = await rolloutUndo(session, found, flags['to-revision'], dryRun);
        await print(undone.word, found.ref, undone.object);
      }),
    );
  },
});

/** `restart`, `pause`, `resume`: a patch with a word. */
function patchCommand(options: {
  readonly name: string;
  readonly summary: string;
  readonly word: string;
  readonly patch: (object: KubeObject, kind: string, now: string) => object;
}): CommandSpec {
  const { name, summary, word, patch } = options;
  return defineCommand({
    name,
    summary,
    usage,
    examples: [['a deployment', `trireme rollout ${name} deployment/web`]],
    flags: allFlags,
    completes: 'targets',
    run: (invocation) => {
      const { flags, context } = invocation;
      const print = resultPrinter(context, flags);
      return withSession(invocation, async (session) => {
        let failed = 0;
        const code = await forEachUnlessRefused(
          context,
          await chosen(session, invocation),
          async (found) => {
            const { ref, object } = found;
            const now = new Date(context.clock.nowMs()).toISOString().replace(/\.\d+Z$/, 'Z');
            try {
              const body = patch(object, ref.resource.kind, now);
              const after = await session.kube.json<KubeObject>({
                method: 'PATCH',
                path: objectPath(ref),
                contentType: 'application/merge-patch+json',
                query: writeQuery({}),
                body,
              });
              await print(word, ref, after);
            } catch (error) {
              if (!(error instanceof CommandLineError)) throw error;
              context.err(
                `error: ${ref.resource.plural}${ref.resource.group === '' ? '' : `.${ref.resource.group}`} "${ref.name}" ${error.message}\n`,
              );
              failed = 1;
            }
          },
        );
        return Math.max(code, failed);
      });
    },
  });
}

const isPaused = (object: KubeObject): boolean =>
  (object as Partial<Deployment>).spec?.paused === true;

function mayPause(kind: string, verb: string): void {
  if (kind !== 'Deployment') throw plain(`${verb} is not supported`);
}

const restartCommand = patchCommand({
  name: 'restart',
  summary: 'replace all pods of a workload, as its strategy says',
  word: 'restarted',
  patch: (object, kind, now) => {
    if (!['Deployment', 'DaemonSet', 'StatefulSet'].includes(kind))
      throw plain('restarting is not supported');
    if (isPaused(object)) throw plain("can't restart paused deployment (run rollout resume first)");
    const annotations = { 'kubectl.kubernetes.io/restartedAt': now };
    return { spec: { template: { metadata: { annotations } } } };
  },
});

const pauseCommand = patchCommand({
  name: 'pause',
  summary: 'let changes of a deployment wait',
  word: 'paused',
  patch: (object, kind) => {
    mayPause(kind, 'pausing');
    if (isPaused(object)) throw plain('is already paused');
    return { spec: { paused: true } };
  },
});

const resumeCommand = patchCommand({
  name: 'resume',
  summary: 'go on with a paused deployment',
  word: 'resumed',
  patch: (object, kind) => {
    mayPause(kind, 'resuming');
    if (!isPaused(object)) throw plain('is not paused');
    return { spec: { paused: null } };
  },
});

/** `trireme rollout`. */
export const rolloutCommand = defineGroup({
  name: 'rollout',
  summary: 'show, undo, restart or pause the rollout of a workload',
  examples: [
    ['follow a rollout', 'trireme rollout status deployment/web'],
    ['go back', 'trireme rollout undo deployment/web'],
  ],
  subcommands: [
    historyCommand,
    pauseCommand,
    restartCommand,
    resumeCommand,
    statusCommand,
    undoCommand,
  ],
});
