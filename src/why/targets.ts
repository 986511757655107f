/** The object that a user changes to change a pod: its workload, where it has one. Pure. */
import type { KubeObject } from '../api/object.js';
import { controllerOf } from '../api/object.js';
import type { Pod } from '../api/types/core.js';
import type { ClusterView } from './view.js';

/** Controllers, and where they are listed. */
const listed: Readonly<Record<string, string>> = {
  ReplicaSet: 'replicasets',
  Deployment: 'deployments',
  StatefulSet: 'statefulsets',
  DaemonSet: 'daemonsets',
  Job: 'jobs',
  CronJob: 'cronjobs',
  ReplicationController: 'replicationcontrollers',
};

/** The top of the chain of controllers; the object itself where there is none. */
export function workloadOf(object: KubeObject, view: ClusterView): KubeObject {
  let top = object;
  for (let depth = 0; depth < 3; depth++) {
    const owner = controllerOf(top);
    const type = listed[owner?.kind ?? ''];
    if (owner === undefined || type === undefined) return top;
    const found = view
      .list(type, object.metadata.namespace)
      .find(({ metadata }) => metadata.uid === owner.uid);
    if (found === undefined) return top;
    top = found;
  }
  return top;
}

/** `deployment web -n shop`, for `trireme set …`; undefined where the template of the pod cannot be changed. */
export function templateTarget(pod: Pod, view: ClusterView): string | undefined {
  const top = workloadOf(pod, view);
  if (top.kind === undefined || ['Pod', 'Job'].includes(top.kind)) return undefined;
  return `${top.kind.toLowerCase()} ${top.metadata.name}${view.flag(top.metadata.namespace)}`;
}

/** A command that changes the template of a pod, or how to do without one. */
export function changeTemplate(
  pod: Pod,
  view: ClusterView,
  verb: string,
  rest: string,
): string | undefined {
  const target = templateTarget(pod, view);
  return target === undefined ? undefined : `trireme set ${verb} ${target} ${rest}`;
}

/** The command that opens the pod's workload in an editor. */
export function editWorkload(pod: Pod, view: ClusterView): string | undefined {
  const target = templateTarget(pod, view);
  return target === undefined ? undefined : `trireme edit ${target}`;
}
