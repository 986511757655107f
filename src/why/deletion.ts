/** Objects that are to be deleted and are still there. Pure. */
import { claimFinalizer, volumeFinalizer } from '../api/facts/volume-protection.js';
import { claimNames } from '../api/facts/pod-claims.js';
import { isPodActive } from '../api/facts/pods.js';
import { parseTime } from '../api/facts/time.js';
import type { KubeObject } from '../api/object.js';
import type { Namespace, Node, PersistentVolumeClaim, Pod } from '../api/types/core.js';
import { findCondition } from '../api/facts/conditions.js';
import type { Finding, Mend } from './finding.js';
import { enumerate } from './finding.js';
import type { ClusterView } from './view.js';
import { nameOf } from './view.js';

/** Finalizers whose remover is a controller of the cluster: what it waits for. */
const known: Readonly<Record<string, string>> = {
  foregroundDeletion: 'the objects that it owns are deleted before it',
  orphan: 'the objects that it owns are being released',
  [volumeFinalizer]: 'a claim is bound to the volume',
  [claimFinalizer]: 'a pod uses the claim',
  'batch.kubernetes.io/job-tracking': 'the job has not counted the pod yet',
  'trireme.dev/local-path': 'the node of the volume has to remove its directory',
  kubernetes: 'the objects in the namespace are being deleted',
};

/** Why an object that is to be deleted is still there; undefined when it is not to be deleted. */
export function explainDeletion(object: KubeObject, view: ClusterView): Finding | undefined {
  const { metadata } = object;
  if (metadata.deletionTimestamp === undefined) return undefined;
  const finalizers = [
    ...(metadata.finalizers ?? []),
    ...((object as Namespace).kind === 'Namespace'
      ? ((object as Namespace).spec?.finalizers ?? [])
      : []),
  ];
  const about = nameOf(object);
  if (finalizers.length === 0) {
    if (object.kind === 'Pod') return endingPod(object as Pod, view);
    return { about, level: 'waiting', says: 'is being deleted', since: metadata.deletionTimestamp };
  }
  return {
    about,
    level: 'problem',
    says: `is to be deleted, and ${enumerate(finalizers.map((name) => `the finalizer ${name}`))} holds it`,
    since: metadata.deletionTimestamp,
    details: finalizers.flatMap((name) => detailsOf(name, object, view)),
    mend: finalizers.flatMap((name) => mendOf(name, object, view)),
  };
}

function detailsOf(finalizer: string, object: KubeObject, view: ClusterView): string[] {
  const why = known[finalizer];
  const lines = [
    `${finalizer}: ${why ?? 'set by a controller that is not part of the cluster; only that one takes it away'}`,
  ];
  if (object.kind === 'PersistentVolumeClaim' && finalizer === claimFinalizer) {
    const users = usersOf(object as PersistentVolumeClaim, view).map(nameOf);
    if (users.length > 0) lines.push(`used by ${enumerate(users.slice(0, 5))}`);
  }
  if (object.kind === 'Namespace') {
    for (const { type, status, message = '' } of (object as Namespace).status?.conditions ?? []) {
      if (status === 'True' && message !== '') lines.push(`${type}: ${message}`);
    }
  }
  return lines;
}

function mendOf(finalizer: string, object: KubeObject, view: ClusterView): Mend[] {
  const flag = view.flag(object.metadata.namespace);
  if (object.kind === 'PersistentVolumeClaim' && finalizer === claimFinalizer) {
    return usersOf(object as PersistentVolumeClaim, view)
      .slice(0, 1)
      .map(({ metadata }) => ({
        words: 'delete what uses the claim',
        command: `trireme delete pod ${metadata.name}${flag}`,
      }));
  }
  if (known[finalizer] !== undefined) return [];
  const patch = `'{"metadata":{"finalizers":null}}'`;
  return [
    {
      words: `start the controller that ${finalizer} belongs to; if it is gone for good, take the finalizers away (what it guards stays behind)`,
      command: `trireme patch ${nameOf(object)}${flag} --type=merge -p ${patch}`,
    },
  ];
}

/** The pods that use a claim. */
export function usersOf(claim: PersistentVolumeClaim, view: ClusterView): Pod[] {
  const { name, namespace } = claim.metadata;
  return view
    .list<Pod>('pods', namespace)
    .filter((pod) => isPodActive(pod) || pod.metadata.deletionTimestamp !== undefined)
    .filter((pod) => claimNames(pod).includes(name));
}

/** A pod ends when its node says that its containers have. */
function endingPod(pod: Pod, view: ClusterView): Finding {
  const { deletionTimestamp = '', deletionGracePeriodSeconds = 0, name, namespace } = pod.metadata;
  const about = nameOf(pod);
  // The time of deletion is when the grace period is over.
  const endMs = parseTime(deletionTimestamp) ?? view.nowMs;
  const grace = `${deletionGracePeriodSeconds} s for its containers to end`;
  if (endMs > view.nowMs) {
    return { about, level: 'waiting', says: `is being deleted, with ${grace}` };
  }
  const nodeName = pod.spec.nodeName ?? '';
  const node = nodeName === '' ? undefined : view.get<Node>('nodes', undefined, nodeName);
  const ready =
    node === undefined || node === null
      ? undefined
      : findCondition(node.status?.conditions, 'Ready');
  const says = `should have been gone, after ${grace}`;
  const force: Mend = {
    words: 'if the node does not come back, forget the pod (its containers may still run there)',
    command: `trireme delete pod ${name}${view.flag(namespace)} --grace-period=0 --force`,
  };
  if (node === null || (ready !== undefined && ready.status !== 'True')) {
    const cause =
      node === null
        ? 'does not exist any more'
        : 'is not ready, so nobody says that the pod has ended';
    return {
      about,
      level: 'problem',
      says,
      since: deletionTimestamp,
      mend: [force],
      causes: [
        {
          about: `node/${nodeName}`,
          level: 'problem',
          says: cause,
          since: ready?.lastTransitionTime,
        },
      ],
    };
  }
  const failed = view.lastEvent(pod, 'FailedKillPod', 'FailedPreStopHook');
  const details = failed === undefined ? [] : [failed.message ?? ''];
  return { about, level: 'problem', says, since: deletionTimestamp, details, mend: [force] };
}
