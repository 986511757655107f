/**
 * Work queues whose name in kube-controller-manager's metrics is another than that of our controller. Of its two queues
 * `certificate` one has a name of its own here: they could not be told apart.
 */
const kubernetesNames: Readonly<Record<string, string>> = {
  'certificatesigningrequest-approving-controller': 'certificate_approver',
  'certificatesigningrequest-signing-controller': 'certificate',
  'clusterrole-aggregation': 'ClusterRoleAggregator',
  'disruption-stale': 'stale_pod_disruption',
  endpointslice: 'endpoint_slice',
  'endpointslice-mirroring': 'endpoint_slice_mirroring',
  'ephemeral-volume-controller': 'ephemeral_volume',
  garbagecollector: 'garbage_collector_attempt_to_delete',
  'node-ipam-controller': 'cidrallocator_node',
  'node-lifecycle-controller': 'node_lifecycle_controller',
  'persistentvolume-binder': 'claims',
  'persistentvolume-binder-volumes': 'volumes',
  'persistentvolume-expander-controller': 'volume_expand',
  'persistentvolume-protection-controller': 'pvprotection',
  'persistentvolumeclaim-protection-controller': 'pvcprotection',
  'pod-garbage-collector-controller': 'orphaned_pods_nodes',
  resourcequota: 'resourcequota_primary',
  'root-ca-certificate-publisher': 'root_ca_cert_publisher',
  'service-cidr-controller': 'ipaddresses',
  'serviceaccount-token': 'serviceaccount_tokens_secret',
  'taint-eviction-controller': 'noexec_taint_pod',
  'token-cleaner': 'token_cleaner',
  'ttl-after-finished': 'ttl_jobs_to_delete',
};

/** The `name` of a controller's queue in `workqueue_…`. */
export function queueName(controller: string): string {
  return kubernetesNames[controller] ?? controller;
}
