/** Describes the progress of a rollout in kubectl's words. @see kubectl pkg/polymorphichelpers/rollout_status.go */
import type { DaemonSet, Deployment, StatefulSet } from '../../api/types/workloads.js';

/** The progress of a rollout: the step that it waits for, or its end. */
export type RolloutProgress =
  | { readonly state: 'waiting' | 'done'; readonly text: string }
  | { readonly state: 'failed'; readonly text: string };

const notRolling: RolloutProgress = {
  state: 'failed',
  text: 'rollout status is only available for RollingUpdate strategy type',
};

const waiting = (text: string): RolloutProgress => ({ state: 'waiting', text: `${text}...` });

/** Returns the progress of a Deployment's rollout (kubectl `DeploymentStatusViewer`). */
export function deploymentProgress({ metadata, spec, status }: Deployment): RolloutProgress {
  const { name } = metadata;
  if ((metadata.generation ?? 0) > (status?.observedGeneration ?? 0)) {
    return waiting('Waiting for deployment spec update to be observed');
  }
  const late = status?.conditions?.some(({ reason }) => reason === 'ProgressDeadlineExceeded');
  if (late === true) {
    return { state: 'failed', text: `deployment "${name}" exceeded its progress deadline` };
  }
  const wanted = spec?.replicas ?? 1;
  const updated = status?.updatedReplicas ?? 0;
  const existing = status?.replicas ?? 0;
  const available = status?.availableReplicas ?? 0;
  const finish = `Waiting for deployment "${name}" rollout to finish`;
  if (updated < wanted) {
    return waiting(`${finish}: ${updated} out of ${wanted} new replicas have been updated`);
  }
  if (existing > updated) {
    return waiting(`${finish}: ${existing - updated} old replicas are pending termination`);
  }
  if (available < updated) {
    return waiting(`${finish}: ${available} of ${updated} updated replicas are available`);
  }
  return { state: 'done', text: `deployment "${name}" successfully rolled out` };
}

/** Returns the progress of a DaemonSet's rollout (kubectl `DaemonSetStatusViewer`). */
export function daemonSetProgress({ metadata, spec, status }: DaemonSet): RolloutProgress {
  const { name } = metadata;
  if (spec?.updateStrategy?.type === 'OnDelete') return notRolling;
  if ((metadata.generation ?? 0) > (status?.observedGeneration ?? 0)) {
    return waiting('Waiting for daemon set spec update to be observed');
  }
  const wanted = status?.desiredNumberScheduled ?? 0;
  const updated = status?.updatedNumberScheduled ?? 0;
  const available = status?.numberAvailable ?? 0;
  const finish = `Waiting for daemon set "${name}" rollout to finish`;
  if (updated < wanted) {
    return waiting(`${finish}: ${updated} out of ${wanted} new pods have been updated`);
  }
  if (available < wanted) {
    return waiting(`${finish}: ${available} of ${wanted} updated pods are available`);
  }
  return { state: 'done', text: `daemon set "${name}" successfully rolled out` };
}

/** Returns the progress of a StatefulSet's rollout (kubectl `StatefulSetStatusViewer`). */
export function statefulSetProgress({ metadata, spec, status }: StatefulSet): RolloutProgress {
  if (spec?.updateStrategy?.type === 'OnDelete') return notRolling;
  const observed = status?.observedGeneration ?? 0;
  if (observed === 0 || (metadata.generation ?? 0) > observed) {
    return waiting('Waiting for statefulset spec update to be observed');
  }
  const wanted = spec?.replicas ?? 1;
  const ready = status?.readyReplicas ?? 0;
  if (ready < wanted) return waiting(`Waiting for ${wanted - ready} pods to be ready`);
  const updated = status?.updatedReplicas ?? 0;
  const partition = spec?.updateStrategy?.rollingUpdate?.partition;
  if (partition !== undefined) {
    const due = wanted - partition;
    return updated < due
      ? waiting(
          `Waiting for partitioned roll out to finish: ${updated} out of ${due} new pods have been updated`,
        )
      : {
          state: 'done',
          text: `partitioned roll out complete: ${updated} new pods have been updated...`,
        };
  }
  const { updateRevision, currentRevision, currentReplicas = 0 } = status ?? {};
  if (updateRevision !== currentRevision) {
    return waiting(
      `waiting for statefulset rolling update to complete ${updated} pods at revision ${updateRevision}`,
    );
  }
  return {
    state: 'done',
    text: `statefulset rolling update complete ${currentReplicas} pods at revision ${currentRevision}...`,
  };
}
