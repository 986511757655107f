import type { ResourceId } from './types.js';

const core = (resource: string): ResourceId => ({ group: '', version: 'v1', resource });
const named = (group: string, resource: string): ResourceId => ({ group, version: 'v1', resource });

/** The resources that the cluster's own components name. */
export const resources = {
  pods: core('pods'),
  nodes: core('nodes'),
  services: core('services'),
  endpoints: core('endpoints'),
  events: core('events'),
  namespaces: core('namespaces'),
  secrets: core('secrets'),
  configMaps: core('configmaps'),
  serviceAccounts: core('serviceaccounts'),
  claims: core('persistentvolumeclaims'),
  volumes: core('persistentvolumes'),
  resourceQuotas: core('resourcequotas'),
  replicationControllers: core('replicationcontrollers'),
  deployments: named('apps', 'deployments'),
  replicaSets: named('apps', 'replicasets'),
  statefulSets: named('apps', 'statefulsets'),
  daemonSets: named('apps', 'daemonsets'),
  controllerRevisions: named('apps', 'controllerrevisions'),
  jobs: named('batch', 'jobs'),
  cronJobs: named('batch', 'cronjobs'),
  runtimeClasses: named('node.k8s.io', 'runtimeclasses'),
  ingresses: named('networking.k8s.io', 'ingresses'),
  ingressClasses: named('networking.k8s.io', 'ingressclasses'),
  networkPolicies: named('networking.k8s.io', 'networkpolicies'),
  endpointSlices: named('discovery.k8s.io', 'endpointslices'),
  leases: named('coordination.k8s.io', 'leases'),
  storageClasses: named('storage.k8s.io', 'storageclasses'),
  disruptionBudgets: named('policy', 'poddisruptionbudgets'),
  autoscalers: { group: 'autoscaling', version: 'v2', resource: 'horizontalpodautoscalers' },
  apiServices: named('apiregistration.k8s.io', 'apiservices'),
  podMetrics: { group: 'metrics.k8s.io', version: 'v1beta1', resource: 'pods' },
  certificateRequests: named('certificates.k8s.io', 'certificatesigningrequests'),
  accessReviews: named('authorization.k8s.io', 'subjectaccessreviews'),
  clusterRoles: named('rbac.authorization.k8s.io', 'clusterroles'),
  customResourceDefinitions: named('apiextensions.k8s.io', 'customresourcedefinitions'),
} satisfies Record<string, ResourceId>;
