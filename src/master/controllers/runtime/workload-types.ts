/** The fields of workload kinds that scheduler and controllers read or write. */
import type { ObjectMeta, TypeMeta } from '../../../api/object.js';
import type { ClaimSpec, ClaimStatus, Condition, Entity, PodTemplate } from './core-types.js';
import type { SelectorLike } from './selectors.js';

export type IntOrString = number | string;

export interface RollingUpdate {
  maxSurge?: IntOrString;
  maxUnavailable?: IntOrString;
  partition?: number;
}

export interface DeploymentSpec {
  replicas?: number;
  selector: SelectorLike;
  template: PodTemplate;
  strategy?: { type?: string; rollingUpdate?: RollingUpdate };
  minReadySeconds?: number;
  revisionHistoryLimit?: number;
  paused?: boolean;
  progressDeadlineSeconds?: number;
}
export interface DeploymentStatus {
  observedGeneration?: number;
  replicas?: number;
  updatedReplicas?: number;
  readyReplicas?: number;
  availableReplicas?: number;
  unavailableReplicas?: number;
  collisionCount?: number;
  conditions?: Condition[];
}
export type Deployment = Entity<DeploymentSpec, DeploymentStatus>;

export interface ReplicaSetSpec {
  replicas?: number;
  minReadySeconds?: number;
  selector: SelectorLike;
  template: PodTemplate;
}
export interface ReplicaSetStatus {
  replicas?: number;
  fullyLabeledReplicas?: number;
  readyReplicas?: number;
  availableReplicas?: number;
  observedGeneration?: number;
  conditions?: Condition[];
}
export type ReplicaSet = Entity<ReplicaSetSpec, ReplicaSetStatus>;
export type ReplicationController = Entity<
  {
    replicas?: number;
    minReadySeconds?: number;
    selector?: Record<string, string>;
    template?: PodTemplate;
  },
  ReplicaSetStatus
>;

export interface ClaimTemplate {
  metadata: ObjectMeta;
  spec: ClaimSpec;
  status?: ClaimStatus;
}
export interface StatefulSetSpec {
  replicas?: number;
  selector: SelectorLike;
  template: PodTemplate;
  serviceName?: string;
  podManagementPolicy?: string;
  updateStrategy?: { type?: string; rollingUpdate?: RollingUpdate };
  revisionHistoryLimit?: number;
  volumeClaimTemplates?: ClaimTemplate[];
  minReadySeconds?: number;
  persistentVolumeClaimRetentionPolicy?: { whenDeleted?: string; whenScaled?: string };
  ordinals?: { start?: number };
}
export interface StatefulSetStatus {
  observedGeneration?: number;
  replicas?: number;
  readyReplicas?: number;
  currentReplicas?: number;
  updatedReplicas?: number;
  availableReplicas?: number;
  currentRevision?: string;
  updateRevision?: string;
  collisionCount?: number;
  conditions?: Condition[];
}
export type StatefulSet = Entity<StatefulSetSpec, StatefulSetStatus>;

export interface DaemonSetSpec {
  selector: SelectorLike;
  template: PodTemplate;
  updateStrategy?: { type?: string; rollingUpdate?: RollingUpdate };
  minReadySeconds?: number;
  revisionHistoryLimit?: number;
}
export interface DaemonSetStatus {
  currentNumberScheduled?: number;
  numberMisscheduled?: number;
  desiredNumberScheduled?: number;
  numberReady?: number;
  observedGeneration?: number;
  updatedNumberScheduled?: number;
  numberAvailable?: number;
  numberUnavailable?: number;
  collisionCount?: number;
}
export type DaemonSet = Entity<DaemonSetSpec, DaemonSetStatus>;

export interface ControllerRevision extends TypeMeta {
  metadata: ObjectMeta;
  data?: unknown;
  revision: number;
}

export interface PodFailureRule {
  action: string;
  onExitCodes?: { containerName?: string; operator: string; values: number[] };
  onPodConditions?: { type: string; status?: string }[];
}
export interface JobSpec {
  parallelism?: number;
  completions?: number;
  completionMode?: string;
  backoffLimit?: number;
  backoffLimitPerIndex?: number;
  maxFailedIndexes?: number;
  activeDeadlineSeconds?: number;
  ttlSecondsAfterFinished?: number;
  suspend?: boolean;
  selector?: SelectorLike;
  template: PodTemplate;
  podFailurePolicy?: { rules: PodFailureRule[] };
  successPolicy?: { rules: { succeededIndexes?: string; succeededCount?: number }[] };
  podReplacementPolicy?: string;
}
export interface JobStatus {
  active?: number;
  ready?: number;
  terminating?: number;
  succeeded?: number;
  failed?: number;
  startTime?: string;
  completionTime?: string;
  completedIndexes?: string;
  failedIndexes?: string;
  conditions?: Condition[];
  uncountedTerminatedPods?: { succeeded?: string[]; failed?: string[] };
}
export type Job = Entity<JobSpec, JobStatus>;

export interface CronJobSpec {
  schedule: string;
  timeZone?: string;
  startingDeadlineSeconds?: number;
  concurrencyPolicy?: string;
  suspend?: boolean;
  successfulJobsHistoryLimit?: number;
  failedJobsHistoryLimit?: number;
  jobTemplate: { metadata?: Partial<ObjectMeta>; spec: JobSpec };
}
export type CronJob = Entity<
  CronJobSpec,
  {
    active?: {
      apiVersion?: string;
      kind?: string;
      name?: string;
      namespace?: string;
      uid?: string;
    }[];
    lastScheduleTime?: string;
    lastSuccessfulTime?: string;
  }
>;

export type PodDisruptionBudget = Entity<
  { minAvailable?: IntOrString; maxUnavailable?: IntOrString; selector?: SelectorLike },
  {
    observedGeneration?: number;
    disruptedPods?: Record<string, string>;
    disruptionsAllowed?: number;
    currentHealthy?: number;
    desiredHealthy?: number;
    expectedPods?: number;
    conditions?: Condition[];
  }
>;
