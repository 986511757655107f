/** Types of the core group's objects, inferred from their schemas. */
import type { Infer } from '../schema/node.js';
import type {
  affinity,
  nodeSelector,
  toleration,
  topologySpreadConstraint,
} from '../core/affinity.js';
import type { claimSchema } from '../core/claim-schema.js';
import type {
  configMapSchema,
  limitRangeSchema,
  namespaceSchema,
  resourceQuotaSchema,
  secretSchema,
  serviceAccountSchema,
} from '../core/config-schemas.js';
import type { container, resourceRequirements } from '../core/container.js';
import type { eventSchema } from '../core/event-schema.js';
import type { nodeSchema } from '../core/node-schema.js';
import type { podSchema } from '../core/pod-schema.js';
import type { podSpec, podTemplateSpec } from '../core/pod-spec.js';
import type { podStatus } from '../core/pod-status.js';
import type { probe, lifecycle } from '../core/probe.js';
import type { objectReference } from '../core/references.js';
import type { replicationControllerSchema } from '../core/replication-controller-schema.js';
import type { endpointsSchema, serviceSchema } from '../core/service-schema.js';
import type { volume } from '../core/volume.js';
import type { persistentVolumeSchema } from '../core/volume-schema.js';
import type { labelSelector } from '../schema/meta.js';

export type LabelSelector = Infer<typeof labelSelector>;
export type ObjectReference = Infer<typeof objectReference>;
/**
 * The fields that the conditions of every kind have; those of a kind (`PodCondition`) may have more, and require more.
 */
export interface Condition {
  type: string;
  status: string;
  reason?: string | undefined;
  message?: string | undefined;
  lastTransitionTime?: string | undefined;
}
export interface Pod extends Infer<typeof podSchema> {}
export interface PodSpec extends Infer<typeof podSpec> {}
export interface PodStatus extends Infer<typeof podStatus> {}
export type PodCondition = NonNullable<PodStatus['conditions']>[number];
export type ContainerStatus = NonNullable<PodStatus['containerStatuses']>[number];
export type ContainerState = NonNullable<ContainerStatus['state']>;
export interface PodTemplateSpec extends Infer<typeof podTemplateSpec> {}
/** Also fits ephemeral containers, which have the same fields and `targetContainerName`. */
export interface Container extends Infer<typeof container> {}
export type EnvVar = NonNullable<Container['env']>[number];
export type EnvFromSource = NonNullable<Container['envFrom']>[number];
export type ContainerPort = NonNullable<Container['ports']>[number];
export type VolumeMount = NonNullable<Container['volumeMounts']>[number];
export type SecurityContext = NonNullable<Container['securityContext']>;
export type PodSecurityContext = NonNullable<PodSpec['securityContext']>;
export type ResourceRequirements = Infer<typeof resourceRequirements>;
export type Probe = Infer<typeof probe>;
export type Lifecycle = Infer<typeof lifecycle>;
export type Volume = Infer<typeof volume>;
export type Affinity = Infer<typeof affinity>;
export type NodeSelector = Infer<typeof nodeSelector>;
export type PodAffinityTerm = NonNullable<
  NonNullable<Affinity['podAffinity']>['requiredDuringSchedulingIgnoredDuringExecution']
>[number];
export type NodeSelectorTerm = NodeSelector['nodeSelectorTerms'][number];
export type Toleration = Infer<typeof toleration>;
export type TopologySpreadConstraint = Infer<typeof topologySpreadConstraint>;
export interface Node extends Infer<typeof nodeSchema> {}
export type NodeStatus = NonNullable<Node['status']>;
export type NodeCondition = NonNullable<NodeStatus['conditions']>[number];
export type Taint = NonNullable<Node['spec']['taints']>[number];
export interface Service extends Infer<typeof serviceSchema> {}
export type ServiceSpec = Service['spec'];
export type ServicePort = NonNullable<ServiceSpec['ports']>[number];
export interface Endpoints extends Infer<typeof endpointsSchema> {}
export type EndpointSubset = NonNullable<Endpoints['subsets']>[number];
export type EndpointAddress = NonNullable<EndpointSubset['addresses']>[number];
export type EndpointPort = NonNullable<EndpointSubset['ports']>[number];
export interface Namespace extends Infer<typeof namespaceSchema> {}
export interface ConfigMap extends Infer<typeof configMapSchema> {}
export interface Secret extends Infer<typeof secretSchema> {}
export interface ServiceAccount extends Infer<typeof serviceAccountSchema> {}
export interface Event extends Infer<typeof eventSchema> {}
export interface ReplicationController extends Infer<typeof replicationControllerSchema> {}
export interface PersistentVolume extends Infer<typeof persistentVolumeSchema> {}
export interface PersistentVolumeClaim extends Infer<typeof claimSchema> {}
export type PersistentVolumeClaimSpec = PersistentVolumeClaim['spec'];
export type PersistentVolumeClaimStatus = NonNullable<PersistentVolumeClaim['status']>;
export interface ResourceQuota extends Infer<typeof resourceQuotaSchema> {}
export interface LimitRange extends Infer<typeof limitRangeSchema> {}
/** Amounts by resource name, as quantities. */
export type ResourceList = Record<string, string>;
