/**
 * The names that Go's types of Kubernetes give to texts, by definition and field: an answer to a number in the place of
 * a text names them. A type of another version has that before it.
 */
const lines = `
admissionregistration/v1.MatchResources matchPolicy=MatchPolicyType
admissionregistration/v1.MutatingWebhook failurePolicy=FailurePolicyType matchPolicy=MatchPolicyType
admissionregistration/v1.MutatingWebhook sideEffects=SideEffectClass reinvocationPolicy=ReinvocationPolicyType
admissionregistration/v1.ParamRef parameterNotFoundAction=ParameterNotFoundActionType
admissionregistration/v1.Rule scope=ScopeType
admissionregistration/v1.RuleWithOperations operations=OperationType
admissionregistration/v1.ValidatingAdmissionPolicyBindingSpec validationActions=ValidationAction
admissionregistration/v1.ValidatingAdmissionPolicySpec failurePolicy=FailurePolicyType
admissionregistration/v1.ValidatingWebhook failurePolicy=FailurePolicyType matchPolicy=MatchPolicyType
admissionregistration/v1.ValidatingWebhook sideEffects=SideEffectClass
apps/v1.DaemonSetCondition type=DaemonSetConditionType
apps/v1.DaemonSetUpdateStrategy type=DaemonSetUpdateStrategyType
apps/v1.DeploymentCondition type=DeploymentConditionType
apps/v1.DeploymentStrategy type=DeploymentStrategyType
apps/v1.ReplicaSetCondition type=ReplicaSetConditionType
apps/v1.StatefulSetCondition type=StatefulSetConditionType
apps/v1.StatefulSetPersistentVolumeClaimRetentionPolicy whenDeleted=PersistentVolumeClaimRetentionPolicyType
apps/v1.StatefulSetPersistentVolumeClaimRetentionPolicy whenScaled=PersistentVolumeClaimRetentionPolicyType
apps/v1.StatefulSetSpec podManagementPolicy=PodManagementPolicyType
apps/v1.StatefulSetUpdateStrategy type=StatefulSetUpdateStrategyType
autoscaling/v1.HorizontalPodAutoscalerCondition type=HorizontalPodAutoscalerConditionType
autoscaling/v1.MetricSpec type=MetricSourceType
autoscaling/v1.MetricStatus type=MetricSourceType
autoscaling/v2.HPAScalingPolicy type=HPAScalingPolicyType
autoscaling/v2.HPAScalingRules selectPolicy=ScalingPolicySelect
autoscaling/v2.HorizontalPodAutoscalerCondition type=HorizontalPodAutoscalerConditionType
autoscaling/v2.MetricSpec type=MetricSourceType
autoscaling/v2.MetricStatus type=MetricSourceType
autoscaling/v2.MetricTarget type=MetricTargetType
batch/v1.CronJobSpec concurrencyPolicy=ConcurrencyPolicy
batch/v1.JobCondition type=JobConditionType
batch/v1.JobSpec completionMode=CompletionMode podReplacementPolicy=PodReplacementPolicy
batch/v1.PodFailurePolicyOnExitCodesRequirement operator=PodFailurePolicyOnExitCodesOperator
batch/v1.PodFailurePolicyRule action=PodFailurePolicyAction
certificates/v1.CertificateSigningRequestCondition type=RequestConditionType
certificates/v1.CertificateSigningRequestSpec usages=KeyUsage
coordination/v1.LeaseSpec strategy=CoordinatedLeaseStrategy
core/v1.AppArmorProfile type=AppArmorProfileType
core/v1.AttachedVolume name=UniqueVolumeName
core/v1.AzureDiskVolumeSource cachingMode=AzureDataDiskCachingMode kind=AzureDataDiskKind
core/v1.Capabilities add=Capability drop=Capability
core/v1.ComponentCondition type=ComponentConditionType status=ConditionStatus
core/v1.Container imagePullPolicy=PullPolicy
core/v1.Container restartPolicy=ContainerRestartPolicy terminationMessagePolicy=TerminationMessagePolicy
core/v1.ContainerPort protocol=Protocol
core/v1.ContainerResizePolicy resourceName=ResourceName restartPolicy=ResourceResizeRestartPolicy
core/v1.ContainerStatus stopSignal=Signal
core/v1.EmptyDirVolumeSource medium=StorageMedium
core/v1.EndpointPort protocol=Protocol
core/v1.EphemeralContainerCommon restartPolicy=ContainerRestartPolicy
core/v1.EphemeralContainerCommon terminationMessagePolicy=TerminationMessagePolicy imagePullPolicy=PullPolicy
core/v1.HTTPGetAction scheme=URIScheme
core/v1.HostPathVolumeSource type=HostPathType
core/v1.ImageVolumeSource pullPolicy=PullPolicy
core/v1.Lifecycle stopSignal=Signal
core/v1.LimitRangeItem type=LimitType
core/v1.LoadBalancerIngress ipMode=LoadBalancerIPMode
core/v1.ModifyVolumeStatus status=PersistentVolumeClaimModifyVolumeStatus
core/v1.NamespaceCondition type=NamespaceConditionType status=ConditionStatus
core/v1.NamespaceSpec finalizers=FinalizerName
core/v1.NamespaceStatus phase=NamespacePhase
core/v1.NodeAddress type=NodeAddressType
core/v1.NodeCondition type=NodeConditionType status=ConditionStatus
core/v1.NodeSelectorRequirement operator=NodeSelectorOperator
core/v1.NodeStatus phase=NodePhase volumesInUse=UniqueVolumeName
core/v1.PersistentVolumeClaimCondition type=PersistentVolumeClaimConditionType status=ConditionStatus
core/v1.PersistentVolumeClaimSpec accessModes=PersistentVolumeAccessMode volumeMode=PersistentVolumeMode
core/v1.PersistentVolumeClaimStatus phase=PersistentVolumeClaimPhase accessModes=PersistentVolumeAccessMode
core/v1.PersistentVolumeSpec accessModes=PersistentVolumeAccessMode
core/v1.PersistentVolumeSpec persistentVolumeReclaimPolicy=PersistentVolumeReclaimPolicy
core/v1.PersistentVolumeSpec volumeMode=PersistentVolumeMode
core/v1.PersistentVolumeStatus phase=PersistentVolumePhase
core/v1.PodCondition type=PodConditionType status=ConditionStatus
core/v1.PodOS name=OSName
core/v1.PodReadinessGate conditionType=PodConditionType
core/v1.PodSecurityContext fsGroupChangePolicy=PodFSGroupChangePolicy seLinuxChangePolicy=PodSELinuxChangePolicy
core/v1.PodSecurityContext supplementalGroupsPolicy=SupplementalGroupsPolicy
core/v1.PodSpec restartPolicy=RestartPolicy dnsPolicy=DNSPolicy preemptionPolicy=PreemptionPolicy
core/v1.PodStatus phase=PodPhase qosClass=PodQOSClass resize=PodResizeStatus
core/v1.PortStatus protocol=Protocol
core/v1.ReplicationControllerCondition type=ReplicationControllerConditionType status=ConditionStatus
core/v1.ResourceHealth resourceID=ResourceID health=ResourceHealthStatus
core/v1.ResourceQuotaSpec scopes=ResourceQuotaScope
core/v1.ResourceStatus name=ResourceName
core/v1.ScopedResourceSelectorRequirement scopeName=ResourceQuotaScope operator=ScopeSelectorOperator
core/v1.SeccompProfile type=SeccompProfileType
core/v1.Secret type=SecretType
core/v1.SecurityContext procMount=ProcMountType
core/v1.ServicePort protocol=Protocol
core/v1.ServiceSpec externalTrafficPolicy=ServiceExternalTrafficPolicy ipFamilies=IPFamily
core/v1.ServiceSpec ipFamilyPolicy=IPFamilyPolicy internalTrafficPolicy=ServiceInternalTrafficPolicy
core/v1.ServiceSpec type=ServiceType sessionAffinity=ServiceAffinity
core/v1.Taint effect=TaintEffect
core/v1.Toleration operator=TolerationOperator effect=TaintEffect
core/v1.TopologySpreadConstraint nodeAffinityPolicy=NodeInclusionPolicy nodeTaintsPolicy=NodeInclusionPolicy
core/v1.TopologySpreadConstraint whenUnsatisfiable=UnsatisfiableConstraintAction
core/v1.VolumeMount recursiveReadOnly=RecursiveReadOnlyMode mountPropagation=MountPropagationMode
core/v1.VolumeMountStatus recursiveReadOnly=RecursiveReadOnlyMode
discovery/v1.EndpointPort protocol=Protocol
discovery/v1.EndpointSlice addressType=AddressType
flowcontrol/v1.FlowDistinguisherMethod type=FlowDistinguisherMethodType
flowcontrol/v1.FlowSchemaCondition type=FlowSchemaConditionType status=ConditionStatus
flowcontrol/v1.LimitResponse type=LimitResponseType
flowcontrol/v1.PriorityLevelConfigurationCondition type=PriorityLevelConfigurationConditionType status=ConditionStatus
flowcontrol/v1.PriorityLevelConfigurationSpec type=PriorityLevelEnablement
flowcontrol/v1.Subject kind=SubjectKind
networking/v1.HTTPIngressPath pathType=PathType
networking/v1.IngressPortStatus protocol=Protocol
networking/v1.NetworkPolicyPort protocol=Protocol
networking/v1.NetworkPolicySpec policyTypes=PolicyType
apiregistration/v1.APIServiceCondition type=APIServiceConditionType status=ConditionStatus
meta/v1.Condition status=ConditionStatus
meta/v1.LabelSelectorRequirement operator=LabelSelectorOperator
admissionregistration/v1.NamedRuleWithOperations operations=OperationType scope=ScopeType
admissionregistration/v1.RuleWithOperations scope=ScopeType
policy/v1.PodDisruptionBudgetSpec unhealthyPodEvictionPolicy=UnhealthyPodEvictionPolicyType
storage/v1.CSIDriverSpec volumeLifecycleModes=VolumeLifecycleMode fsGroupPolicy=FSGroupPolicy
storage/v1.StorageClass reclaimPolicy=PersistentVolumeReclaimPolicy volumeBindingMode=VolumeBindingMode
`;

const names = new Map<string, ReadonlyMap<string, string>>();
for (const line of lines.trim().split('\n')) {
  const [definition = '', ...fields] = line.split(' ');
  const version = /\/(v\w+)\./.exec(definition)?.[1] ?? '';
  const entries = fields.map((field): [string, string] => {
    const [name = '', type = ''] = field.split('=');
    return [name, type.includes('.') ? type : `${version}.${type}`];
  });
  names.set(definition, new Map([...(names.get(definition) ?? []), ...entries]));
}

/**
 * The name of the type of a field that is a text, or a list of texts; undefined where Go has none for it.
 * @param definition as in OpenAPI, `io.k8s.api.core.v1.PodSpec`
 */
export function goNameOf(definition: string | undefined, field: string): string | undefined {
  const [group = '', version = '', name = ''] = (definition ?? '').split('.').slice(-3);
  return names.get(`${group}/${version}.${name}`)?.get(field);
}
