/**
 * The rules for every node (kubernetes bootstrappolicy `NodeRules`, as of 1.33), and those for Trireme's nodes besides.
 */
import type { PolicyRule } from '../../../api/types/policy.js';
import { on, read } from './policy-rules.js';

const write = ['create', 'update', 'patch'];

/** As the kubelet has it; the resources that {@link NodeAuthorizer} decides on by name are not among them. */
export const nodeRules: readonly PolicyRule[] = [
  on('authentication.k8s.io', 'tokenreviews', ['create']),
  on('authorization.k8s.io', 'localsubjectaccessreviews subjectaccessreviews', ['create']),
  on('', 'services', read),
  on('', 'events', write),
  on('', 'endpoints', ['get']),
  on('certificates.k8s.io', 'certificatesigningrequests', ['create', ...read]),
  on('storage.k8s.io', 'csidrivers', read),
  on('node.k8s.io', 'runtimeclasses', read),
];

/**
 * The rules for work that a worker does under the node's name and a real node under the names of its other programs,
 * whose keys lie on the same disk: kube-proxy, the network plugin (policies, routes), the cluster's DNS, the ingress
 * controller.
 */
export const companionRules: readonly PolicyRule[] = [
  on('', 'namespaces nodes pods', read),
  on('discovery.k8s.io', 'endpointslices', read),
  on('networking.k8s.io', 'ingressclasses ingresses networkpolicies', read),
  on('networking.k8s.io', 'ingresses/status', ['patch', 'update']),
];
