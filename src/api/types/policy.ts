/** Types of objects about rights, storage, scaling and scheduling, inferred from their schemas. */
import type {
  clusterRoleSchema,
  policyRule,
  roleBindingSchema,
  roleSchema,
} from '../rbac/schemas.js';
import type { Infer } from '../schema/node.js';

export type PolicyRule = Infer<typeof policyRule>;
export interface Role extends Infer<typeof roleSchema> {}
export interface ClusterRole extends Infer<typeof clusterRoleSchema> {}
/** Also fits ClusterRoleBindings. */
export interface RoleBinding extends Infer<typeof roleBindingSchema> {}
export type Subject = NonNullable<RoleBinding['subjects']>[number];
export type { TokenRequest } from '../authentication/kinds.js';
export type { SubjectAccessReview } from '../authorization/kinds.js';
export type { HorizontalPodAutoscaler, Scale } from '../autoscaling/schemas.js';
export type { Lease } from '../coordination/lease.js';
export type { PodDisruptionBudget } from '../policy/kinds.js';
export type { PriorityClass } from '../scheduling/priority-class.js';
export type { CSIDriver, CSINode } from '../storage/csi-kinds.js';
export type { StorageClass, VolumeAttachment } from '../storage/kinds.js';
export type { CertificateSigningRequest } from '../certificates/schemas.js';
export type { RuntimeClass } from '../node/runtime-class.js';
export type { CustomResourceDefinition } from '../apiextensions/schemas.js';
export type {
  MutatingWebhookConfiguration,
  ValidatingWebhookConfiguration,
} from '../admission/schemas.js';
export type {
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from '../admission/policy-schemas.js';
export type { NodeMetrics, PodMetrics } from '../metrics/kinds.js';
export type { APIService } from '../apiregistration/api-service.js';
export type { FlowSchema, PriorityLevelConfiguration } from '../flowcontrol/schemas.js';
