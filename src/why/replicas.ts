/** What workloads of every kind share, and ReplicaSets. Pure. */
import { findCondition } from '../api/facts/conditions.js';
import { isPodActive, isPodReady } from '../api/facts/pods.js';
import type { KubeObject } from '../api/object.js';
import type { Pod } from '../api/types/core.js';
import type { ReplicaSet } from '../api/types/workloads.js';
import { failedCreation } from './creation.js';
import type { Finding } from './finding.js';
import { alike, allAre, count, unwell, well, worst } from './finding.js';
import { explainPod } from './pod.js';
import type { ClusterView } from './view.js';
import { nameOf } from './view.js';

/** Pods that are looked at one by one; more of a workload are rarely ill in other ways. */
const podsMax = 50;

/** Why pods of an owner are not ready, those alike together. */
export function podCauses(pods: readonly Pod[], view: ClusterView): Finding[] {
  const ill = pods.filter(
    (pod) => !isPodReady(pod) || pod.metadata.deletionTimestamp !== undefined,
  );
  const findings = ill
    .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
    .slice(0, podsMax)
    .map((pod) => explainPod(pod, view));
  return alike(unwell(findings));
}

/** `its only pod is not ready`, `2 of its 3 pods are not ready`. */
export function notReady(wrong: number, total: number): string {
  if (total === 1) return 'its only pod is not ready';
  if (wrong === total) return `none of its ${total} pods is ready`;
  return `${wrong} of its ${total} pods ${wrong === 1 ? 'is' : 'are'} not ready`;
}

/** A status that is older than the spec: the controllers have not looked yet. */
export function unseen({ metadata }: KubeObject, observed: number | bigint | undefined): Finding[] {
  const { generation = 0 } = metadata;
  if ((observed ?? 0) >= generation) return [];
  return [
    {
      about: 'controllers',
      level: 'waiting',
      says: `have not seen its latest change (generation ${generation}, seen ${observed ?? 0})`,
      mend: [
        {
          words: 'if it stays so, see whether controllers are active',
          command: 'trireme cluster status',
        },
      ],
    },
  ];
}

/** A workload that wants no pods. */
export function scaledToNone(object: KubeObject, view: ClusterView): Finding {
  const about = nameOf(object);
  const command = `trireme scale ${about}${view.flag(object.metadata.namespace)} --replicas=1`;
  return {
    about,
    level: 'waiting',
    says: 'is scaled to 0: no pods are wanted',
    mend: [{ words: 'scale it up', command }],
  };
}

/** A ReplicaSet: pods that cannot be made, and pods that are ill. */
export function explainReplicaSet(set: ReplicaSet, view: ClusterView): Finding {
  const about = nameOf(set);
  const wanted = set.spec.replicas ?? 1;
  const pods = view.controlled<Pod>('pods', set);
  const living = pods.filter(isPodActive);
  const missing = wanted - living.length;
  const refused = missing > 0 ? failedCreation(set, view) : undefined;
  const causes = [...(refused === undefined ? [] : [refused]), ...podCauses(pods, view)];
  if (wanted === 0 && pods.length === 0) return scaledToNone(set, view);
  const ready = living.filter(isPodReady).length;
  if (causes.length === 0 && ready >= wanted) return well(about, `${allAre(wanted, 'pod')} ready`);
  if (missing > 0) {
    const failure = findCondition(set.status?.conditions, 'ReplicaFailure');
    const which = wanted === 1 ? 'its only pod' : `${missing} of its ${wanted} pods`;
    const says = `${which} ${refused === undefined ? 'is yet to be made' : 'cannot be made'}`;
    const level = causes.length === 0 ? 'waiting' : worst(causes);
    return { about, level, says, since: failure?.lastTransitionTime, causes };
  }
  const leaving = pods.length - living.length;
  const says =
    ready >= wanted
      ? `${count(leaving, 'pod')} of it have to go`
      : notReady(wanted - ready, wanted);
  return { about, level: causes.length === 0 ? 'waiting' : worst(causes), says, causes };
}
