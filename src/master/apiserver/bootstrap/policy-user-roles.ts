/** The roles for people: admin, edit and view, each the sum of what is aggregated into it. */
import type { PolicyRule } from '../../../api/types/policy.js';
import { on, read, write } from '../authz/policy-rules.js';

const workloadScale =
  'deployments deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale';

/** The rules that the role `view` aggregates. */
export const viewRules: PolicyRule[] = [
  on(
    '',
    'configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods ' +
      'replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status',
    read,
  ),
  on(
    '',
    'bindings events limitranges namespaces/status pods/log pods/status ' +
      'replicationcontrollers/status resourcequotas resourcequotas/status',
    read,
  ),
  on('', 'namespaces', read),
  on('discovery.k8s.io', 'endpointslices', read),
  on(
    'apps',
    `controllerrevisions daemonsets daemonsets/status deployments/status replicasets/status statefulsets/status ${workloadScale}`,
    read,
  ),
  on('autoscaling', 'horizontalpodautoscalers horizontalpodautoscalers/status', read),
  on('batch', 'cronjobs cronjobs/status jobs jobs/status', read),
  on('policy', 'poddisruptionbudgets poddisruptionbudgets/status', read),
  on('networking.k8s.io', 'ingresses ingresses/status networkpolicies', read),
];

/** The rules of the role that metrics-server brings; it is aggregated into `view`, `edit` and `admin`. */
export const metricsRules: PolicyRule[] = [on('metrics.k8s.io', 'nodes pods', read)];

/** The rules that the role `edit` has beyond `view`. */
export const editRules: PolicyRule[] = [
  on('', 'pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy', read),
  on('', 'serviceaccounts', ['impersonate']),
  on('', 'pods pods/attach pods/exec pods/portforward pods/proxy', write),
  on('', 'pods/eviction', ['create']),
  on(
    '',
    'configmaps events persistentvolumeclaims replicationcontrollers ' +
      'replicationcontrollers/scale secrets serviceaccounts services services/proxy',
    write,
  ),
  on('', 'serviceaccounts/token', ['create']),
  on('apps', `daemonsets deployments/rollback ${workloadScale}`, write),
  on('autoscaling', 'horizontalpodautoscalers', write),
  on('batch', 'cronjobs jobs', write),
  on('policy', 'poddisruptionbudgets', write),
  on('networking.k8s.io', 'ingresses networkpolicies', write),
  on('coordination.k8s.io', 'leases', [...read, ...write]),
];

/** The rules that the role `admin` has beyond `edit`. */
export const adminRules: PolicyRule[] = [
  on('authorization.k8s.io', 'localsubjectaccessreviews', ['create']),
  on('rbac.authorization.k8s.io', 'rolebindings roles', [...read, ...write]),
];
