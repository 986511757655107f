/**
 * The roles of the system's parts (plugin/pkg/auth/authorizer/rbac/bootstrappolicy), as far as the parts exist here.
 */
import type { PolicyRule, Subject } from '../../../api/types/policy.js';
import { all, events, named, on, paths, read, readWrite } from '../authz/policy-rules.js';

const discoveryPaths =
  '/api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version /version/';
const healthPaths = '/healthz /livez /readyz /version /version/';
const discoveryGroup = 'discovery.k8s.io';

function electedLeases(name: string): PolicyRule[] {
  return [
    on('coordination.k8s.io', 'leases', ['create']),
    named('coordination.k8s.io', 'leases', [name], ['get', 'list', 'watch', 'update', 'patch']),
  ];
}

/** The rules of the roles of components, by name without `system:`. */
export const systemRoles: Readonly<Record<string, PolicyRule[]>> = {
  'cluster-admin': [on('*', '*', all), paths('*', all)],
  'system:discovery': [paths(discoveryPaths)],
  'system:public-info-viewer': [paths(healthPaths)],
  'system:monitoring': [
    paths(
      '/healthz /healthz/* /livez /livez/* /metrics /metrics/slis /readyz /readyz/* /trireme/cluster',
    ),
  ],
  // Numbers and times of revisions, for those who read what they may read as it was.
  'system:trireme:revisions': [paths('/trireme/revisions')],
  'system:basic-user': [
    on('authorization.k8s.io', 'selfsubjectaccessreviews selfsubjectrulesreviews', ['create']),
    on('authentication.k8s.io', 'selfsubjectreviews', ['create']),
  ],
  'system:heapster': [
    on('', 'events namespaces nodes pods', read),
    on('extensions', 'deployments', read),
  ],
  'system:node-proxier': [
    on('', 'services endpoints', ['list', 'watch']),
    on('', 'nodes', ['get', 'list', 'watch']),
    ...events,
    on(discoveryGroup, 'endpointslices', ['list', 'watch']),
    on('networking.k8s.io', 'servicecidrs', ['list', 'watch']),
  ],
  'system:kubelet-api-admin': [
    on('', 'nodes', ['get', 'list', 'watch', 'proxy']),
    on(
      '',
      'nodes/configz nodes/healthz nodes/log nodes/metrics nodes/pods nodes/proxy nodes/stats',
      all,
    ),
  ],
  'system:node-bootstrapper': [
    on('certificates.k8s.io', 'certificatesigningrequests', ['create', 'get', 'list', 'watch']),
  ],
  'system:auth-delegator': [
    on('authentication.k8s.io', 'tokenreviews', ['create']),
    on('authorization.k8s.io', 'subjectaccessreviews', ['create']),
  ],
  'system:kube-aggregator': [on('', 'endpoints services', read)],
  'system:persistent-volume-provisioner': [
    on('', 'persistentvolumes', ['create', 'delete', 'get', 'list', 'watch']),
    on('', 'persistentvolumeclaims', ['get', 'list', 'update', 'watch']),
    on('storage.k8s.io', 'storageclasses', read),
    on('', 'events', ['watch']),
    ...events,
  ],
  'system:service-account-issuer-discovery': [
    paths(
      '/.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/',
    ),
  ],
  'system:certificates.k8s.io:certificatesigningrequests:nodeclient': [
    on('certificates.k8s.io', 'certificatesigningrequests/nodeclient', ['create']),
  ],
  'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient': [
    on('certificates.k8s.io', 'certificatesigningrequests/selfnodeclient', ['create']),
  ],
  // The roles that approve requests for one signer, and for no other.
  ...Object.fromEntries(
    [
      'kube-apiserver-client',
      'kube-apiserver-client-kubelet',
      'kubelet-serving',
      'legacy-unknown',
    ].map((signer): [string, PolicyRule[]] => [
      `system:certificates.k8s.io:${signer}-approver`,
      [named('certificates.k8s.io', 'signers', [`kubernetes.io/${signer}`], ['approve'])],
    ]),
  ),
  'system:node': [
    on('authentication.k8s.io', 'tokenreviews', ['create']),
    on('authorization.k8s.io', 'localsubjectaccessreviews subjectaccessreviews', ['create']),
    on('', 'services', read),
    on('', 'nodes', ['create', 'get', 'list', 'watch', 'patch', 'update']),
    on('', 'nodes/status', ['patch', 'update']),
    ...events,
    on('', 'pods', ['create', 'delete', 'get', 'list', 'watch']),
    on('', 'pods/status', ['patch', 'update']),
    on('', 'pods/eviction', ['create']),
    on('', 'configmaps secrets', read),
    on('', 'persistentvolumeclaims persistentvolumes', ['get']),
    on('', 'endpoints', ['get']),
    on('', 'serviceaccounts/token', ['create']),
    on('certificates.k8s.io', 'certificatesigningrequests', ['create', 'get', 'list', 'watch']),
    on('coordination.k8s.io', 'leases', ['create', 'delete', 'get', 'patch', 'update']),
    on('storage.k8s.io', 'volumeattachments', ['get']),
    on('storage.k8s.io', 'csidrivers', read),
    on('node.k8s.io', 'runtimeclasses', read),
  ],
  'system:kube-scheduler': [
    ...events,
    ...electedLeases('kube-scheduler'),
    on('', 'nodes', read),
    on('', 'pods', ['delete', 'get', 'list', 'watch']),
    on('', 'bindings pods/binding', ['create']),
    on('', 'pods/status', ['patch', 'update']),
    on('', 'namespaces replicationcontrollers services', read),
    on('apps', 'replicasets statefulsets', read),
    on('policy', 'poddisruptionbudgets', read),
    on('', 'persistentvolumeclaims persistentvolumes', ['get', 'list', 'watch', 'patch', 'update']),
    on(
      'storage.k8s.io',
      'csidrivers csinodes csistoragecapacities storageclasses volumeattachments',
      read,
    ),
    on('scheduling.k8s.io', 'priorityclasses', read),
    on('authentication.k8s.io', 'tokenreviews', ['create']),
    on('authorization.k8s.io', 'subjectaccessreviews', ['create']),
  ],
  'system:volume-scheduler': [
    on('', 'persistentvolumes', ['get', 'list', 'patch', 'update', 'watch']),
    on('storage.k8s.io', 'storageclasses', read),
    on('', 'persistentvolumeclaims', ['get', 'list', 'patch', 'update', 'watch']),
  ],
  // One program runs all controllers under one identity, so the role is the sum of the controllers' roles.
  'system:kube-controller-manager': [
    ...events,
    ...electedLeases('kube-controller-manager'),
    on('*', '*', read),
    on('', '*', readWrite),
    on('apps', '*', readWrite),
    on('batch', '*', readWrite),
    on('autoscaling', '*', readWrite),
    on('policy', '*', readWrite),
    on('coordination.k8s.io', '*', readWrite),
    on(discoveryGroup, '*', readWrite),
    on('storage.k8s.io', '*', readWrite),
    on('certificates.k8s.io', '*', [...readWrite, 'sign', 'approve']),
    on('networking.k8s.io', '*', readWrite),
    on('rbac.authorization.k8s.io', 'clusterroles', [
      'escalate',
      'get',
      'list',
      'patch',
      'update',
      'watch',
    ]),
    on('*', '*', ['delete', 'deletecollection', 'patch', 'update']),
    on('', 'serviceaccounts/token', ['create']),
    on('authentication.k8s.io', 'tokenreviews', ['create']),
    on('authorization.k8s.io', 'subjectaccessreviews', ['create']),
  ],
  'system:kube-dns': [on('', 'endpoints services', ['list', 'watch'])],
};

/** Cluster role → who has it. */
export const systemBindings: Readonly<Record<string, readonly Subject[]>> = {
  'cluster-admin': [group('system:masters')],
  'system:monitoring': [group('system:monitoring')],
  'system:discovery': [group('system:authenticated')],
  'system:basic-user': [group('system:authenticated')],
  'system:trireme:revisions': [group('system:authenticated')],
  'system:public-info-viewer': [group('system:authenticated'), group('system:unauthenticated')],
  'system:node-proxier': [user('system:kube-proxy')],
  'system:kube-controller-manager': [user('system:kube-controller-manager')],
  'system:kube-scheduler': [user('system:kube-scheduler')],
  'system:volume-scheduler': [user('system:kube-scheduler')],
  'system:node': [],
  'system:service-account-issuer-discovery': [group('system:serviceaccounts')],
  'system:kube-dns': [{ kind: 'ServiceAccount', name: 'kube-dns', namespace: 'kube-system' }],
};

function group(name: string): Subject {
  return { apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name };
}

function user(name: string): Subject {
  return { apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name };
}
