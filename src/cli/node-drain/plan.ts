/** Which pods a drain takes away from a node, which it leaves, and which forbid it. */
import type { Pod } from '../../api/types/core.js';

/** What the user allows. */
export interface DrainOptions {
  readonly force: boolean;
  readonly ignoreDaemonSets: boolean;
  readonly deleteEmptyDir: boolean;
}

/** The decision. */
export interface DrainPlan {
  readonly evicted: readonly Pod[];
  readonly warnings: readonly string[];
  /** Not empty: nothing is done. */
  readonly refusals: readonly string[];
}

const mirrorAnnotation = 'kubernetes.io/config.mirror';
const nameOf = ({ metadata }: Pod): string => `${metadata.namespace ?? ''}/${metadata.name}`;
const hasEnded = ({ status }: Pod): boolean =>
  status?.phase === 'Succeeded' || status?.phase === 'Failed';

/** Decides for all pods of a node, as kubectl does. */
export function drainPlan(pods: readonly Pod[], options: DrainOptions): DrainPlan {
  const evicted: Pod[] = [];
  const lists: Record<'daemons' | 'locals' | 'orphans', string[]> = {
    daemons: [],
    locals: [],
    orphans: [],
  };
  const ignored: string[] = [];
  const deleted: string[] = [];
  const orphaned: string[] = [];
  for (const pod of pods) {
    if (pod.metadata.annotations?.[mirrorAnnotation] !== undefined) continue;
    const owner = pod.metadata.ownerReferences?.find(({ controller }) => controller === true);
    if (owner?.kind === 'DaemonSet' && !hasEnded(pod)) {
      (options.ignoreDaemonSets ? ignored : lists.daemons).push(nameOf(pod));
      continue;
    }
    const hasData = (pod.spec.volumes ?? []).some(
      ({ emptyDir }) => emptyDir !== undefined && emptyDir !== null,
    );
    if (hasData && !hasEnded(pod))
      (options.deleteEmptyDir ? deleted : lists.locals).push(nameOf(pod));
    if (owner === undefined && !hasEnded(pod))
      (options.force ? orphaned : lists.orphans).push(nameOf(pod));
    evicted.push(pod);
  }
  const refusals = [
    text('cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)', lists.daemons),
    text(
      'cannot delete Pods with local storage (use --delete-emptydir-data to override)',
      lists.locals,
    ),
    text('cannot delete Pods that declare no controller (use --force to override)', lists.orphans),
  ].flat();
  const warnings = [
    text('ignoring DaemonSet-managed Pods', ignored),
    text('deleting Pods that declare no controller', orphaned),
  ].flat();
  return { evicted: refusals.length > 0 ? [] : evicted, warnings, refusals };
}

function text(words: string, names: readonly string[]): string[] {
  return names.length === 0 ? [] : [`${words}: ${names.join(', ')}`];
}
