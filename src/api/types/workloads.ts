/** Types of the apps and batch groups' objects, inferred from their schemas. */
import type {
  controllerRevisionSchema,
  daemonSetSchema,
  deploymentSchema,
  replicaSetSchema,
  statefulSetSchema,
} from '../apps/schemas.js';
import type { cronJobSchema, jobSchema } from '../batch/schemas.js';
import type { Infer } from '../schema/node.js';

export interface Deployment extends Infer<typeof deploymentSchema> {}
export interface ReplicaSet extends Infer<typeof replicaSetSchema> {}
export interface StatefulSet extends Infer<typeof statefulSetSchema> {}
export interface DaemonSet extends Infer<typeof daemonSetSchema> {}
export interface ControllerRevision extends Infer<typeof controllerRevisionSchema> {}
export type DeploymentSpec = Deployment['spec'];
export type DeploymentStatus = NonNullable<Deployment['status']>;
export type ReplicaSetStatus = NonNullable<ReplicaSet['status']>;
export type StatefulSetStatus = NonNullable<StatefulSet['status']>;
export type DaemonSetStatus = NonNullable<DaemonSet['status']>;
export interface Job extends Infer<typeof jobSchema> {}
export interface CronJob extends Infer<typeof cronJobSchema> {}
export type DeploymentCondition = NonNullable<
  NonNullable<Deployment['status']>['conditions']
>[number];
export type JobCondition = NonNullable<NonNullable<Job['status']>['conditions']>[number];
export type JobSpec = Job['spec'];
export type JobStatus = NonNullable<Job['status']>;
export type PodFailureRule = NonNullable<JobSpec['podFailurePolicy']>['rules'][number];
