/** The violations among a namespace's present pods of the level that it is to enforce from now on. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Pod } from '../../../../api/types/core.js';
import type { Clock } from '../../../../lib/clock.js';
import { podCheckBatch, podCheckMs, podsToCheck } from '../../limits.js';
import { reasonsOf, violationsOf } from './evaluate.js';
import type { LevelVersion } from './policy.js';
import { showLevel } from './policy.js';

/** Pods with the same violations. */
interface Alike {
  /** The first of them by name. */
  readonly name: string;
  readonly count: number;
}

/** The pods of a namespace, the level to try on them, and the exemptions. */
export interface PodsOfNamespace {
  readonly namespace: string;
  readonly enforce: LevelVersion;
  /** Each is read when it is its turn. */
  readonly pods: readonly (() => Pod)[];
  /** True for pods that the level is not asked of. */
  readonly isExempt: (pod: Pod) => boolean;
  readonly clock: Clock;
}

/** Lets other requests have their turn after each batch. @returns false when the time is over */
function pacer(clock: Clock): () => Promise<boolean> {
  const deadline = clock.monotonicMs() + podCheckMs;
  let steps = 0;
  return async () => {
    if (++steps % podCheckBatch === 0) await nextTurn();
    return clock.monotonicMs() <= deadline;
  };
}

/** Puts one pod of each owner before the others of the same owner, so that the bound leaves out similar pods. */
async function byOwner(
  { pods, isExempt }: PodsOfNamespace,
  pace: () => Promise<boolean>,
): Promise<{ readonly inOrder: Pod[]; readonly total: number }> {
  const seen = new Set<string>();
  const [first, further]: [Pod[], Pod[]] = [[], []];
  let [read, exempt] = [0, 0];
  for (const parse of pods) {
    const pod = parse();
    read++;
    const owner = pod.metadata.ownerReferences?.find(({ controller }) => controller === true);
    if (isExempt(pod)) exempt++;
    else (owner !== undefined && seen.has(owner.uid) ? further : first).push(pod);
    if (owner !== undefined) seen.add(owner.uid);
    if (!(await pace())) break;
  }
  return { inOrder: [...first, ...further], total: pods.length - exempt };
}

function line({ name, count }: Alike, reasons: string): string {
  if (count === 1) return `${name}: ${reasons}`;
  const others = count === 2 ? '1 other pod' : `${count - 1} other pods`;
  return `${name} (and ${others}): ${reasons}`;
}

/**
 * Warnings for who changes the level. At most {@link podsToCheck} pods are looked at, for {@link podCheckMs} at most,
 * and other requests get their turn in between.
 */
export async function podWarnings(options: PodsOfNamespace): Promise<string[]> {
  const { namespace, enforce, clock } = options;
  const pace = pacer(clock);
  const { inOrder, total } = await byOwner(options, pace);
  const alike = new Map<string, Alike>();
  let checked = 0;
  for (const { metadata, spec } of inOrder.slice(0, podsToCheck)) {
    checked++;
    const annotations = metadata.annotations ?? {};
    const subject = { annotations, spec, relaxesForUserNamespaces: false };
    const reasons = reasonsOf(violationsOf(subject, enforce));
    if (reasons !== '') {
      const known = alike.get(reasons) ?? { name: metadata.name, count: 0 };
      const name = metadata.name < known.name ? metadata.name : known.name;
      alike.set(reasons, { name, count: known.count + 1 });
    }
    if (!(await pace())) break;
  }
  const warnings: string[] = [];
  if (checked < total) {
    const counts = `${checked} of ${total} existing pods`;
    warnings.push(`new PodSecurity enforce level only checked against the first ${counts}`);
  }
  if (alike.size > 0) {
    const level = `violate the new PodSecurity enforce level "${showLevel(enforce)}"`;
    warnings.push(`existing pods in namespace "${namespace}" ${level}`);
  }
  return [...warnings, ...[...alike].map(([reasons, group]) => line(group, reasons)).sort()];
}
