import type { Pod } from '../../api/types/core.js';
import { isApiError } from '../../client/types.js';
import { delay } from '../../lib/clock.js';
import { errorMessage } from '../../lib/errors.js';
import { listObjects } from '../builder/objects.js';
import { selectorFlag } from '../builder/file-flags.js';
import { defineCommand } from '../command/spec.js';
import type { Invocation } from '../command/spec.js';
import { goDurationMs } from '../kube/duration.js';
import { objectPath } from '../kube/resource.js';
import type { ObjectRef } from '../kube/resource.js';
import type { Session } from '../kube/session.js';
import { withSession } from '../kube/session.js';
import { waitGone } from '../kube/wait-gone.js';
import { dryRunFlag, dryRunSuffix, parseDryRun } from '../kube/write.js';
import type { DrainPlan } from '../node-drain/plan.js';
import { drainPlan } from '../node-drain/plan.js';
import { findNodes, setUnschedulable } from './cordon.js';

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
    const failed: { readonly node: string; readonly errors: readonly string[] }[] = [];
    for (const { ref } of nodes) {
      const errors = await drainNode(session, ref.name, invocation);
      if (errors.length > 0) failed.push({ node: ref.name, errors });
    }
    if (failed.length === 0) return 0;
    const { err } = session.context;
    err('There are pending nodes to be drained:\n');
    for (const { node } of failed) err(` ${node}\n`);
    for (const text of failed.flatMap(({ errors }) => errors)) err(`${text}\n`);
    return 1;
  });
}

/** @returns why it could not be drained: the other nodes are drained all the same */
async function drainNode(
  session: Session,
  node: string,
  { flags, context }: Drain,
): Promise<readonly string[]> {
  const { out, err } = context;
  const planNode = async (): Promise<DrainPlan> => {
    const resource = await session.mapper.byName('pods');
    const pods = await listObjects<Pod>(session, resource, {
      fieldSelector: `spec.nodeName=${node}`,
      labelSelector: flags['pod-selector'],
    });
    return drainPlan(pods, {
      force: flags.force ?? false,
      ignoreDaemonSets: flags['ignore-daemonsets'] ?? false,
      deleteEmptyDir: flags['delete-emptydir-data'] ?? false,
    });
  };
  const plan = await planNode();
  let errors = plan.refusals;
  if (errors.length === 0) {
    for (const warning of plan.warnings) err(`Warning: ${warning}\n`);
    errors = await evictAll(session, plan.evicted, flags);
    if (errors.length > 0) {
      const { evicted } = await planNode();
      if (evicted.length > 0) {
        err(
          `There are pending pods in node "${node}" when an error occurred: ${aggregate(errors)}\n`,
        );
        for (const { metadata } of evicted) err(`pod/${metadata.name}\n`);
      }
    }
  }
  if (errors.length === 0)
    out(`node/${node} drained${dryRunSuffix(parseDryRun(flags['dry-run']))}\n`);
  else {
    err(
      `error: unable to drain node "${node}" due to error: ${aggregate(errors)}, continuing command...\n`,
    );
  }
  return errors;
}

/** Several errors in one line, as Go's utilerrors.Aggregate prints them: each text once. */
function aggregate(errors: readonly string[]): string {
  const texts = [...new Set(errors)];
  return texts.length === 1 ? (texts[0] ?? '') : `[${texts.join(', ')}]`;
}

/** Evicts all pods at once and waits until they are gone. @returns what went wrong, of all of them */
async function evictAll(
  session: Session,
  pods: readonly Pod[],
  flags: Drain['flags'],
): Promise<readonly string[]> {
  const { clock } = session.context;
  const timeoutMs = goDurationMs(flags.timeout);
  const endMs = timeoutMs === 0 ? Number.POSITIVE_INFINITY : clock.monotonicMs() + timeoutMs;
  const results = await Promise.allSettled(pods.map((pod) => evict(session, pod, flags, endMs)));
  return results.flatMap((result) =>
    result.status === 'rejected' ? [errorMessage(result.reason)] : [],
  );
}

/** Evicts a pod and waits until it is gone. @throws Error in kubectl's words */
async function evict(
  session: Session,
  pod: Pod,
  flags: Drain['flags'],
  endMs: number,
): Promise<void> {
  const { context } = session;
  const { name, namespace = '', uid = '' } = pod.metadata;
  const ref = { resource: await session.mapper.byName('pods'), name, namespace };
  const dryRun = parseDryRun(flags['dry-run']);
  const isDeleted = flags['disable-eviction'] === true;
  if (!isDeleted || dryRun !== 'none')
    context.out(`evicting pod ${namespace}/${name}${dryRunSuffix(dryRun)}\n`);
  if (dryRun !== 'none') return;
  const what = `error when evicting pods/"${name}" -n "${namespace}"`;
  const timedOut = `global timeout reached: ${flags.timeout}`;
  for (;;) {
    try {
      await remove(session, ref, uid, flags);
      break;
    } catch (error) {
      if (isApiError(error, 'NotFound')) return;
      // The pod of that name is another one by now.
      if (isDeleted && isApiError(error, 'Conflict')) return;
      if (isDeleted) throw error;
      const retried = retriedText(error, what, { name, namespace });
      if (retried === undefined)
        throw new Error(`${what}: ${errorMessage(error)}`, { cause: error });
      if (context.clock.monotonicMs() + retryMs > endMs) {
        throw new Error(`${what}: ${timedOut}`, { cause: error });
      }
      context.err(`${retried} (will retry after 5s): ${errorMessage(error)}\n`);
      await delay(context.clock, retryMs);
      context.out(`evicting pod ${namespace}/${name}\n`);
    }
  }
  const leftMs = Number.isFinite(endMs) ? Math.max(1, endMs - context.clock.monotonicMs()) : 0;
  const waiting = isDeleted
    ? ''
    : `error when waiting for pod "${name}" in namespace "${namespace}" to terminate: `;
  const isGone = await waitGone(session, ref, uid, leftMs).catch((error: unknown) => {
    throw new Error(`${waiting}${errorMessage(error)}`, { cause: error });
  });
  if (!isGone) throw new Error(`${waiting}${timedOut}`);
  context.out(`pod/${name} ${isDeleted ? 'deleted' : 'evicted'}\n`);
}

/** What is said when an eviction is tried again: a budget forbids it, or its namespace ends; else undefined. */
function retriedText(
  error: unknown,
  what: string,
  { name, namespace }: { readonly name: string; readonly namespace: string },
): string | undefined {
  if (isApiError(error, 'TooManyRequests')) return what;
  const { causes = [] } = (isApiError(error, 'Forbidden') ? (error.details ?? {}) : {}) as {
    readonly causes?: readonly { readonly reason?: string }[];
  };
  if (!causes.some(({ reason }) => reason === 'NamespaceTerminating')) return undefined;
  return `error when evicting pod "${name}" from terminating namespace "${namespace}"`;
}

function remove(
  { kube }: Session,
  ref: ObjectRef,
  uid: string,
  flags: Drain['flags'],
): Promise<unknown> {
  const { name, namespace } = ref;
  const grace = flags['grace-period'] < 0 ? {} : { gracePeriodSeconds: flags['grace-period'] };
  if (flags['disable-eviction'] === true) {
    const body = { ...grace, preconditions: { uid } };
    return kube.json({ method: 'DELETE', path: objectPath(ref), body });
  }
  return kube.json({
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
