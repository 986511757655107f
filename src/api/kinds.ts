/** All built-in kinds. */
import { mutatingWebhookKind, validatingWebhookKind } from './admission/kinds.js';
import { validatingPolicyBindingKind, validatingPolicyKind } from './admission/policy-kinds.js';
import { apiServiceKind } from './apiregistration/api-service.js';
import { customResourceDefinitionKind } from './apiextensions/definition.js';
import {
  controllerRevisionKind,
  daemonSetKind,
  deploymentKind,
  replicaSetKind,
  statefulSetKind,
} from './apps/kinds.js';
import {
  selfSubjectReviewKind,
  tokenRequestKind,
  tokenReviewKind,
} from './authentication/kinds.js';
import {
  localSubjectAccessReviewKind,
  selfSubjectAccessReviewKind,
  selfSubjectRulesReviewKind,
  subjectAccessReviewKind,
} from './authorization/kinds.js';
import {
  horizontalPodAutoscalerKind,
  horizontalPodAutoscalerV1Kind,
  scaleKind,
} from './autoscaling/kinds.js';
import { cronJobKind, jobKind } from './batch/kinds.js';
import { certificateSigningRequestKind } from './certificates/kinds.js';
import { leaseKind } from './coordination/lease.js';
import {
  bindingKind,
  componentStatusKind,
  configMapKind,
  namespaceKind,
  secretKind,
  serviceAccountKind,
} from './core/config.js';
import { eventKind, newEventKind } from './core/event.js';
import { limitRangeKind, replicationControllerKind, resourceQuotaKind } from './core/limits.js';
import { nodeKind } from './core/node.js';
import { podKind, podTemplateKind } from './core/pod.js';
import { endpointsKind, serviceKind } from './core/service.js';
import { persistentVolumeClaimKind, persistentVolumeKind } from './core/storage.js';
import { endpointSliceKind } from './discovery/endpoint-slice.js';
import { flowSchemaKind, priorityLevelKind } from './flowcontrol/kinds.js';
import type { KindDeclaration } from './kind.js';
import { nodeMetricsKind, podMetricsKind } from './metrics/kinds.js';
import { ipAddressKind, serviceCidrKind } from './networking/address-kinds.js';
import { ingressClassKind, ingressKind, networkPolicyKind } from './networking/kinds.js';
import { runtimeClassKind } from './node/runtime-class.js';
import { evictionKind, podDisruptionBudgetKind } from './policy/kinds.js';
import {
  clusterRoleBindingKind,
  clusterRoleKind,
  roleBindingKind,
  roleKind,
} from './rbac/kinds.js';
import { KindRegistry } from './registry.js';
import { priorityClassKind } from './scheduling/priority-class.js';
import { csiDriverKind, csiNodeKind } from './storage/csi-kinds.js';
import { csiStorageCapacityKind } from './storage/csi-storage-capacity.js';
import { storageClassKind, volumeAttachmentKind } from './storage/kinds.js';

/** Kinds that are bodies of subresources and no resources of their own. */
export const subresourceKinds: readonly KindDeclaration[] = [
  evictionKind,
  scaleKind,
  tokenRequestKind,
];

/** The built-in resources. */
export const builtInKinds: readonly KindDeclaration[] = [
  bindingKind,
  componentStatusKind,
  configMapKind,
  endpointsKind,
  eventKind,
  limitRangeKind,
  namespaceKind,
  nodeKind,
  persistentVolumeClaimKind,
  persistentVolumeKind,
  podKind,
  podTemplateKind,
  replicationControllerKind,
  resourceQuotaKind,
  secretKind,
  serviceAccountKind,
  serviceKind,
  apiServiceKind,
  controllerRevisionKind,
  daemonSetKind,
  deploymentKind,
  replicaSetKind,
  statefulSetKind,
  newEventKind,
  selfSubjectReviewKind,
  tokenReviewKind,
  localSubjectAccessReviewKind,
  selfSubjectAccessReviewKind,
  selfSubjectRulesReviewKind,
  subjectAccessReviewKind,
  horizontalPodAutoscalerKind,
  horizontalPodAutoscalerV1Kind,
  cronJobKind,
  jobKind,
  certificateSigningRequestKind,
  ingressClassKind,
  ingressKind,
  ipAddressKind,
  networkPolicyKind,
  serviceCidrKind,
  podDisruptionBudgetKind,
  clusterRoleBindingKind,
  clusterRoleKind,
  roleBindingKind,
  roleKind,
  csiDriverKind,
  csiNodeKind,
  csiStorageCapacityKind,
  storageClassKind,
  volumeAttachmentKind,
  mutatingWebhookKind,
  validatingWebhookKind,
  validatingPolicyKind,
  validatingPolicyBindingKind,
  customResourceDefinitionKind,
  priorityClassKind,
  leaseKind,
  runtimeClassKind,
  endpointSliceKind,
  flowSchemaKind,
  priorityLevelKind,
  nodeMetricsKind,
  podMetricsKind,
];

/** A registry with the built-in resources. */
export function builtInRegistry(): KindRegistry {
  return new KindRegistry(builtInKinds);
}
