/** What may be written into the status of workloads. @see kubernetes pkg/apis/apps/validation */
import type { FieldError } from '../field-error.js';
import type { ReplicationController } from '../types/core.js';
import type { DaemonSet, Deployment, ReplicaSet, StatefulSet } from '../types/workloads.js';
import {
  countOf,
  countsAbove,
  fallenCollisions,
  negativeCounts,
} from '../validation/status-counts.js';

const replicas = { field: 'replicas', as: 'status.replicas' } as const;

/** Errors of a Deployment's status. */
export function deploymentStatusErrors(next: Deployment, old: Deployment): FieldError[] {
  const { status } = next;
  const available =
    countOf(status, 'readyReplicas') > 0
      ? countsAbove(status, ['availableReplicas'], { field: 'readyReplicas', as: 'readyReplicas' })
      : [];
  return [
    ...negativeCounts(status, [
      'observedGeneration',
      'replicas',
      'updatedReplicas',
      'readyReplicas',
      'availableReplicas',
      'unavailableReplicas',
      'collisionCount',
    ]),
    ...countsAbove(status, ['updatedReplicas', 'readyReplicas', 'availableReplicas'], replicas),
    ...available,
    ...fallenCollisions(status, old.status),
  ];
}

/** Errors of the status of a ReplicaSet or a ReplicationController. */
export function replicaSetStatusErrors({
  status,
}: Pick<ReplicaSet, 'status'> | Pick<ReplicationController, 'status'>): FieldError[] {
  const counts = ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'];
  const ready = { field: 'readyReplicas', as: 'readyReplicas' };
  return [
    ...negativeCounts(status, ['replicas', ...counts, 'observedGeneration']),
    ...countsAbove(status, counts, replicas),
    ...countsAbove(status, ['availableReplicas'], ready),
  ];
}

/** Errors of a StatefulSet's status. */
export function statefulSetStatusErrors(next: StatefulSet, old: StatefulSet): FieldError[] {
  const { status } = next;
  const counts = ['readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas'];
  const ready = { field: 'readyReplicas', as: 'status.readyReplicas' };
  return [
    ...negativeCounts(status, ['replicas', ...counts, 'observedGeneration', 'collisionCount']),
    ...countsAbove(status, counts, replicas),
    ...countsAbove(status, ['availableReplicas'], ready),
    ...fallenCollisions(status, old.status),
  ];
}

/** Errors of a DaemonSet's status. */
export function daemonSetStatusErrors(next: DaemonSet, old: DaemonSet): FieldError[] {
  return [
    ...negativeCounts(next.status, [
      'currentNumberScheduled',
      'numberMisscheduled',
      'desiredNumberScheduled',
      'numberReady',
      'observedGeneration',
      'updatedNumberScheduled',
      'numberAvailable',
      'numberUnavailable',
      'collisionCount',
    ]),
    ...fallenCollisions(next.status, old.status),
  ];
}
