import type { KubeObject } from '../../../api/object.js';
import type { ClusterRole, PolicyRule, RoleBinding, Subject } from '../../../api/types/policy.js';
import { read, named, on } from '../authz/policy-rules.js';
import { systemBindings, systemRoles } from './policy-system-roles.js';
import { adminRules, editRules, metricsRules, viewRules } from './policy-user-roles.js';

/** Any of the objects of a new cluster's policy: a role with rules or a binding with subjects. */
export type PolicyObject = KubeObject &
  Partial<
    Pick<ClusterRole, 'aggregationRule' | 'rules'> & Pick<RoleBinding, 'roleRef' | 'subjects'>
  >;

const apiVersion = 'rbac.authorization.k8s.io/v1';
const group = 'rbac.authorization.k8s.io';
const defaults = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };
const annotations = { 'rbac.authorization.kubernetes.io/autoupdate': 'true' };
const aggregateTo = (role: string): string => `rbac.authorization.k8s.io/aggregate-to-${role}`;

function clusterRole(
  name: string,
  rules: PolicyRule[],
  labels: Readonly<Record<string, string>> = {},
): PolicyObject {
  return {
    apiVersion,
    kind: 'ClusterRole',
    metadata: { name, labels: { ...defaults, ...labels }, annotations },
    rules,
  };
}

function aggregated(
  name: string,
  from: string,
  rules: PolicyRule[],
  labels: Readonly<Record<string, string>> = {},
): PolicyObject {
  const clusterRoleSelectors = [{ matchLabels: { [aggregateTo(from)]: 'true' } }];
  return { ...clusterRole(name, rules, labels), aggregationRule: { clusterRoleSelectors } };
}

function clusterBinding(role: string, subjects: readonly Subject[]): PolicyObject {
  return {
    apiVersion,
    kind: 'ClusterRoleBinding',
    metadata: { name: role, labels: defaults, annotations },
    roleRef: { apiGroup: group, kind: 'ClusterRole', name: role },
    subjects: [...subjects],
  };
}

function role(namespace: string, name: string, rules: PolicyRule[]): PolicyObject {
  const metadata = { name, namespace, labels: defaults, annotations };
  return { apiVersion, kind: 'Role', metadata, rules };
}

/** Roles and bindings of a new cluster. */
export const defaultPolicy: readonly PolicyObject[] = [
  ...Object.entries(systemRoles).map(([name, rules]) => clusterRole(name, rules)),
  clusterRole('system:aggregate-to-view', viewRules, { [aggregateTo('view')]: 'true' }),
  clusterRole('system:aggregate-to-edit', editRules, { [aggregateTo('edit')]: 'true' }),
  clusterRole('system:aggregate-to-admin', adminRules, { [aggregateTo('admin')]: 'true' }),
  clusterRole('system:aggregated-metrics-reader', metricsRules, {
    [aggregateTo('admin')]: 'true',
    [aggregateTo('edit')]: 'true',
    [aggregateTo('view')]: 'true',
  }),
  aggregated('view', 'view', viewRules, { [aggregateTo('edit')]: 'true' }),
  aggregated('edit', 'edit', [...editRules, ...viewRules], { [aggregateTo('admin')]: 'true' }),
  aggregated('admin', 'admin', [...adminRules, ...editRules, ...viewRules]),
  ...Object.entries(systemBindings).map(([name, subjects]) => clusterBinding(name, subjects)),
  role('kube-public', 'system:controller:bootstrap-signer', [
    on('', 'configmaps', read),
    named('', 'configmaps', ['cluster-info'], ['update']),
  ]),
  role('kube-system', 'extension-apiserver-authentication-reader', [
    named('', 'configmaps', ['extension-apiserver-authentication'], read),
  ]),
];
