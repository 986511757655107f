/** The answer of `trireme why`: from an object to what keeps it from working. Pure. */
import type { KubeObject } from '../api/object.js';
import type { Node, PersistentVolumeClaim, Pod, Service } from '../api/types/core.js';
import type { Ingress } from '../api/types/networking.js';
import type { HorizontalPodAutoscaler, PodDisruptionBudget } from '../api/types/policy.js';
import type {
  CronJob,
  DaemonSet,
  Deployment,
  Job,
  ReplicaSet,
  StatefulSet,
} from '../api/types/workloads.js';
import { isJsonObject } from '../api/object.js';
import { explainAutoscaler } from './autoscaler.js';
import { explainClaim } from './claim.js';
import { explainDeletion } from './deletion.js';
import type { Finding } from './finding.js';
import { unwell, well } from './finding.js';
import { explainCronJob, explainJob } from './jobs.js';
import { explainBudget, explainNode } from './node.js';
import { explainPod } from './pod.js';
import { explainIngress, explainService } from './services.js';
import type { ClusterView } from './view.js';
import { nameOf } from './view.js';
import { explainDaemonSet } from './daemon-set.js';
import { explainDeployment } from './deployment.js';
import { explainReplicaSet } from './replicas.js';
import { explainStatefulSet } from './stateful-set.js';

type Explainer = (object: KubeObject, view: ClusterView) => Finding;

const explainers: Readonly<Record<string, Explainer>> = {
  Pod: (object, view) => explainPod(object as Pod, view),
  Deployment: (object, view) => explainDeployment(object as Deployment, view),
  ReplicaSet: (object, view) => explainReplicaSet(object as ReplicaSet, view),
  StatefulSet: (object, view) => explainStatefulSet(object as StatefulSet, view),
  DaemonSet: (object, view) => explainDaemonSet(object as DaemonSet, view),
  Job: (object, view) => explainJob(object as Job, view),
  CronJob: (object, view) => explainCronJob(object as CronJob, view),
  Service: (object, view) => explainService(object as Service, view),
  Ingress: (object, view) => explainIngress(object as Ingress, view),
  PersistentVolumeClaim: (object, view) => explainClaim(object as PersistentVolumeClaim, view),
  Node: (object, view) => explainNode(object as Node, view),
  HorizontalPodAutoscaler: (object, view) =>
    explainAutoscaler(object as HorizontalPodAutoscaler, view),
  PodDisruptionBudget: (object, view) => explainBudget(object as PodDisruptionBudget, view),
  Namespace: (object, view) => explainDeletion(object, view) ?? well(nameOf(object), 'is active'),
};

/** Explains an object. One of any other kind is explained by its deletion, its conditions and its latest warning. */
export function explainObject(object: KubeObject, view: ClusterView): Finding {
  return (
    explainDeletion(object, view) ?? (explainers[object.kind ?? ''] ?? explainOther)(object, view)
  );
}

function explainOther(object: KubeObject, view: ClusterView): Finding {
  const about = nameOf(object);
  const status: unknown = (object as { status?: unknown }).status;
  const list =
    isJsonObject(status) && Array.isArray(status['conditions']) ? status['conditions'] : [];
  const causes = list.flatMap((value): Finding[] => {
    if (!isJsonObject(value)) return [];
    const [type, is, reason, message, since] = [
      'type',
      'status',
      'reason',
      'message',
      'lastTransitionTime',
    ].map((key) => (typeof value[key] === 'string' ? value[key] : ''));
    if (
      !/^(Ready|Available|Established|Accepted|Synced|Reconciled|Healthy)$/.test(type ?? '') ||
      is === 'True'
    )
      return [];
    return [
      {
        about: `condition ${type ?? ''}`,
        level: 'problem',
        says: `is ${is ?? ''}${reason === '' ? '' : ` (${reason ?? ''})`}`,
        since: since === '' ? undefined : since,
        details: message === '' ? [] : [message ?? ''],
      },
    ];
  });
  const warning = view.events(object).find(({ type }) => type === 'Warning');
  if (warning !== undefined) {
    causes.push({
      about: 'event',
      level: 'problem',
      says: warning.reason ?? 'Warning',
      since: warning.lastTimestamp ?? undefined,
      details: [warning.message ?? ''],
    });
  }
  const ill = unwell(causes);
  return ill.length === 0
    ? well(about, 'nothing is known to be wrong with it')
    : { about, level: 'problem', says: 'is not well', causes: ill };
}
