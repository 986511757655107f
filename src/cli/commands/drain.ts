import type { Pod } from '../../api/types/core.js';
import { isApiError } from '../../client/types.js';
import { delay } from '../../lib/clock.js';
import { listObjects } from '../builder/objects.js';
import type { Found } from '../builder/objects.js';
import { selectorFlag } from '../builder/file-flags.js';
import { CommandLineError } from '../command/command-line-error.js';
import { defineCommand } from '../command/spec.js';
import type { Invocation } from '../command/spec.js';
import { goDurationMs } from '../kube/duration.js';
import { objectPath } from '../kube/resource.js';
import type { Session } from '../kube/session.js';
import { withSession } from '../kube/session.js';
import { waitGone } from '../kube/wait-gone.js';
import { dryRunFlag, dryRunSuffix, parseDryRun } from '../kube/write.js';
import { drainPlan } from '../node-drain/plan.js';
import { findNodes, setUnschedulable } from './cordon.js';

const plain = (message: string): CommandLineError => new CommandLineError(message, { plain: true });
/** A pod whose eviction a budget forbids is asked for again after this. */
const retryMs = 5_000;

const flags = {
  ...selectorFlag,
  ...dryRunFlag,
  force: { type: 'bool', help: 'also pods that nothing would make anew' },
  'ignore-daemonsets': { type: 'bool', help: 'leave the pods of daemon sets' },
  'delete-emptydir-data': { type: 'bool', help: 'also pods whose emptyDir is lost with them' },
  'disable-eviction': { type: 'bool', help: 'delete instead of evict; budgets do not count then' },
  'grace-period': {
    type: 'int',
    default: -1,
    value: 'SECONDS',
    help: "time to end; -1 is the pods' own",
  },
  timeout: {
    type: 'text',
    default: '0s',
    value: 'DURATION',
    help: 'give up after so long; 0 is never',
  },
  'pod-selector': { type: 'text', value: 'LABELS', help: 'only pods with these labels' },
} as const;

/** `trireme drain`. */
export const drainCommand = defineCommand({
  name: 'drain',
  summary: 'move all pods away from nodes',
  description:
    'Cordons the nodes and evicts their pods; budgets are kept, and what they forbid is tried again. Pods of daemon sets and of the node itself stay.',
  usage: '(NODE... | -l LABELS)',
  examples: [
    ['before a repair', 'trireme drain worker-1 --ignore-daemonsets'],
    [
      'with what nothing makes anew, and data that is lost',
      'trireme drain worker-1 --ignore-daemonsets --force --delete-emptydir-data',
    ],
  ],
  flags,
  completes: 'nodes',
  run: runDrain,
});

type Drain = Invocation<typeof flags>;

async function runDrain(invocation: Drain): Promise<number> {
  const { args, flags } = invocation;
  const dryRun = parseDryRun(flags['dry-run']);
  return withSession(invocation, async (session) => {
    const nodes = await findNodes(session, args, flags.selector, 'drain');
    for (const node of nodes) await setUnschedulable(session, node, true, dryRun);
    for (const node of nodes) await drainNode(session, node, invocation);
    return 0;
  });
}

async function drainNode(
  session: Session,
  { ref }: Found,
  { flags, context }: Drain,
): Promise<void> {
  const dryRun = parseDryRun(flags['dry-run']);
  const resource = await session.mapper.byName('pods');
  const pods = await listObjects<Pod>(session, resource, {
    fieldSelector: `spec.nodeName=${ref.name}`,
    labelSelector: flags['pod-selector'],
  });
  const plan = drainPlan(pods, {
    force: flags.force ?? false,
    ignoreDaemonSets: flags['ignore-daemonsets'] ?? false,
    deleteEmptyDir: flags['delete-emptydir-data'] ?? false,
  });
  if (plan.refusals.length > 0) {
    throw plain(
      `unable to drain node "${ref.name}" due to error: ${plan.refusals.join(', ')}, continuing command...\nThere are pending nodes to be drained:\n ${ref.name}\n${plan.refusals.join('\n')}`,
    );
  }
  for (const warning of plan.warnings) context.err(`Warning: ${warning}\n`);
  const timeoutMs = goDurationMs(flags.timeout);
  const endMs =
    timeoutMs === 0 ? Number.POSITIVE_INFINITY : context.clock.monotonicMs() + timeoutMs;
  await Promise.all(plan.evicted.map((pod) => evict(session, pod, flags, endMs)));
  context.out(`node/${ref.name} drained${dryRunSuffix(dryRun)}\n`);
}

/** Evicts a pod and waits until it is gone. */
async function evict(
  session: Session,
  pod: Pod,
  flags: Drain['flags'],
  endMs: number,
): Promise<void> {
  const { context, kube } = session;
  const { name, namespace = '', uid = '' } = pod.metadata;
  const resource = await session.mapper.byName('pods');
  const ref = { resource, name, namespace };
  const dryRun = parseDryRun(flags['dry-run']);
  context.out(`evicting pod ${namespace}/${name}${dryRunSuffix(dryRun)}\n`);
  if (dryRun !== 'none') return;
  const grace = flags['grace-period'] < 0 ? {} : { gracePeriodSeconds: flags['grace-period'] };
  for (;;) {
    try {
      if (flags['disable-eviction'] === true) {
        await kube.json({
          method: 'DELETE',
          path: objectPath(ref),
          body: { ...grace, preconditions: { uid } },
        });
      } else {
        await kube.json({
          method: 'POST',
          path: objectPath(ref, 'eviction'),
          body: {
            apiVersion: 'policy/v1',
            kind: 'Eviction',
            metadata: { name, namespace },
            deleteOptions: grace,
          },
        });
      }
      break;
    } catch (error) {
      if (isApiError(error, 'NotFound') || isApiError(error, 'Conflict')) return;
      if (!isApiError(error, 'TooManyRequests')) throw error;
      if (context.clock.monotonicMs() + retryMs > endMs)
        throw plain(`global timeout reached: ${flags.timeout}`);
      context.err(
        `error when evicting pods/"${name}" -n "${namespace}" (will retry after 5s): ${error.message}\n`,
      );
      await delay(context.clock, retryMs);
    }
  }
  const leftMs = Number.isFinite(endMs) ? Math.max(1, endMs - context.clock.monotonicMs()) : 0;
  if (!(await waitGone(session, ref, uid, leftMs)))
    throw plain(`global timeout reached: ${flags.timeout}`);
  context.out(`pod/${name} evicted\n`);
}
