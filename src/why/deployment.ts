/** Deployments. Pure. */
import { findCondition } from '../api/facts/conditions.js';
import type { Deployment, ReplicaSet } from '../api/types/workloads.js';
import { failedCreation } from './creation.js';
import type { Finding, Mend } from './finding.js';
import { allAre, count, unwell, well, worst } from './finding.js';
import { explainReplicaSet, scaledToNone, unseen } from './replicas.js';
import type { ClusterView } from './view.js';
import { nameOf } from './view.js';

/** A Deployment: its rollout, its ReplicaSets, their pods. */
export function explainDeployment(deployment: Deployment, view: ClusterView): Finding {
  const about = nameOf(deployment);
  const { spec, status = {} } = deployment;
  const { availableReplicas: available = 0, updatedReplicas: updated = 0 } = status;
  const wanted = spec.replicas ?? 1;
  const causes = causesOf(deployment, view);
  if (wanted === 0 && causes.length === 0) return scaledToNone(deployment, view);
  const complete = updated >= wanted && available >= wanted && (status.replicas ?? 0) <= wanted;
  if (complete && causes.length === 0) return well(about, `${allAre(wanted, 'pod')} available`);
  const progress = findCondition(status.conditions, 'Progressing');
  const unavailable = findCondition(status.conditions, 'Available');
  const late = progress?.reason === 'ProgressDeadlineExceeded';
  const seconds = spec.progressDeadlineSeconds ?? 600;
  const newest = updated < wanted ? `, ${updated} of the newest template` : '';
  return {
    about,
    level: late ? 'problem' : causes.length === 0 ? 'waiting' : worst(causes),
    says: `${available} of ${count(wanted, 'pod')} available${newest}`,
    since: (unavailable?.status === 'False' ? unavailable : progress)?.lastTransitionTime,
    details: late
      ? [`its rollout has made no progress for ${seconds} s (ProgressDeadlineExceeded)`]
      : [],
    mend: late ? goBack(deployment, view) : [],
    causes,
  };
}

function causesOf(deployment: Deployment, view: ClusterView): Finding[] {
  const { spec, status = {} } = deployment;
  const sets = view
    .controlled<ReplicaSet>('replicasets', deployment)
    .filter((set) => (set.spec.replicas ?? 0) > 0 || (set.status?.replicas ?? 0) > 0);
  const refused = failedCreation(deployment, view);
  const causes = [
    ...unseen(deployment, status.observedGeneration),
    ...(refused === undefined ? [] : [refused]),
    ...unwell(sets.map((set) => explainReplicaSet(set, view))),
  ];
  const isBehind = (status.updatedReplicas ?? 0) < (spec.replicas ?? 1) || causes.length > 0;
  return spec.paused === true && isBehind ? [paused(deployment, view), ...causes] : causes;
}

function paused(deployment: Deployment, view: ClusterView): Finding {
  const progress = findCondition(deployment.status?.conditions, 'Progressing');
  const flag = view.flag(deployment.metadata.namespace);
  return {
    about: 'rollout',
    level: 'problem',
    says: 'is paused: changes of the template are not rolled out',
    since: progress?.reason === 'DeploymentPaused' ? progress.lastTransitionTime : undefined,
    mend: [{ words: 'go on', command: `trireme rollout resume ${nameOf(deployment)}${flag}` }],
  };
}

function goBack(deployment: Deployment, view: ClusterView): Mend[] {
  if (view.controlled('replicasets', deployment).length < 2) return [];
  const flag = view.flag(deployment.metadata.namespace);
  const command = `trireme rollout undo ${nameOf(deployment)}${flag}`;
  return [{ words: 'or go back to the template before', command }];
}
