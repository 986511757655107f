/** StatefulSets, whose pods come one after the other. Pure. */
import { isPodActive, isPodReady } from '../api/facts/pods.js';
import type { Pod } from '../api/types/core.js';
import type { StatefulSet } from '../api/types/workloads.js';
import { failedCreation } from './creation.js';
import type { Finding, Mend } from './finding.js';
import { allAre, count, well, worst } from './finding.js';
import { notReady, podCauses, scaledToNone, unseen } from './replicas.js';
import type { ClusterView } from './view.js';
import { nameOf } from './view.js';

/** Why the pods of a StatefulSet are not all there, ready and of its newest template. */
export function explainStatefulSet(set: StatefulSet, view: ClusterView): Finding {
  const about = nameOf(set);
  const wanted = set.spec.replicas ?? 1;
  const pods = view.controlled<Pod>('pods', set);
  const living = pods.filter(isPodActive);
  const ready = living.filter(isPodReady).length;
  const refused = living.length < wanted ? failedCreation(set, view) : undefined;
  const causes = [
    ...unseen(set, set.status?.observedGeneration),
    ...(refused === undefined ? [] : [refused]),
    ...podCauses(pods, view),
  ];
  if (wanted === 0 && pods.length === 0) return scaledToNone(set, view);
  const update = updateOf(set, living, causes.length > 0, view);
  const details = [...waitsInOrder(set, living.length, causes, refused), ...update.details];
  if (causes.length === 0 && ready >= wanted && details.length === 0) {
    return well(about, `${allAre(wanted, 'pod')} ready`);
  }
  const made = `${ready} of ${count(wanted, 'pod')} ready, ${living.length} made`;
  const says =
    ready >= wanted
      ? `${allAre(wanted, 'pod')} ready`
      : living.length < wanted
        ? made
        : notReady(wanted - ready, wanted);
  const level = causes.length > 0 ? worst(causes) : 'waiting';
  return { about, level, says, details, mend: update.mend, causes };
}

/** The pods that are not made before those that are ill get well. */
function waitsInOrder(
  { spec }: StatefulSet,
  made: number,
  causes: readonly Finding[],
  refused: Finding | undefined,
): string[] {
  const missing = (spec.replicas ?? 1) - made;
  if (spec.podManagementPolicy === 'Parallel' || missing <= 0) return [];
  if (causes.length === 0 || refused !== undefined) return [];
  const wait = missing === 1 ? '1 waits' : `${missing} wait`;
  return [
    `its pods are made in order (podManagementPolicy OrderedReady): ${wait} for the one before to be ready`,
  ];
}

/** What keeps pods at an old template. */
function updateOf(
  { spec, status, metadata }: StatefulSet,
  living: readonly Pod[],
  isIll: boolean,
  view: ClusterView,
): { readonly details: string[]; readonly mend: Mend[] } {
  const { updateRevision } = status ?? {};
  const old = living.filter(
    (pod) => pod.metadata.labels?.['controller-revision-hash'] !== updateRevision,
  );
  const first = old[0];
  if (updateRevision === undefined || first === undefined) return { details: [], mend: [] };
  const partition = spec.updateStrategy?.rollingUpdate?.partition ?? 0;
  const pods = `${count(old.length, 'pod')} of the old template`;
  if (spec.updateStrategy?.type === 'OnDelete') {
    const command = `trireme delete pod ${first.metadata.name}${view.flag(metadata.namespace)}`;
    return {
      details: [`there is still ${pods}, until somebody deletes it (updateStrategy OnDelete)`],
      mend: [{ words: 'delete such pods one by one', command }],
    };
  }
  if (partition > 0) {
    const text = `pods below ${partition} keep the old template (updateStrategy.rollingUpdate.partition)`;
    return { details: [text], mend: [] };
  }
  return { details: isIll ? [`there is still ${pods}, after those that are ill`] : [], mend: [] };
}
